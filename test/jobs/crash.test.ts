/**
 * A process is killed between commit and dispatch, between dispatch and reaction, and after a
 * reaction has committed: no event is lost, and the repeat that follows is borne. The killed
 * process is a real one (`SIGKILL`).
 */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { freeLostJobs } from '../../src/jobs/lost-work.ts';
import { dispatch } from '../../src/jobs/outbox.ts';
import { settle } from '../../src/jobs/settle.ts';
import { startWorker } from '../../src/jobs/worker.ts';
import { event, type Module, on } from '../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const run = promisify(execFile);
const happened = event<{ n: number }>('test.happened', 'something happened');

/** Counts each event once, however often it comes: what the house asks of every reaction. */
const module: Module = {
  name: 'test',
  title: 'Test',
  reactions: [
    on(happened, 'notes', async (ctx, events) => {
      await ctx.db.run('insert into came select unnest($1::int[])', [events.map((e) => e.n)]);
      await ctx.db.run('insert into noted select unnest($1::int[]) on conflict do nothing', [
        events.map((e) => e.n),
      ]);
    }),
  ],
};

describe('a killed process', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let app: SmallApp;

  beforeEach(async () => {
    database = await freshDatabase();
    app = smallApp(database, [module]);
    await database.pool.query('create table came (n int); create table noted (n int primary key)');
  });
  afterEach(() => database.drop());

  /** Runs a scene of `crash-scene.ts` in a process that kills itself. */
  const die = async (scene: string): Promise<void> => {
    const end = await run(process.execPath, [join(import.meta.dirname, 'crash-scene.ts'), scene], {
      env: { ...process.env, DATABASE_URL: database.url },
    }).catch((error: { signal?: string; stderr?: string }) => error);
    expect((end as { signal?: string }).signal, (end as { stderr?: string }).stderr).to.equal(
      'SIGKILL',
    );
  };
  const count = async (sql: string): Promise<number> =>
    (await database.pool.query(`select count(*)::int as n from ${sql}`)).rows[0].n;

  it('loses no event between commit and dispatch', async () => {
    await die('after-commit');
    expect(await count('outbox')).to.equal(500);
    expect(await dispatch(app)).to.equal(500);
    await settle(app);
    expect(await count('noted')).to.equal(500);
  });

  it('leaves nothing of a unit of work that had not committed', async () => {
    await die('before-commit');
    await settle(app);
    expect(await count('noted')).to.equal(0);
    expect(await count('audit_event')).to.equal(0);
  });

  it('loses no event in the midst of the dispatch', async () => {
    await die('in-dispatch');
    await settle(app);
    expect(await count('noted')).to.equal(500);
    expect(await count('came')).to.equal(500);
  });

  it('has its jobs taken up by another, which bears the repeat', async () => {
    await die('after-reaction');
    expect(await count('noted')).to.equal(200);
    expect(await count('graphile_worker._private_jobs where locked_by is not null')).to.equal(1);
    // The queue alone would leave the job with the dead for four hours.
    await settle(app);
    expect(await count('noted')).to.equal(500);
    expect(await count('came')).to.equal(500);
    const deadline = performance.now() + 20_000;
    while ((await freeLostJobs(app, 0)) === 0 && performance.now() < deadline) await pause(50);
    await settle(app);
    expect(await count('noted')).to.equal(500);
    expect(await count('came')).to.equal(700);
    expect(await count('graphile_worker._private_jobs')).to.equal(0);
  });

  it('is told from one that is slow: living workers keep their jobs', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((done) => {
      release = done;
    });
    let runs = 0;
    const slow = smallApp(database, [
      {
        ...module,
        reactions: [
          on(happened, 'takes long', async () => {
            runs += 1;
            await gate;
          }),
        ],
      },
    ]);
    await slow.work(async (ctx) => ctx.emit(happened, { n: 1 }));
    await dispatch(slow);
    const worker = await startWorker(slow, 1);
    try {
      while (runs === 0) await pause(20);
      await pause(500);
      expect(await freeLostJobs(slow, 0)).to.equal(0);
    } finally {
      release();
      await worker.stop();
    }
    expect(runs).to.equal(1);
    expect(await count('graphile_worker._private_jobs')).to.equal(0);
  });
});
