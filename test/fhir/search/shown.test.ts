/** Parameters of every kind over a view of a room mean what they mean over stored resources. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Module } from '../../../src/sdk/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

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
