/**
 * The clock of the house: node-cron rings in every process, PostgreSQL decides which one acts.
 *
 * A slot (job, instant) is claimed by inserting it into `job_run` in the same transaction that
 * enqueues the job: whoever inserts first acts, all others do nothing, and a crash between claim
 * and enqueue cannot lose the slot. After downtime each line is caught up once, however many slots
 * were missed: a job looks at what is due, not at which slot rang.
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

/** Rings each line once for its last slot unless that has rung; the first start rings nothing. */
export async function catchUp(app: App): Promise<string[]> {
  const rung: string[] = [];
  for (const line of app.registers.schedule) {
    const slot = lastSlot(line, app.clock.now());
    if (await isFirstStart(app, line, slot)) continue;
    if (await ring(app, line, slot)) rung.push(line.job.name);
  }
  return rung;
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

/** Starts the clock of this process. */
export function startCron(app: App): { stop(): Promise<void> } {
  const tasks: ScheduledTask[] = app.registers.schedule.map((line) =>
    cron.schedule(
      line.at,
      async (context) => {
        const at = context.date ?? app.clock.now();
        const slot = new Date(Math.floor(at.getTime() / 60_000) * 60_000);
        await ring(app, line, slot).catch((error) =>
          app.log.error('cron line could not ring', { job: line.job.name }, error),
        );
      },
      { timezone: line.timeZone ?? 'UTC', name: line.job.name },
    ),
  );
  return {
    async stop() {
      for (const task of tasks) await task.destroy();
    },
  };
}
