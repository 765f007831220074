/**
 * Removes records that are old enough to go, of all rooms that have said so (`housekeeping` of the
 * SDK), and the slots of the clock itself.
 *
 * The outbox needs none of this: its rows go when they are handed on.
 */

import { handleInSteps, housekeeping, job, type OldRecords, type Units } from '../sdk/index.ts';
import { JOB_RUNS_KEPT_DAYS } from '../settings.ts';

/** Removes what is old enough, of every room. */
export const removeOldRecords = job<Record<string, never>>(
  'house.remove-old-records',
  'removes records that are older than their room keeps them',
);

/** Records removed in one transaction at most. */
const PORTION = 5000;
const DAY_MS = 24 * 3600 * 1000;

/** Slots of the clock that have been claimed; the last of each job tells what was missed, so stays. */
export const oldSlots: OldRecords = {
  what: 'slots of the clock',
  days: JOB_RUNS_KEPT_DAYS,
  remove: (ctx, before, limit) =>
    ctx.db.run(
      `delete from job_run where (job, slot_at) in (
         select job, slot_at from job_run r
         where slot_at < $1
           and exists (select 1 from job_run l where l.job = r.job and l.slot_at > r.slot_at)
         limit $2)`,
      [before, limit],
    ),
};

/** Its handler: each portion is a unit of work of its own. */
export const removeOldRecordsHandler = handleInSteps(removeOldRecords, async (units) => {
  const kinds = await units.run(async (ctx) => ctx.parts(housekeeping));
  for (const kind of kinds) await removeAll(units, kind);
});

async function removeAll(units: Units, kind: OldRecords): Promise<void> {
  let sum = 0;
  for (;;) {
    const removed = await units.run((ctx) => {
      const before = new Date(ctx.now.getTime() - ctx.setting(kind.days) * DAY_MS);
      return kind.remove(ctx, before, PORTION);
    });
    sum += removed;
    if (removed < PORTION) break;
  }
  if (sum > 0) {
    await units.run(async (ctx) => ctx.log.info('removed old records', { what: kind.what, sum }));
  }
}
