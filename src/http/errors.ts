/**
 * The last station of every error: a Problem becomes its OperationOutcome; anything else is a bug,
 * is logged with an id, and the caller is told the id only.
 */

import type { NextFunction, Request, Response } from 'express';
import { AnswerTooLarge } from '../database/answer-size.ts';
import { Abandoned } from '../database/caller.ts';
import { CommitUnknown } from '../database/unit-of-work.ts';
import { FHIR_JSON } from '../fhir/interactions/respond.ts';
import { problemResponse } from '../fhir/router.ts';
import { type Log, operationOutcome, Problem, problem } from '../sdk/index.ts';
import { send } from './fhir-endpoint.ts';

/** Express error handler for all routes. */
export function errorHandler(log: Log) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) return next(error);
    // Nobody hears the answer to a request whose caller has gone.
    if (response.locals.aborted || response.destroyed || response.closed) {
      response.destroy();
      return;
    }
    const known = error instanceof Problem ? error : refusalOf(error);
    if (known) return send(request, response, problemResponse(known));
    const id = response.locals.requestId as string;
    if (error instanceof AnswerTooLarge) {
      return send(request, response, problemResponse(tooLarge()));
    }
    if (codeOf(error) === '57014') {
      log.warn('statement ended', { requestId: id, method: request.method });
      return send(request, response, problemResponse(tooSlow()));
    }
    const unknown = error instanceof CommitUnknown;
    if (!unknown && isBusy(error)) {
      log.warn('database busy', { requestId: id, code: codeOf(error) });
      return send(request, response, problemResponse(busy()));
    }
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

/**
 * The database cannot take the work now, and has taken none of it: no connection (class 08, shut
 * down, too many, closed by its operator), no disk, memory or locks left (class 53), a deadlock or a
 * lost race (class 40), or our pool gave none in time.
 */
const BUSY =
  /^(08\w{3}|57P0[123]|53\w{3}|55000|40001|40P01|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND)$/;

/** What the driver says, without a code, of a connection that is lost or that it never got. */
const LOST =
  /timeout exceeded when trying to connect|Connection terminated|is not queryable|Client was closed/;

function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? '';
}

function isBusy(error: unknown): boolean {
  if (BUSY.test(codeOf(error)) || error instanceof Abandoned) return true;
  const said = error instanceof Error ? error.message : '';
  return LOST.test(said);
}

function tooSlow(): Problem {
  const says =
    'The database needed too long and was stopped; nothing was changed. Narrow the search, or ask ' +
    'for fewer includes, or export instead.';
  return problem('timeout', 'statement-timeout', says);
}

function tooLarge(): Problem {
  const says =
    'What you ask for is too large for one answer. Ask for fewer resources at once (_count), ' +
    'for fewer includes, or export.';
  return problem('too-costly', 'answer-too-large', says);
}

function busy(): Problem {
  const says = 'The database cannot take this now; nothing was changed. Repeat it in a moment.';
  const { issues } = problem('transient', 'database-busy', says);
  return new Problem(issues, { headers: { 'retry-after': '1' } });
}

/** What Express's own parsers and the OpenID provider refuse, in our words. */
function refusalOf(error: unknown): Problem | undefined {
  if (/^(22021|22P05)$/.test(codeOf(error))) {
    const says = 'What you sent holds the character U+0000, which stands in no stored text.';
    return problem('invalid', 'nul-character', says);
  }
  const { type, status, name } = (error ?? {}) as {
    type?: string;
    status?: number;
    name?: string;
  };
  if (name === 'SessionNotFound') {
    return problem('not-found', 'sign-in-over', 'This sign-in is over; start again.');
  }
  if (type === 'entity.parse.failed') {
    return problem('structure', 'not-json', 'The body is not JSON.');
  }
  if (type === 'entity.too.large') {
    return problem('too-long', 'body-too-long', 'The body is too large for this path.');
  }
  if (name === 'URIError') {
    return problem('invalid', 'url-malformed', 'The URL has a broken percent escape.');
  }
  if (status === 415) {
    return problem('unsupported-media-type', 'encoding-unknown', 'This encoding is not known.');
  }
  if (typeof type === 'string' && status !== undefined && status >= 400 && status < 500) {
    return problem('structure', 'request-malformed', 'The request cannot be read; send it again.');
  }
  return undefined;
}
