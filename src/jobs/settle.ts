/**
 * `settle`: lets the house come to rest, for tests and the simulation: events are dispatched and
 * due jobs run until nothing is left. Time does not pass by itself; `advanceJobs` makes waiting
 * jobs due when the injected clock has been moved.
 */

import type { App } from '../app.ts';
import { dispatch } from './outbox.ts';
import { type JobFailure, runDueJobs } from './worker.ts';

const TURNS_MAX = 1000;

/**
 * Drains outbox and queue.
 *
 * @throws the error of the first job that failed, unless `failures` collects them
 */
export async function settle(app: App, failures?: JobFailure[]): Promise<void> {
  await app.reads.flush();
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    while ((await dispatch(app)) > 0);
    const failed = await runDueJobs(app);
    if (failed.length > 0) {
      if (!failures) throw failed[0]!.error;
      failures.push(...failed);
    }
    if (!(await hasEvents(app))) return;
  }
  throw new Error(
    `the house did not settle in ${TURNS_MAX} turns: do two reactions call each other?`,
  );
}

async function hasEvents(app: App): Promise<boolean> {
  const { rows } = await app.pool.query('select 1 from outbox limit 1');
  return rows.length > 0;
}

/** Brings all waiting jobs nearer by `seconds`, as the passing of time would. */
export async function advanceJobs(app: App, seconds: number): Promise<void> {
  await app.pool.query(
    `update graphile_worker._private_jobs
     set run_at = run_at - make_interval(secs => $1) where run_at > now()`,
    [seconds],
  );
}
