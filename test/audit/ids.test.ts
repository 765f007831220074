/** Ids in the trail: kept small, shown as they were noted. */

import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { trailBytes, trailKey, trailList } from '../../src/audit/key.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

describe('an id in the trail', () => {
  let database: TestDatabase;
  before(async () => {
    database = await freshDatabase();
  });
  after(() => database.drop());

  const kept = async (ids: readonly (string | null)[]) => {
    const { rows } = await database.pool.query<{ id: string | null; size: number | null }>(
      `select audit_id(key) as id, length(key) as size
       from unnest($1::text[]) with ordinality as x(id, n), lateral audit_key(x.id) key order by n`,
      [ids],
    );
    return rows;
  };

  it('is shown as it was noted, whatever it is', async () => {
    const nearUuids = [
      randomUUID().toUpperCase(),
      randomUUID().replaceAll('-', ''),
      `${randomUUID()}\n`,
      'x'.repeat(17),
      '',
      null,
    ];
    const texts = fc
      .sample(fc.string({ unit: 'grapheme' }), 300)
      .map((each) => each.replaceAll('\0', ''));
    const ids = [...nearUuids, ...texts, ...fc.sample(fc.uuid(), 50)];
    expect((await kept(ids)).map((row) => row.id)).to.deep.equal(ids);
    const noted = ids.filter((each) => each !== null);
    const { rows } = await database.pool.query<{ key: string }>(
      `select encode(audit_key(id), 'hex') as key
       from unnest($1::text[]) with ordinality as x(id, n) order by n`,
      [noted],
    );
    expect(noted.map(trailKey)).to.deep.equal(rows.map((row) => row.key));
    const listed = await database.pool.query<{ key: string | null }>(
      `select encode(key, 'hex') as key from unnest($1::bytea[]) with ordinality as x(key, n) order by n`,
      [trailList([...noted, undefined])],
    );
    expect(listed.rows.map((row) => row.key)).to.deep.equal([...noted.map(trailKey), null]);
  });

  it('takes seventeen bytes when it is a UUID', async () => {
    expect((await kept([randomUUID(), 'sms-7'])).map((row) => row.size)).to.deep.equal([17, 5]);
  });

  it('finds the acts on a Patient by the index', async () => {
    const client = await database.pool.connect();
    try {
      await client.query('begin; set local enable_seqscan = off');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain select id from audit_event_fhir v
         where v.type = 'Patient' and v.resource_key = any(array['${trailBytes(randomUUID())}'::bytea])`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).to.match(/Index Scan (?:on|using) \S*_(?:patient|resource_id_idx)/);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
