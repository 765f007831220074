/**
 * Health: alive (the process answers), ready (database and schema answer, with the lag of events
 * and jobs). Anonymous; figures only.
 */

import type { Request, Response } from 'express';
import type { App } from '../app.ts';

/** `GET /health/live` */
export function live(_request: Request, response: Response): void {
  response.json({ status: 'pass' });
}

/** `GET /health/ready`: 200 or 503. */
export function ready(app: App, isStopping: () => boolean) {
  return async (_request: Request, response: Response): Promise<void> => {
    const found = isStopping() ? undefined : await figures(app);
    if (!found) {
      response.status(503).json({ status: 'fail', reason: isStopping() ? 'stopping' : 'database' });
      return;
    }
    response.json({ status: 'pass', ...found });
  };
}

async function figures(app: App): Promise<Record<string, number> | undefined> {
  try {
    const { rows } = await app.pool.query<Record<string, string | number>>(
      `select
         (select coalesce(extract(epoch from clock_timestamp() - min(at)), 0) from outbox) as events_lag_seconds,
         (select count(*) from outbox)::int as events_waiting,
         (select coalesce(extract(epoch from clock_timestamp() - min(run_at)), 0)
            from graphile_worker.jobs where run_at <= clock_timestamp() and locked_at is null
              and attempts < max_attempts) as jobs_lag_seconds,
         (select count(*) from graphile_worker.jobs where attempts >= max_attempts)::int as jobs_failed`,
    );
    return Object.fromEntries(
      Object.entries(rows[0]!).map(([name, value]) => [
        name,
        Math.max(0, Math.round(Number(value))),
      ]),
    );
  } catch {
    return undefined;
  }
}
