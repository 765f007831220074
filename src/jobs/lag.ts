/**
 * How far events and jobs are behind: figures for readiness, so that a queue that nobody works on
 * is seen before a household misses its money.
 */

import type { Pool } from 'pg';

/** Figures of the queue; seconds and counts. */
export interface Lag {
  /** Age of the oldest event that waits to be handed on. */
  readonly events_lag_seconds: number;
  readonly events_waiting: number;
  /** How long the oldest due job has waited. */
  readonly jobs_lag_seconds: number;
  readonly jobs_waiting: number;
  /** Jobs that have used up their attempts and wait for a person. */
  readonly jobs_failed: number;
}

const LAG = `
  select
    (select coalesce(extract(epoch from clock_timestamp() - min(at)), 0) from outbox)
      as events_lag_seconds,
    (select count(*) from outbox) as events_waiting,
    coalesce(extract(epoch from clock_timestamp() - min(run_at) filter (where due)), 0)
      as jobs_lag_seconds,
    count(*) filter (where due) as jobs_waiting,
    count(*) filter (where failed) as jobs_failed
  from (
    select run_at, attempts >= max_attempts as failed,
           run_at <= clock_timestamp() and locked_at is null and attempts < max_attempts as due
    from graphile_worker.jobs) j`;

/** Reads the figures; fails when the database does not answer. */
export async function lagOf(pool: Pool): Promise<Lag> {
  const { rows } = await pool.query<Record<keyof Lag, string | bigint>>(LAG);
  const whole = (name: keyof Lag): number => Math.max(0, Math.round(Number(rows[0]![name])));
  return {
    events_lag_seconds: whole('events_lag_seconds'),
    events_waiting: whole('events_waiting'),
    jobs_lag_seconds: whole('jobs_lag_seconds'),
    jobs_waiting: whole('jobs_waiting'),
    jobs_failed: whole('jobs_failed'),
  };
}
