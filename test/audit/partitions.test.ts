/** The trail stands in a partition a month; none is missing, none is lost, and the seal holds. */

import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { makePartitions } from '../../src/audit/partitions.ts';
import { seal } from '../../src/audit/seal.ts';
import { verify } from '../../src/audit/verify.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const DAY = 24 * 3600;
const START = '2030-01-15T08:00:00Z';

describe('the partitions of the trail', () => {
  let database: TestDatabase;
  let app: SmallApp;

  beforeEach(async () => {
    database = await freshDatabase();
    app = smallApp(database);
    // The template of test databases has the months about the usual start of a test's clock.
    app.clock.set(START);
  });
  afterEach(() => database.drop());

  const write = (count: number) =>
    app.work(async (ctx) => {
      for (let n = 0; n < count; n += 1) ctx.audit({ action: 'U', interaction: 'update' });
    });
  const make = () => app.work(makePartitions);
  /** Seals until `rows` are sealed: other databases of a shared server may hold the seal back. */
  const sealAll = async (rows: number): Promise<void> => {
    let sealed = 0;
    while (sealed < rows) {
      const some = await app.work(seal);
      if (some === 0) await pause(50);
      sealed += some;
    }
    expect(sealed).to.equal(rows);
  };
  const places = async (): Promise<Record<string, number>> => {
    const { rows } = await database.pool.query<{ place: string; n: number }>(
      `select tableoid::regclass::text as place, count(*)::int as n
       from audit_event group by 1 order by 1`,
    );
    return Object.fromEntries(rows.map((row) => [row.place, row.n]));
  };

  it('are made for this month and the two that come, once', async () => {
    expect(await make()).to.deep.equal([
      'audit_event_2030_01',
      'audit_event_2030_02',
      'audit_event_2030_03',
    ]);
    expect(await make()).to.deep.equal([]);
    app.clock.advance(31 * DAY);
    expect(await make()).to.deep.equal(['audit_event_2030_04']);
  });

  it('are made once when several processes start at the same time', async () => {
    const made = await Promise.all([make(), make(), make(), make()]);
    expect(made.flat()).to.have.length(3);
  });

  it('take the rows of their month, by UTC', async () => {
    await make();
    app.clock.set(new Date('2030-01-31T23:59:59.999Z'));
    await write(2);
    app.clock.set(new Date('2030-02-01T00:00:00Z'));
    await write(3);
    expect(await places()).to.deep.equal({ audit_event_2030_01: 2, audit_event_2030_02: 3 });
  });

  it('lose nothing that came before they were made: it is moved, and stays as it was sealed', async () => {
    await write(4);
    app.clock.advance(400 * DAY);
    await write(3);
    expect(await places()).to.deep.equal({ audit_event_rest: 7 });
    await sealAll(7);
    await write(2);
    expect(await make()).to.include.members(['audit_event_2030_01', 'audit_event_2031_02']);
    expect(await places()).to.deep.equal({ audit_event_2030_01: 4, audit_event_2031_02: 5 });
    await sealAll(2);
    const verdict = await app.work((ctx) => verify(ctx.db));
    expect(verdict).to.include({ fault: undefined, blocks: 2, rows: 9, unsealed: 0 });
  });

  it('do not let a wrong clock make more tables than a person can look through', async () => {
    await database.pool.query(
      `insert into audit_event (at, actor_id, actor_kind, request_id, action, interaction)
       select timestamptz '2001-01-15Z' + n * interval '1 month', 'a', 'user', 'r', 'C', 'create'
       from generate_series(1, 60) n`,
    );
    expect(await make()).to.have.length(3 + 24);
  });

  it('are made while writers go on: nobody waits for them', async () => {
    await make();
    const writer = await database.pool.connect();
    await writer.query('begin');
    const act = `insert into audit_event (at, actor_id, actor_kind, request_id, action, interaction)
      values ($1, 'slow', 'user', 'r', 'C', 'create')`;
    await writer.query(act, [app.clock.now()]);
    app.clock.advance(31 * DAY);
    // The writer's transaction is open: making the partition must neither wait for it nor stop it.
    const maker = await database.pool.connect();
    await maker.query('begin');
    await maker.query("set local lock_timeout = '1s'");
    await maker.query('create table audit_event_2030_04 (like audit_event including constraints)');
    await maker.query(
      `alter table audit_event attach partition audit_event_2030_04
       for values from ('2030-04-01Z') to ('2030-05-01Z')`,
    );
    await writer.query("set local lock_timeout = '1s'");
    await writer.query(act, [app.clock.now()]);
    await writer.query('commit');
    await maker.query('commit');
    writer.release();
    maker.release();
    expect(await places()).to.deep.equal({ audit_event_2030_01: 1, audit_event_2030_02: 1 });
  });
});
