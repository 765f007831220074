/**
 * The clock of the house: node-cron rings in every process, PostgreSQL decides which one acts.
 *
 * A slot (job, instant) is claimed by inserting it into `job_run` in the same transaction that
 * enqueues the job: whoever inserts first acts, all others do nothing, and a crash between claim
 * and enqueue cannot lose the slot. Slots that nobody rang for are caught up, each line once however
 * many it missed, because a job looks at what is due and not at which slot rang: at the start, and
 * each half minute while the process lives. node-cron passes over a slot when the event loop was
 * blocked, the machine slept, or PostgreSQL did not answer just then.
 */

import { CronExpressionParser } from 'cron-parser';
import cron, { type ScheduledTask } from 'node-cron';
import type { App } from '../app.ts';
import { runUnitOfWork, SYSTEM } from '../database/unit-of-work.ts';
import type { CronLine } from '../sdk/index.ts';

/** Claims a slot; true for the one process that got it. The job is enqueued with the claim. */
export async function ring(app: App, line: CronLine, slot: Date): Promise<boolean> {
  return runUnitOfWork(app, SYSTEM, { requestId: `cron-${line.job.name}` }, async (ctx) => {
    const claimed = await ctx.db.run(
      'insert into job_run (job, slot_at) values ($1, $2) on conflict do nothing',
      [line.job.name, slot],
    );
    if (claimed > 0) ctx.enqueue(line.job, {}, { key: line.job.name });
    return claimed > 0;
  });
}

/** The last slot of a line at or before `now`. */
export function lastSlot(line: CronLine, now: Date): Date {
  const after = new Date(Math.floor(now.getTime() / 60_000) * 60_000 + 1);
  return CronExpressionParser.parse(line.at, {
    currentDate: after,
    tz: line.timeZone ?? 'UTC',
  })
    .prev()
    .toDate();
}

/** Seconds between two looks for slots that were missed. */
const LOOK_EVERY_SECONDS = 30;

/**
 * Rings each line once for its last slot unless that or a later one has rung; a line that has never
 * been on the clock begins with its next slot.
 *
 * @returns names of the jobs that were caught up
 */
export async function catchUp(app: App): Promise<string[]> {
  const rung: string[] = [];
  for (const { line, slot } of await missed(app)) {
    if (await isFirstStart(app, line, slot)) continue;
    if (await ring(app, line, slot)) rung.push(line.job.name);
  }
  return rung;
}

/** Lines whose last slot nobody has claimed: one statement, because it is asked all the time. */
async function missed(app: App): Promise<{ line: CronLine; slot: Date }[]> {
  const now = app.clock.now();
  const lines = app.registers.schedule.map((line) => ({ line, slot: lastSlot(line, now) }));
  const { rows } = await app.pool.query<{ n: number }>(
    `select (n - 1)::int as n
     from unnest($1::text[], $2::timestamptz[]) with ordinality as l(job, slot_at, n)
     where not exists (select 1 from job_run r where r.job = l.job and r.slot_at >= l.slot_at)
     order by n`,
    [lines.map(({ line }) => line.job.name), lines.map(({ slot }) => slot)],
  );
  return rows.map(({ n }) => lines[n]!);
}

async function isFirstStart(app: App, line: CronLine, slot: Date): Promise<boolean> {
  const { rowCount } = await app.pool.query(
    `insert into job_run (job, slot_at)
     select $1, $2 where not exists (select 1 from job_run where job = $1)
     on conflict do nothing`,
    [line.job.name, slot],
  );
  return (rowCount ?? 0) > 0;
}

/** Starts the clock of this process. `lookEverySeconds`: how often missed slots are looked for. */
export function startCron(
  app: App,
  lookEverySeconds = LOOK_EVERY_SECONDS,
): { stop(): Promise<void> } {
  const tasks = app.registers.schedule.map((line) => schedule(app, line));
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      const jobs = await catchUp(app);
      if (jobs.length > 0) app.log.warn('caught up missed slots', { jobs: jobs.join(' ') });
    } catch (error) {
      app.log.error('missed slots could not be looked for', {}, error);
    }
    looking = undefined;
  };
  const timer = setInterval(() => {
    looking ??= look();
  }, lookEverySeconds * 1000);
  return {
    async stop() {
      clearInterval(timer);
      for (const task of tasks) await task.destroy();
      await looking;
    },
  };
}

function schedule(app: App, line: CronLine): ScheduledTask {
  return cron.schedule(
    line.at,
    async (context) => {
      const at = context.date ?? app.clock.now();
      const slot = new Date(Math.floor(at.getTime() / 60_000) * 60_000);
      await ring(app, line, slot).catch((error) =>
        app.log.error('cron line could not ring', { job: line.job.name }, error),
      );
    },
    { timezone: line.timeZone ?? 'UTC', name: line.job.name },
  );
}
