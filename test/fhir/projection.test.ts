/** Stored and projected resources of one type are one set to whoever reads and searches. */

import type { Basic } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Module, ProjectedRow } from '../../src/sdk/index.ts';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';

const PROFILE = 'https://example.org/StructureDefinition/slip';
const SYSTEM = 'https://example.org/slip-kind';

interface Slip extends ProjectedRow {
  readonly kind: string;
  readonly person_id: string;
  readonly made_on: string;
}

const slips: Module = {
  name: 'slips',
  title: 'Slips of paper',
  resources: [
    {
      kept: 'projected',
      type: 'Basic',
      profile: PROFILE,
      view: 'slip',
      search: {
        code: { type: 'token', column: 'kind', system: SYSTEM },
        subject: { type: 'reference', column: 'person_id', target: 'Patient', holds: 'id' },
        created: { type: 'date', column: 'made_on' },
      },
      render: async (_ctx, rows) =>
        (rows as readonly Slip[]).map(
          (row): Basic => ({
            resourceType: 'Basic',
            code: { coding: [{ system: SYSTEM, code: row.kind }] },
            subject: { reference: `Patient/${row.person_id}` },
            created: row.made_on,
          }),
        ),
      accept: async (ctx, resource) => {
        await ctx.db.run('insert into slip values ($1, 900, $2, 1, $3, $4, $5)', [
          'taken',
          ctx.now,
          'taken',
          'ana',
          '2026-01-09',
        ]);
        return { ...resource, id: 'taken' };
      },
    },
  ],
};

describe('a type that is stored and shown by a room', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ modules: [slips] });
    await house.database.pool.query(
      `create table slip (id text, key bigint, updated_at timestamptz, version int, kind text,
         person_id text, made_on date)`,
    );
    await house.database.pool.query(
      `insert into slip select 'slip-' || n, n, timestamptz '2026-01-01Z' + n * interval '1 hour', 2,
         case n % 2 when 0 then 'even' else 'odd' end, 'ana', date '2026-01-01' + n
       from generate_series(1, 6) n`,
    );
    await house.fetch('Patient/ana', {
      method: 'PUT',
      body: { resourceType: 'Patient', id: 'ana' },
    });
    for (let day = 2; day <= 4; day += 1) {
      const answer = await house.fetch(`Basic/own-${day}`, {
        method: 'PUT',
        body: {
          resourceType: 'Basic',
          id: `own-${day}`,
          code: { coding: [{ system: SYSTEM, code: 'even' }] },
          subject: { reference: 'Patient/ana' },
          created: `2026-01-0${day}`,
        },
      });
      expect(answer.status, answer.text).to.equal(201);
    }
  });
  after(() => house?.stop());

  const idsOf = ({ json }: Answer): string[] =>
    (json.entry ?? []).map((each: { resource: Basic }) => each.resource.id);

  it('is read by id with its version and profile', async () => {
    const { status, json, headers } = await house.fetch('Basic/slip-3');
    expect(status).to.equal(200);
    expect(headers.get('etag')).to.equal('W/"2"');
    expect(json.meta.profile).to.deep.equal([PROFILE]);
    expect((await house.fetch('Basic/slip-3/_history/2')).json).to.deep.equal(json);
    expect((await house.fetch('Basic/slip-99')).status).to.equal(404);
  });

  const FINDS: readonly [string, number][] = [
    ['Basic?subject:missing=false', 9],
    ['Basic?code=even', 6],
    [`Basic?code=${SYSTEM}|odd`, 3],
    ['Basic?code=other|odd', 0],
    ['Basic?subject=Patient/ana', 9],
    ['Basic?subject=ana&code:not=even', 3],
    ['Basic?created=lt2026-01-04', 4],
    ['Basic?_id=slip-1,own-2', 2],
    [`Basic?_profile=${PROFILE}`, 6],
    ['Basic?_tag=x', 0],
    ['Basic?subject:missing=true&code=even,odd', 0],
  ];
  for (const [query, count] of FINDS) {
    it(`gives ${count} for ${query}`, async () => {
      const answer = await house.fetch(`${query}${query.includes('?') ? '&' : '?'}_total=accurate`);
      expect(answer.status, answer.text).to.equal(200);
      expect(idsOf(answer)).to.have.length(count);
      expect(answer.json.total).to.equal(count);
    });
  }

  for (const sort of [
    '',
    '&_sort=created',
    '&_sort=-created',
    '&_sort=_id',
    '&_sort=-_lastUpdated',
  ]) {
    it(`pages forth and back over both with ${sort || 'no sort'}`, async () => {
      const whole = idsOf(await house.fetch(`Basic?code=even,odd&_count=100${sort}`));
      expect(new Set(whole).size).to.equal(9);
      const linkOf = ({ json }: Answer, relation: string): string | undefined =>
        json.link.find((each: { relation: string }) => each.relation === relation)?.url;
      const forth: string[][] = [];
      let page = await house.fetch(`Basic?code=even,odd&_count=2${sort}`);
      for (;;) {
        forth.push(idsOf(page));
        const next = linkOf(page, 'next');
        if (!next) break;
        page = await house.fetch(next);
      }
      expect(forth.flat()).to.deep.equal(whole);
      const back: string[][] = [];
      for (let link = linkOf(page, 'previous'); link; link = linkOf(page, 'previous')) {
        page = await house.fetch(link);
        back.unshift(idsOf(page));
      }
      expect(back).to.deep.equal(forth.slice(0, -1));
    });
  }

  it('refuses what the room does not serve, and names what it does', async () => {
    const { status, json } = await house.fetch('Basic?identifier=1');
    expect(status).to.equal(400);
    expect(json.issue[0].diagnostics).to.include('code, subject, created');
  });

  it('is referred to, and belongs to everything of a person', async () => {
    const flag = {
      resourceType: 'Flag',
      status: 'active',
      code: { text: 'x' },
      subject: { reference: 'Patient/ana' },
      author: { reference: 'Patient/ana' },
    };
    expect((await house.fetch('Flag', { body: flag })).status).to.equal(201);
    const all = idsOf(await house.fetch('Patient/ana/$everything'));
    expect(all).to.include.members(['ana', 'slip-1', 'slip-6', 'own-2']);
  });

  it('is taken by the room when it declares the room’s profile', async () => {
    const answer = await house.fetch('Basic', {
      body: {
        resourceType: 'Basic',
        meta: { profile: [PROFILE] },
        code: { coding: [{ system: SYSTEM, code: 'taken' }] },
      },
    });
    expect(answer.status, answer.text).to.equal(201);
    expect((await house.fetch('Basic/taken')).status).to.equal(200);
  });
});
