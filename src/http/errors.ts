/**
 * The last station of every error: a Problem becomes its OperationOutcome; anything else is a bug,
 * is logged with an id, and the caller is told the id only.
 */

import type { NextFunction, Request, Response } from 'express';
import { CommitUnknown } from '../database/unit-of-work.ts';
import { FHIR_JSON } from '../fhir/interactions/respond.ts';
import { problemResponse } from '../fhir/router.ts';
import type { Log } from '../sdk/index.ts';
import { operationOutcome, Problem } from '../sdk/index.ts';
import { send } from './fhir-endpoint.ts';

/** Express error handler for all routes. */
export function errorHandler(log: Log) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) return next(error);
    if (error instanceof Problem) {
      // What is left of a refused body is not read; the connection ends with the answer.
      if (error.status === 413) response.set('connection', 'close');
      return send(request, response, problemResponse(error));
    }
    if (response.locals.aborted || (error as NodeJS.ErrnoException)?.code === 'ECONNRESET') {
      response.destroy();
      return;
    }
    const id = response.locals.requestId as string;
    const unknown = error instanceof CommitUnknown;
    log.error(
      unknown ? 'commit unknown' : 'request failed',
      { requestId: id, method: request.method },
      error,
    );
    const diagnostics = unknown
      ? `The database did not confirm the change; read before you repeat it. Incident ${id}.`
      : `Something is wrong on our side; give this id to your administrator: ${id}.`;
    const outcome = operationOutcome([
      { severity: 'fatal', kind: 'transient', code: 'internal-error', diagnostics },
    ]);
    outcome.issue[0]!.code = 'exception';
    const text = JSON.stringify(outcome);
    send(request, response, { status: 500, headers: { 'content-type': FHIR_JSON }, text });
  };
}
