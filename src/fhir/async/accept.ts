/**
 * Requests that their callers do not wait for (`Prefer: respond-async`): kept with who asks, run by
 * a job, and answered under a URL of their own. Only the caller who asked may ask after, read and
 * cancel them.
 *
 * The answer is a batch-response with one entry, as if the request had stood in a batch.
 *
 * Spec: https://hl7.org/fhir/R4/async.html
 */

import type { App } from '../../app.ts';
import { runUnitOfWork } from '../../database/unit-of-work.ts';
import { type Actor, job, type Problem, problem } from '../../sdk/index.ts';
import { doneOutcome, resourceResponse, textResponse } from '../interactions/respond.ts';
import type { FhirHouse, FhirRequest, FhirResponse } from '../types.ts';
import { findRequest, forgetRequest, keepRequest } from './store.ts';

/** Runs a request that is answered later. */
export const runAsync = job<{ readonly id: string }>(
  'house.run-async-request',
  'runs a request whose caller comes back for the answer',
);

/** Below the FHIR base. */
export const ASYNC_PATH = '_async';
/** Hours that an answer is kept. */
export const KEPT_HOURS = 24;
const HOUR_MS = 3_600_000;
/** Requests of one caller that wait or run at a time. */
const PER_ACTOR_MAX = 20;
const RESPOND_ASYNC = /(^|[,;\s])respond-async($|[,;\s])/;

/** True for a request that asks to be answered later. */
export function wantsAsync({ headers, path }: FhirRequest): boolean {
  return headers.prefer !== undefined && path !== 'metadata' && RESPOND_ASYNC.test(headers.prefer);
}

/** True for a request about one that is answered later. */
export function isAsyncPath({ path }: FhirRequest): boolean {
  return path.startsWith(`${ASYNC_PATH}/`);
}

/**
 * Takes a request for later: 202 with the URL to come back to.
 *
 * @throws Problem throttled (429) when the caller has too many waiting
 */
export async function acceptAsync(
  app: App,
  actor: Actor,
  request: FhirRequest,
  requestId: string,
): Promise<FhirResponse> {
  const prefer = request.headers.prefer?.replace(RESPOND_ASYNC, '$1$2');
  const kept = { ...request, headers: { ...request.headers, prefer } };
  const id = await runUnitOfWork(app, actor, { requestId }, async (unit) => {
    const made = unit.newId();
    const work = { actor, requestId, request: kept };
    if (!(await keepRequest(unit.db, made, work, unit.now, PER_ACTOR_MAX))) throw tooMany();
    unit.enqueue(runAsync, { id: made }, { key: `async-${made}` });
    return made;
  });
  const url = `${(app.fhir as FhirHouse).base()}/${ASYNC_PATH}/${id}`;
  const says = `Taken. Ask ${url} for the answer.`;
  return resourceResponse(202, doneOutcome(says), { 'content-location': url });
}

/**
 * Answers what has become of a request: 202 while it is under way, 200 with its answer.
 *
 * @throws Problem not-found for what is not the caller's, not-allowed
 */
export async function answerAsync(
  app: App,
  actor: Actor,
  request: FhirRequest,
  requestId: string,
): Promise<FhirResponse> {
  const id = request.path.slice(ASYNC_PATH.length + 1);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw unknown();
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (!reads && request.method !== 'DELETE') {
    throw problem('not-allowed', 'method-not-allowed', 'Ask by GET, cancel by DELETE.');
  }
  return runUnitOfWork(app, actor, { requestId, readOnly: reads }, async (unit) => {
    if (!reads) {
      if (!(await forgetRequest(unit.db, id, actor.id))) throw unknown();
      return resourceResponse(202, doneOutcome('Cancelled; what it has done already stays done.'));
    }
    const found = await findRequest(unit.db, id, actor.id);
    const ends = (found?.finishedAt ?? unit.now).getTime() + KEPT_HOURS * HOUR_MS;
    if (!found || ends < unit.now.getTime()) throw unknown();
    if (found.answer !== undefined) {
      return textResponse(200, found.answer, { expires: new Date(ends).toUTCString() });
    }
    const progress = found.startedAt ? `running since ${found.startedAt.toISOString()}` : 'waiting';
    return { status: 202, headers: { 'x-progress': progress, 'retry-after': '2' } };
  });
}

function unknown(): Problem {
  return problem(
    'not-found',
    'async-unknown',
    `There is no such request of yours; answers are kept for ${KEPT_HOURS} hours.`,
  );
}

function tooMany(): Problem {
  return problem(
    'throttled',
    'async-too-many',
    `${PER_ACTOR_MAX} of your requests are waiting; fetch or cancel some first.`,
  );
}
