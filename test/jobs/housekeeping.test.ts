/** Old records go, in portions; what tells the future stays. */

import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { catchUp } from '../../src/jobs/cron.ts';
import {
  oldSlots,
  removeOldRecords,
  removeOldRecordsHandler,
} from '../../src/jobs/housekeeping.ts';
import { settle } from '../../src/jobs/settle.ts';
import {
  contribute,
  handle,
  housekeeping,
  job,
  type Module,
  type OldRecords,
} from '../../src/sdk/index.ts';
import { JOB_RUNS_KEPT_DAYS } from '../../src/settings.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const monthly = job<Record<string, never>>('test.monthly', 'runs each month');

describe('housekeeping', () => {
  let database: TestDatabase;
  let app: SmallApp;
  const asked: [before: string, limit: number][] = [];
  const old: OldRecords = {
    what: 'things',
    days: JOB_RUNS_KEPT_DAYS,
    remove(ctx, before, limit) {
      asked.push([before.toISOString(), limit]);
      return ctx.db.run(
        'delete from thing where ctid in (select ctid from thing where at < $1 limit $2)',
        [before, limit],
      );
    },
  };
  const module: Module = {
    name: 'test',
    title: 'Test',
    jobs: [removeOldRecordsHandler, handle(monthly, async () => {})],
    schedule: [{ at: '0 0 1 * *', job: monthly, does: 'rings each month' }],
    contributes: [contribute(housekeeping, oldSlots), contribute(housekeeping, old)],
  };

  before(async () => {
    database = await freshDatabase();
    app = smallApp(database, [module]);
    await database.pool.query('create table thing (at timestamptz)');
  });
  after(() => database.drop());
  beforeEach(() => {
    asked.length = 0;
  });

  const tidyUp = async (): Promise<void> => {
    await app.work(async (ctx) => ctx.enqueue(removeOldRecords, {}));
    await settle(app);
  };
  const kept = async (table: string): Promise<number> =>
    (await database.pool.query(`select count(*)::int as n from ${table}`)).rows[0].n;

  it('removes what is older than its days, in portions, and leaves the rest', async () => {
    await database.pool.query(
      `insert into thing
       select $1::timestamptz - interval '1 second' from generate_series(1, 12000)
       union all select $1::timestamptz from generate_series(1, 7)`,
      [new Date(app.clock.now().getTime() - 90 * 24 * 3600_000)],
    );
    await tidyUp();
    expect(await kept('thing')).to.equal(7);
    expect(asked).to.deep.equal(Array(3).fill(['2025-10-17T08:00:00.000Z', 5000]));
  });

  it('forgets old slots of the clock but not the last of a job, by which it is caught up', async () => {
    await database.pool.query(
      `insert into job_run select 'test.hourly', $1::timestamptz - n * interval '1 hour'
       from generate_series(1, 4000) n`,
      [app.clock.now()],
    );
    await database.pool.query("insert into job_run values ('test.monthly', '2020-01-01Z')");
    await tidyUp();
    expect(await kept("job_run where job = 'test.hourly'")).to.equal(90 * 24);
    expect(await catchUp(app)).to.deep.equal(['test.monthly']);
  });
});
