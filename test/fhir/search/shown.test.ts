/** Parameters of every kind over a view of a room mean what they mean over stored resources. */

import type { Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Module } from '../../../src/sdk/index.ts';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const offers: Module = {
  name: 'offers',
  title: 'Offers',
  resources: [
    {
      kept: 'projected',
      type: 'ChargeItemDefinition',
      profile: 'https://example.org/StructureDefinition/offer',
      view: 'offer',
      search: {
        title: { type: 'string', column: 'title' },
        version: { type: 'token', column: 'kind' },
        'context-quantity': { type: 'money', column: 'minor', currency: 'currency' },
      },
      render: async (_ctx, rows) =>
        rows.map((row) => ({
          resourceType: 'ChargeItemDefinition',
          url: `urn:${row.id}`,
          status: 'active',
          title: row.title as string,
        })),
    },
  ],
};

const SALES = 2_600;

/** More rows than are walked at once; two of the fairs are of one day. */
const sales: Module = {
  name: 'sales',
  title: 'Sales',
  resources: [
    {
      kept: 'projected',
      type: 'PaymentNotice',
      profile: 'https://example.org/StructureDefinition/sale',
      view: 'sale_fhir',
      idKey: { column: 'sale_id', type: 'uuid' },
      large: { updatedAt: true },
      search: {
        'payment-status': { type: 'token', column: 'kind' },
        identifier: { type: 'token', column: 'number', ordered: 'as-key' },
        provider: {
          type: 'reference',
          column: 'buyer_id',
          target: 'Organization',
          holds: 'rid',
          ordered: true,
        },
        created: {
          type: 'date',
          column: 'day',
          ordered: { table: 'fair', key: 'fair_id', column: 'day', rows: 'fair_id' },
        },
      },
      render: async (_ctx, rows) =>
        rows.map(
          (row) => ({ resourceType: 'PaymentNotice', status: row.kind as string }) as Resource,
        ),
    },
  ],
};

const SALES_TABLES = `
  create table fair (fair_id uuid primary key, day timestamptz not null);
  insert into fair select ('00000000-0000-4000-8000-00000000000' || n)::uuid,
    timestamptz '2026-01-01Z' + n / 2 * interval '1 day' from generate_series(1, 4) n;
  create table sale (key bigint primary key, sale_id uuid unique, fair_id uuid, buyer_id bigint,
    kind text, updated_at timestamptz, version int default 1);
  insert into sale select n, md5(n::text)::uuid,
    ('00000000-0000-4000-8000-00000000000' || 1 + n * 7 % 4)::uuid, nullif(n * 31 % 900, 0),
    case when n % 1000 = 0 then 'rare' when n % 3 = 0 then 'a' else 'b' end,
    timestamptz '2026-01-01Z' + n * 17 % 500 * interval '1 minute'
  from generate_series(1, ${SALES}) n;
  create index on sale (fair_id, key);
  create index on sale (buyer_id);
  create view sale_fhir as select s.*, s.sale_id::text as id, f.day,
    'S' || lpad(s.key::text, 9, '0') as number from sale s join fair f using (fair_id)`;

describe('the order of what a room shows among thousands', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ modules: [sales] });
    await house.database.pool.query(SALES_TABLES);
  });
  after(() => house?.stop());

  const ORDERS: readonly [query: string, order: string, where: string][] = [
    ['_sort=-created', 'day desc, key desc', 'true'],
    ['_sort=created', 'day, key', 'true'],
    ['_sort=-created&payment-status=a', 'day desc, key desc', "kind = 'a'"],
    ['_sort=created&payment-status=rare', 'day, key', "kind = 'rare'"],
    ['_sort=_id', 'sale_id, key', 'true'],
    ['_sort=-_id&payment-status=a', 'sale_id desc, key desc', "kind = 'a'"],
    ['_sort=identifier', 'key', 'true'],
    ['_sort=-identifier,payment-status', 'key desc', 'true'],
    ['_sort=provider', 'buyer_id nulls last, key', 'true'],
    ['_sort=-provider', 'buyer_id desc nulls last, key desc', "kind <> 'c'"],
    ['_sort=-_lastUpdated', 'updated_at desc, key desc', 'true'],
    ['_sort=_lastUpdated,payment-status', 'updated_at, kind collate "C", key', 'true'],
    ['_sort=payment-status', 'kind collate "C", key', 'true'],
    ['', 'key desc', 'true'],
  ];
  for (const [query, order, where] of ORDERS) {
    it(`is that of ${order} for ${query || 'no sort'}, page by page and back`, async () => {
      const { rows } = await house.database.pool.query<{ id: string }>(
        `select id from sale_fhir where ${where} order by ${order}`,
      );
      const pages: string[][] = [];
      let link: string | undefined = `PaymentNotice?_count=1000&_elements=id&${query}`;
      let last: string | undefined;
      while (link) {
        const { json, status, text }: Answer = await house.fetch(link);
        expect(status, text).to.equal(200);
        pages.push(idsOf(json));
        link = linkOf(json, 'next');
        last = linkOf(json, 'previous');
      }
      expect(pages.flat()).to.deep.equal(rows.map((row) => row.id));
      if (pages.length < 2) return;
      const { json } = await house.fetch(last!);
      expect(idsOf(json)).to.deep.equal(pages.at(-2));
    });
  }
});

const idsOf = (json: Json): string[] =>
  (json.entry ?? []).map((each: Json) => each.resource.id as string);

const linkOf = (json: Json, relation: string): string | undefined =>
  json.link.find((each: Json) => each.relation === relation)?.url;

describe('search of what a room shows', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ modules: [offers] });
    await house.database.pool.query(
      `create table offer (id text, key bigint, title text, kind text, minor bigint,
         currency text, updated_at timestamptz default now(), version int default 1);
       insert into offer values ('rice', 1, 'Ríz basmati', 'a', 10000, 'KES'),
         ('oil', 2, '100% Oil', 'b', 10049, 'KES'), ('yen', 3, 'محـمد', null, 100, 'JPY')`,
    );
  });
  after(() => house?.stop());

  const FINDS: Readonly<Record<string, string>> = {
    'title=riz': 'rice',
    'title=RÍZ': 'rice',
    'title=basmati': '',
    'title:contains=BASM': 'rice',
    'title:exact=Ríz basmati': 'rice',
    'title:exact=ríz basmati': '',
    'title=100%25': 'oil',
    'title=1_0': '',
    'title=محمد': 'yen',
    'version=a,b': 'oil,rice',
    'version:not=a': 'oil,yen',
    'version:missing=true': 'yen',
    'context-quantity=100': 'oil,rice,yen',
    'context-quantity=100.00': 'rice,yen',
    'context-quantity=100.00||KES': 'rice',
    'context-quantity=gt100|urn:iso:std:iso:4217|KES': 'oil',
    'context-quantity=100|urn:other|KES': '',
    'context-quantity=ap105||JPY': 'yen',
    'context-quantity=ne100||JPY': '',
    'version:text=a': '400',
  };
  for (const [query, expected] of Object.entries(FINDS)) {
    it(`finds ${expected} by ${query}`, async () => {
      const { json, status } = await house.fetch(`ChargeItemDefinition?${query}`);
      const ids = (json.entry ?? []).map((each: Json) => each.resource.id);
      expect(status === 200 ? ids.sort().join() : String(status)).to.equal(expected);
    });
  }
});
