/** Jobs and the clock: at least once, each slot by one process, one catch-up after downtime. */

import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { catchUp, lastSlot, ring, startCron } from '../../src/jobs/cron.ts';
import { dispatch } from '../../src/jobs/outbox.ts';
import { advanceJobs, settle } from '../../src/jobs/settle.ts';
import type { JobFailure } from '../../src/jobs/worker.ts';
import { event, handle, job, type Module, on } from '../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, START, type TestDatabase } from '../support/database.ts';

const happened = event<{ n: number }>('test.happened', 'something happened');
const noticed = event<{ n: number }>('test.noticed', 'something was noticed');
const hourly = job<Record<string, never>>('test.hourly', 'runs each hour');
const later = job<{ n: number }>('test.later', 'runs later');

describe('jobs', () => {
  let database: TestDatabase;
  let app: SmallApp;
  let failures = 0;
  const batches: number[][] = [];
  const gathered: number[][] = [];
  const ran: string[] = [];

  const module: Module = {
    name: 'test',
    title: 'Test',
    reactions: [
      on(happened, 'remembers', async (_ctx, events) => {
        if (failures > 0) {
          failures -= 1;
          throw new Error('not today');
        }
        batches.push(events.map((each) => each.n));
      }),
      on(
        noticed,
        'gathers',
        async (_ctx, events) => {
          gathered.push(events.map((each) => each.n));
          if (gathered.length === 2) throw new Error('not the second time');
        },
        { gathers: true },
      ),
    ],
    jobs: [
      handle(hourly, async () => void ran.push('hourly')),
      handle(later, async (_ctx, data) => void ran.push(`later ${data.n}`)),
    ],
    schedule: [{ at: '0 * * * *', job: hourly, does: 'rings each hour' }],
  };

  before(async () => {
    database = await freshDatabase();
    app = smallApp(database, [module]);
  });
  after(() => database.drop());
  afterEach(() => {
    batches.length = 0;
    ran.length = 0;
  });

  const emit = (from: number, count: number) =>
    app.work(async (ctx) => {
      for (let n = from; n < from + count; n += 1) ctx.emit(happened, { n });
    });

  it('hand events to a reaction in batches, in order', async () => {
    await emit(0, 450);
    await settle(app);
    expect(batches.map((batch) => batch.length)).to.deep.equal([200, 200, 50]);
    expect(batches.flat()).to.deep.equal(Array.from({ length: 450 }, (_, n) => n));
  });

  it('lose no event when a reaction fails: it is tried again', async () => {
    await emit(0, 3);
    failures = 1;
    const seen: JobFailure[] = [];
    await settle(app, seen);
    expect(seen).to.have.length(1);
    expect(batches).to.deep.equal([]);
    await advanceJobs(app, 3600);
    await settle(app);
    expect(batches.flat()).to.deep.equal([0, 1, 2]);
  });

  it('lose no event and repeat none when several dispatchers work at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => emit(n * 10, 10)));
    await Promise.all(Array.from({ length: 5 }, () => dispatch(app)));
    await settle(app);
    expect(batches.flat().sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: 200 }, (_, n) => n),
    );
  });

  it('gather events for a reaction that nobody waits for, and lose none when it fails', async () => {
    for (const n of [0, 1, 2]) {
      await app.work(async (ctx) => {
        for (let at = 0; at < 50; at += 1) ctx.emit(noticed, { n: n * 50 + at });
      });
      await dispatch(app, 60);
    }
    const seen: JobFailure[] = [];
    await settle(app, seen);
    expect(gathered, 'wait for each other').to.deep.equal([]);
    await advanceJobs(app, 61);
    await settle(app, seen);
    expect(seen).to.have.length(1);
    await advanceJobs(app, 3600);
    await settle(app);
    expect(gathered.map((each) => each.length)).to.deep.equal([100, 50, 50]);
    expect([...gathered[0]!, ...gathered[2]!]).to.deep.equal(
      Array.from({ length: 150 }, (_, n) => n),
    );
  });

  it('wait until their time by the injected clock', async () => {
    const start = app.clock.now().getTime();
    await app.work(async (ctx) => {
      ctx.enqueue(later, { n: 1 }, { runAt: new Date(start + 60_000) });
      ctx.enqueue(later, { n: 2 });
    });
    await settle(app);
    expect(ran).to.deep.equal(['later 2']);
    await advanceJobs(app, 61);
    await settle(app);
    expect(ran).to.deep.equal(['later 2', 'later 1']);
  });

  it('with one key replace each other while they wait', async () => {
    const runAt = new Date(app.clock.now().getTime() + 60_000);
    for (const n of [1, 2, 3]) {
      await app.work(async (ctx) => ctx.enqueue(later, { n }, { runAt, key: 'one' }));
    }
    await advanceJobs(app, 61);
    await settle(app);
    expect(ran).to.deep.equal(['later 3']);
  });

  it('with one key replace each other within a unit of work', async () => {
    await app.work(async (ctx) => {
      for (const n of [1, 2]) ctx.enqueue(later, { n }, { key: 'one' });
      for (const n of [7, 8]) ctx.enqueue(later, { n });
    });
    await settle(app);
    expect([...ran].sort()).to.deep.equal(['later 2', 'later 7', 'later 8']);
  });

  describe('on the clock', () => {
    const line = module.schedule![0]!;

    it('are claimed by one process per slot', async () => {
      const slots = [0, 1, 2, 3, 4, 5].map((hour) => new Date(Date.UTC(2026, 5, 1, hour)));
      const claims = await Promise.all(
        slots.flatMap((slot) => [1, 2, 3].map(() => ring(app, line, slot))),
      );
      expect(claims.filter(Boolean)).to.have.length(6);
      await settle(app);
    });

    it('are caught up once after downtime, and not on the first start', async () => {
      await database.pool.query('delete from job_run');
      expect(await catchUp(app)).to.deep.equal([]);
      app.clock.advance(5 * 3600);
      const caught = await Promise.all([catchUp(app), catchUp(app), catchUp(app)]);
      expect(caught.flat()).to.deep.equal(['test.hourly']);
      expect(await catchUp(app)).to.deep.equal([]);
      await settle(app);
      expect(ran).to.deep.equal(['hourly']);
    });

    it('are caught up once while the process lives, when its timers missed them', async () => {
      const rare = job<Record<string, never>>('test.rare', 'runs on leap days');
      const own: SmallApp = {
        ...app,
        registers: { ...app.registers, schedule: [{ at: '0 * 29 2 *', job: rare, does: 'rings' }] },
      };
      const rung = async (): Promise<string[]> => {
        const { rows } = await database.pool.query<{ slot: Date }>(
          "select slot_at as slot from job_run where job = 'test.rare' order by 1",
        );
        return rows.map((row) => row.slot.toISOString());
      };
      app.clock.set('2028-02-29T00:10:00Z');
      await catchUp(own);
      const clock = startCron(own, 0.02);
      try {
        // The laptop sleeps for four hours and a half.
        app.clock.set('2028-02-29T04:40:00Z');
        const slots = ['2028-02-29T00:00:00.000Z', '2028-02-29T04:00:00.000Z'];
        while ((await rung()).length < 2) await pause(10);
        await pause(100);
        expect(await rung()).to.deep.equal(slots);
      } finally {
        await clock.stop();
      }
      const { rows } = await database.pool.query(
        "select 1 from graphile_worker.jobs where task_identifier = 'test.rare'",
      );
      expect(rows).to.have.length(1);
      await database.pool.query('delete from graphile_worker._private_jobs');
      app.clock.set(START);
    });

    it('are not rung again for an earlier slot when a later one has rung', async () => {
      await database.pool.query('delete from job_run');
      await ring(app, line, new Date(app.clock.now().getTime() + 3600_000));
      expect(await catchUp(app)).to.deep.equal([]);
      await settle(app);
    });

    it('ring in the time zone of their line', () => {
      const at = new Date('2026-06-01T00:30:00Z');
      const nairobi = { ...line, at: '0 3 * * *', timeZone: 'Africa/Nairobi' };
      expect(lastSlot(nairobi, at).toISOString()).to.equal('2026-06-01T00:00:00.000Z');
    });
  });
});
