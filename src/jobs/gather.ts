/**
 * Reactions that gather: their events wait together and are handled many at a time, one handful
 * after the other, and while the server is busy with callers only a tenth of the time. For work that
 * nobody waits for and that costs more than the write it follows.
 *
 * Events leave the table in the transaction that handles them: whatever crashes when, each is
 * handled or still there. One job a reaction is in the queue at a time, under the reaction's key.
 */

import { performance } from 'node:perf_hooks';
import type { App } from '../app.ts';
import { runUnitOfWork, SYSTEM } from '../database/unit-of-work.ts';
import { job } from '../sdk/index.ts';

/** Events handled in one transaction. */
const EVENTS_AT_ONCE = 100;
/** Seconds that events wait for others of their kind. */
export const GATHER_SECONDS = 2;
/** Share of a core that callers use from which on they are given way. */
const BUSY = 0.5;
/** Bounds of the rest between two handfuls, as long as the last, in which is seen what callers use. */
const REST_MIN_SECONDS = 0.1;
const REST_MAX_SECONDS = 1;
/** Pause, in times of what the last handful took, while the server is busy. */
const PAUSE_BUSY = 9;
const PAUSE_MAX_SECONDS = 60;

/** Runs one gathering reaction over the events that wait. */
export const gatherJob = job<{ reaction: string }>(
  'house.gather',
  'runs one gathering reaction over the events that wait for it',
);

const TAKE = `
  with taken as (
    delete from gathered where reaction = $1 and seq in (
      select seq from gathered where reaction = $1 order by seq limit ${EVENTS_AT_ONCE}
      for update skip locked)
    returning seq, data)
  select data from taken order by seq`;

/** A job that waits keeps its time: whoever adds to the events does not bring it nearer. */
export const ADD_GATHER = `
  select graphile_worker.add_job('${gatherJob.name}', json_build_object('reaction', r.key),
    run_at => now() + make_interval(secs => $2::float8), max_attempts => ${gatherJob.attemptsMax},
    job_key => 'gather ' || r.key, job_key_mode => 'preserve_run_at')
  from unnest($1::text[]) as r(key)`;

/** The end of the last handful in this process, whatever the reaction, and what it took. */
let last = { at: 0, seconds: 0, loop: performance.eventLoopUtilization() };

/** Seconds for which callers are still given way; 0 where they use little. */
function pauseNow(): number {
  const { utilization } = performance.eventLoopUtilization(
    performance.eventLoopUtilization(),
    last.loop,
  );
  if (utilization <= BUSY) return 0;
  const rested = (performance.now() - last.at) / 1000;
  return Math.max(0, Math.min(PAUSE_MAX_SECONDS, last.seconds * PAUSE_BUSY) - rested);
}

/**
 * Handles the next handful.
 *
 * @param patient whether callers are given way; tests do not wait
 */
export async function runGathered(
  app: App,
  reaction: string,
  requestId: string,
  patient: boolean,
): Promise<void> {
  const handler = app.registers.reactions.get(reaction);
  if (!handler) throw new Error(`no reaction ${reaction}: is its module still there?`);
  const again = (seconds: number) => app.queuePool.query(ADD_GATHER, [[reaction], seconds]);
  const pause = patient ? pauseNow() : 0;
  if (pause > 0) {
    await again(pause);
    return;
  }
  const from = performance.now();
  const handled = await runUnitOfWork(app, SYSTEM, { requestId }, async (ctx) => {
    const rows = await ctx.db.query<{ data: unknown }>(TAKE, [reaction]);
    const events = rows.map(({ data }) => data);
    if (events.length > 0) await handler.run(ctx, events);
    return events.length;
  });
  const at = performance.now();
  last = { at, seconds: (at - from) / 1000, loop: performance.eventLoopUtilization() };
  const rest = Math.min(REST_MAX_SECONDS, Math.max(REST_MIN_SECONDS, last.seconds));
  if (handled === EVENTS_AT_ONCE) await again(patient ? rest : 0);
}
