/**
 * Readers: connections beside a unit of work that all see one instant, so that processes share what
 * takes long; and what happens where there are none, or where they fail.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { inHalves } from '../../modules/schemes/store/bulk.ts';
import type { Context } from '../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const HOUSEHOLDS = 60;

describe('readers beside a unit of work', () => {
  let database: TestDatabase;
  let app: SmallApp;
  before(async () => {
    database = await freshDatabase();
    app = smallApp(database);
    await database.pool.query(
      `insert into household (household_id, fhir_id, members_count, active, registered_at, updated_at,
         version) select n * 64, 'h' || n, 1, true, now(), now(), 1 from generate_series(1, $1::int) n`,
      [HOUSEHOLDS],
    );
    await database.pool.query('analyze household');
    // As the planner would know of a nation.
    await database.pool.query(
      "update pg_class set reltuples = 1e6 where oid = 'household'::regclass",
    );
  });
  after(() => database?.drop());

  interface Half {
    readonly n: number;
    readonly seen: string;
    readonly pid: number;
    readonly refuses: string;
  }
  const halves = (wrote: boolean): Promise<Half[]> =>
    app.work(async (ctx) => {
      if (wrote) await ctx.db.query('select pg_current_xact_id()::text');
      const count = (among: string) =>
        `select count(*)::int as n, pg_current_snapshot()::text as seen, pg_backend_pid() as pid,
           current_setting('transaction_read_only') as refuses
         from households_household where household_id ${among}`;
      return inHalves<Half>(ctx, count, () => ctx.db.query<Half>(count('> 0')));
    });
  const others = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and backend_xmin is not null and pid <> pg_backend_pid()`,
    );
    return rows[0]!.n;
  };

  it('see one instant in two processes, and can write nothing', async () => {
    const [first, second, ...none] = await halves(false);
    expect([none, first!.n + second!.n]).to.deep.equal([[], HOUSEHOLDS]);
    expect(Math.min(first!.n, second!.n)).to.be.greaterThan(HOUSEHOLDS / 4);
    expect([first!.seen, first!.refuses]).to.deep.equal([second!.seen, 'on']);
    expect(first!.pid).to.not.equal(second!.pid);
  });

  it('are not asked by who has written what they would not see', async () => {
    expect((await halves(true)).map(({ n }) => n)).to.deep.equal([HOUSEHOLDS]);
  });

  it('are few: who finds none does the work alone, and waits for nobody', async () => {
    const gate = Promise.withResolvers<void>();
    const holding = () => {
      const begun = Promise.withResolvers<void>();
      const done = app.work((ctx) =>
        ctx.readers(2, async (readers) => {
          begun.resolve();
          await gate.promise;
          return readers.length;
        }),
      );
      return { begun: begun.promise, done };
    };
    const holders = [holding(), holding()];
    await Promise.all(holders.map(({ begun }) => begun));
    const crowd = await Promise.all(Array.from({ length: 3 }, () => halves(false)));
    expect(crowd.map((rows) => rows.map(({ n }) => n))).to.deep.equal(Array(3).fill([HOUSEHOLDS]));
    gate.resolve();
    expect(await Promise.all(holders.map(({ done }) => done))).to.deep.equal([2, 2]);
    expect((await halves(false)).length).to.equal(2);
  });

  it('end with the work that fails beside them', async () => {
    const fails = (ctx: Context): Promise<never> =>
      ctx.readers(2, async ([first, second]) => {
        const long = [first!.query('select pg_sleep(60)'), second!.query('select pg_sleep(60)')];
        await Promise.all([...long, ctx.db.query('select 1 / 0')]);
        throw new Error('not reached');
      });
    const begun = performance.now();
    const fault = await app.work(fails).catch((error: Error) => error.message);
    expect(fault).to.equal('division by zero');
    while ((await others()) > 0) expect(performance.now() - begun).to.be.below(20_000);
    expect((await halves(false)).length).to.equal(2);
  });
});
