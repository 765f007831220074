/**
 * The whole FHIR REST surface on one screen. Knows no Express: a request comes from the wire or
 * from an entry of a bundle, and is answered in the unit of work that is open.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#summary
 */

import type { App, UnitOfWork } from '../app.ts';
import { runUnitOfWork } from '../database/unit-of-work.ts';
import { type Actor, operationOutcome, Problem, problem } from '../sdk/index.ts';
import { BUNDLE_ENTRIES_MAX } from '../settings.ts';
import { entriesOf, requestOf } from './interactions/bundle.ts';
import { history } from './interactions/history.ts';
import { findOperation, isReadOnly, lookUp, runOperation } from './interactions/operation.ts';
import { read, vread } from './interactions/read.ts';
import { resourceResponse, textResponse } from './interactions/respond.ts';
import { search } from './interactions/search.ts';
import { bundleOf, transaction } from './interactions/transaction.ts';
import {
  conditionalRemove,
  conditionalUpdate,
  create,
  remove,
  update,
} from './interactions/write.ts';
import type { FhirHouse, FhirRequest, FhirResponse } from './types.ts';
import { fhirOf } from './types.ts';

/** Answers a request inside an open unit of work. */
export async function route(unit: UnitOfWork, request: FhirRequest): Promise<FhirResponse> {
  const { definitions, capability } = fhirOf(unit);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const [first = '', second, third, fourth, ...more] = request.path.split('/').map(decode);
  const is = (...parts: string[]): boolean =>
    parts.join(' ') === shapeOf(method, first, second, third, fourth);
  const code = [first, second, third].find((each) => each?.startsWith('$'));

  if (more.length > 0) throw unknownPath(request);
  if (is('GET', 'metadata')) return textResponse(200, capability());
  if (is('POST', '')) return transaction(unit, bundleOf(request.body), (each) => route(unit, each));
  if (is('GET', '') || is('POST', '_search')) return search(unit, request);
  if (is('GET', '_history')) return history(unit, request);
  if (first.startsWith('$')) return operate(unit, request, code!);
  if (!definitions.isResourceType(first)) throw unknownType(first);

  if (is('GET', 'T') || is('POST', 'T', '_search')) return search(unit, request, first);
  if (is('POST', 'T')) return create(unit, request, first);
  if (is('PUT', 'T')) return conditionalUpdate(unit, request, first);
  if (is('DELETE', 'T')) return conditionalRemove(unit, request, first);
  if (is('GET', 'T', '_history')) return history(unit, request, first);
  if (second?.startsWith('$')) return operate(unit, request, code!, first);
  if (is('GET', 'T', 'id')) return read(unit, request, first, second!);
  if (is('PUT', 'T', 'id')) return update(unit, request, first, second!);
  if (is('DELETE', 'T', 'id')) return remove(unit, request, first, second!);
  if (is('GET', 'T', 'id', '_history')) return history(unit, request, first, second!);
  if (is('GET', 'T', 'id', '_history', 'v')) return vread(unit, first, second!, fourth!);
  if (third?.startsWith('$')) return operate(unit, request, code!, first, second!);
  throw notAllowed(request);
}

/** The method and the kinds of the path's parts, e.g. `GET T id _history v`. */
function shapeOf(
  method: string,
  first: string,
  second: string | undefined,
  third: string | undefined,
  fourth: string | undefined,
): string {
  if (second === undefined) return /^[A-Z]/.test(first) ? `${method} T` : `${method} ${first}`;
  const parts = [method, 'T', second.startsWith('_') ? second : 'id'];
  if (third !== undefined) parts.push(third);
  if (fourth !== undefined) parts.push('v');
  return parts.join(' ');
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw problem('invalid', 'url-malformed', 'The URL has a broken percent escape.');
  }
}

async function operate(
  unit: UnitOfWork,
  request: FhirRequest,
  code: string,
  type?: string,
  id?: string,
): Promise<FhirResponse> {
  const operation = findOperation(fhirOf(unit), code, type, id);
  if (
    request.method !== 'POST' &&
    !(request.method === 'GET' && operation.definition.affectsState === false)
  ) {
    throw new Problem(problem('not-allowed', 'operation-method', `Call ${code} by POST.`).issues, {
      headers: { allow: 'POST' },
    });
  }
  return runOperation(unit, request, operation, type, id);
}

