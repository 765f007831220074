/**
 * Health: alive (the process answers), ready (database and schema answer, with the lag of events
 * and jobs). Anonymous; figures only.
 */

import type { Request, Response } from 'express';
import type { App } from '../app.ts';
import { type Lag, lagOf } from '../jobs/lag.ts';

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

async function figures(app: App): Promise<Lag | undefined> {
  try {
    return await lagOf(app.pool);
  } catch (error) {
    app.log.warn('not ready', { code: (error as NodeJS.ErrnoException).code });
    return undefined;
  }
}