/**
 * Answers a request: opens the unit of work it needs, and makes problems into OperationOutcomes.
 * What is not a Problem is thrown on: it is a bug, and the HTTP layer answers 500.
 */
export async function handleFhir(
  app: App,
  actor: Actor,
  request: FhirRequest,
  requestId: string,
): Promise<FhirResponse> {
  try {
    if (isBatch(request)) return await batch(app, actor, request, requestId);
    const options = { requestId, ...unitFor(app.fhir as FhirHouse, request) };
    return await runUnitOfWork(app, actor, options, (unit) => route(unit, request));
  } catch (error) {
    if (error instanceof Problem) return problemResponse(error);
    throw error;
  }
}

/** A Problem as an answer. */
export function problemResponse(error: Problem): FhirResponse {
  return resourceResponse(error.status, operationOutcome(error.issues), { ...error.headers });
}

function isBatch({ method, path, body }: FhirRequest): boolean {
  return (
    method === 'POST' && path === '' && (body as { type?: unknown } | undefined)?.type === 'batch'
  );
}

/** What only reads needs no transaction. */
function unitFor(
  house: FhirHouse,
  request: FhirRequest,
): { readOnly?: boolean; rolledBack?: boolean } {
  const { method, path } = request;
  const parts = path.split('/');
  const code = parts.find((part) => part.startsWith('$'));
  if (code) {
    const key = parts.length === 3 ? `${parts[0]}/[id]/${code}` : path;
    const operation = lookUp(house, key);
    if (!operation) return { readOnly: true };
    return { readOnly: isReadOnly(operation), rolledBack: operation.rolledBack };
  }
  return { readOnly: method === 'GET' || method === 'HEAD' || parts.at(-1) === '_search' };
}

/** Each entry of a batch on its own, in order, with a status each. */
async function batch(
  app: App,
  actor: Actor,
  request: FhirRequest,
  requestId: string,
): Promise<FhirResponse> {
  const entries = entriesOf(bundleOf(request.body), app.settings.get(BUNDLE_ENTRIES_MAX));
  const answers: string[] = [];
  for (const [index, entry] of entries.entries()) {
    answers.push(await batchEntry(app, actor, entry, index, requestId));
  }
  return textResponse(
    200,
    `{"resourceType":"Bundle","type":"batch-response","entry":[${answers.join(',')}]}`,
  );
}

async function batchEntry(
  app: App,
  actor: Actor,
  entry: unknown,
  index: number,
  requestId: string,
): Promise<string> {
  let answer: FhirResponse;
  try {
    const request = requestOf(entry, `Bundle.entry[${index}]`);
    answer = await handleFhir(app, actor, request, `${requestId}/${index}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    answer = problemResponse(error);
  }
  const { etag, location } = answer.headers;
  const lastModified = answer.headers['last-modified'];
  const response = {
    status: String(answer.status),
    ...(location && { location }),
    ...(etag && { etag }),
    ...(lastModified && { lastModified: new Date(lastModified).toISOString() }),
  };
  if (!answer.text) return JSON.stringify({ response });
  if (answer.status < 400)
    return `{"resource":${answer.text},"response":${JSON.stringify(response)}}`;
  return `{"response":${JSON.stringify(response).slice(0, -1)},"outcome":${answer.text}}}`;
}

function unknownType(type: string): Problem {
  return problem(
    'not-found',
    'type-unknown',
    `"${type.slice(0, 64)}" is not a FHIR R4 resource type.`,
  );
}

function unknownPath(request: FhirRequest): Problem {
  return problem(
    'not-found',
    'path-unknown',
    `There is nothing at /${request.path.slice(0, 200)}.`,
  );
}

function notAllowed(request: FhirRequest): Problem {
  const { path, method } = request;
  const allow = path.includes('/') ? 'GET, PUT, DELETE' : 'GET, POST, PUT, DELETE';
  return new Problem(
    problem('not-allowed', 'method-not-allowed', `${method} is not possible at /${path}.`).issues,
    { headers: { allow } },
  );
}
