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
import { acceptAsync, answerAsync, isAsyncPath, wantsAsync } from './async/accept.ts';
import { actorBreakingGlass } from './break-glass.ts';
import { disclosed } from './disclosure.ts';
import { answerEntry } from './interactions/batch-entry.ts';
import { entriesOf, requestOf } from './interactions/bundle.ts';
import { history } from './interactions/history.ts';
import { findOperation, isReadOnly, lookUp, runOperation } from './interactions/operation.ts';
import { conditionalPatch, patch } from './interactions/patch.ts';
import { read, vread } from './interactions/read.ts';
import { resourceResponse, textResponse } from './interactions/respond.ts';
import { search } from './interactions/search.ts';
import { searchCompartment } from './interactions/search-compartment.ts';
import { bundleOf, transaction } from './interactions/transaction.ts';
import {
  conditionalRemove,
  conditionalUpdate,
  create,
  remove,
  update,
} from './interactions/write.ts';
import { noteRequest } from './notes.ts';
import { checkOperationReach } from './operation-reach.ts';
import type { FhirHouse, FhirRequest, FhirResponse } from './types.ts';
import { fhirOf } from './types.ts';

/** Answers a request inside an open unit of work. */
export async function route(unit: UnitOfWork, request: FhirRequest): Promise<FhirResponse> {
  const [first = '', second, third, fourth, ...more] = request.path.split('/').map(decode);
  if (more.length > 0) throw unknownPath(request);
  const shape = shapeOf(request.method, first, second, third, fourth);
  if (first === '' || !isUpper(first)) return routeSystem(unit, request, shape, first);
  const { definitions, operations } = fhirOf(unit);
  // ViewDefinition is no type of R4, yet has an operation.
  if (!definitions.isResourceType(first) && !operations.has(`${first}/${second}`)) {
    throw unknownType(first);
  }
  switch (shape) {
    case 'GET T':
    case 'POST T _search':
      return search(unit, request, first);
    case 'POST T':
      return create(unit, request, first);
    case 'PUT T':
      return conditionalUpdate(unit, request, first);
    case 'PATCH T':
      return conditionalPatch(unit, request, first);
    case 'DELETE T':
      return conditionalRemove(unit, request, first);
    case 'GET T _history':
      return history(unit, request, first);
    case 'GET T id':
      return read(unit, request, first, second!);
    case 'PUT T id':
      return update(unit, request, first, second!);
    case 'PATCH T id':
      return patch(unit, request, first, second!);
    case 'DELETE T id':
      return remove(unit, request, first, second!);
    case 'GET T id _history':
      return history(unit, request, first, second!);
    case 'GET T id _history v':
      return vread(unit, first, second!, fourth!);
    default:
      if (second?.startsWith('$')) return operate(unit, request, second, first);
      if (third?.startsWith('$')) return operate(unit, request, third, first, second);
      if (third && isSearch(request, third, fourth)) {
        return searchCompartment(unit, request, first, second!, third);
      }
      throw notAllowed(request);
  }
}

/** What concerns no single type. */
async function routeSystem(
  unit: UnitOfWork,
  request: FhirRequest,
  shape: string,
  first: string,
): Promise<FhirResponse> {
  switch (shape) {
    case 'GET metadata':
      return textResponse(200, fhirOf(unit).capability());
    case 'POST ':
      return transaction(
        unit,
        bundleOf(request.body),
        (each) => route(unit, each),
        request.headers.prefer,
      );
    case 'GET ':
    case 'POST _search':
      return search(unit, request);
    case 'GET _history':
      return history(unit, request);
    default:
      if (first.startsWith('$')) return operate(unit, request, first);
      throw unknownType(first);
  }
}

function isUpper(text: string): boolean {
  const code = text.charCodeAt(0);
  return code >= 65 && code <= 90;
}

/** `GET Patient/1/Observation`, `GET Patient/1/*`, or the same with `_search` by POST. */
function isSearch({ method }: FhirRequest, third: string, fourth: string | undefined): boolean {
  if (third !== '*' && !isUpper(third)) return false;
  if (method === 'POST') return fourth === '_search';
  return (method === 'GET' || method === 'HEAD') && fourth === undefined;
}

/** The method and the kinds of the path's parts, e.g. `GET T id _history v`. */
function shapeOf(
  method: string,
  first: string,
  second: string | undefined,
  third: string | undefined,
  fourth: string | undefined,
): string {
  let shape = `${method === 'HEAD' ? 'GET' : method} ${isUpper(first) ? 'T' : first}`;
  if (second !== undefined) shape += /^[_$]/.test(second) ? ` ${second}` : ' id';
  if (third !== undefined) shape += ` ${third}`;
  if (fourth !== undefined) shape += ' v';
  return shape;
}

function decode(part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw problem('invalid', 'url-malformed', 'The URL has a broken percent escape.');
  }
  if (decoded.includes('\0')) {
    throw problem('invalid', 'nul-character', 'The URL holds the character U+0000; take it out.');
  }
  return decoded;
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
  await checkOperationReach(unit, operation, type, id);
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
  const options = { requestId, ...unitFor(app.fhir as FhirHouse, request) };
  const reads = options.readOnly ?? false;
  let reader = actor;
  let answer: FhirResponse;
  try {
    if (isAsyncPath(request)) return await answerAsync(app, actor, request, requestId);
    if (wantsAsync(request)) return await acceptAsync(app, actor, request, requestId);
    if (isBatch(request)) return await batch(app, actor, request, requestId);
    reader = actorBreakingGlass(actor, request, reads);
    answer = await runUnitOfWork(app, reader, options, (unit) => route(unit, request));
    answer = disclosed(reader, answer);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    answer = problemResponse(error);
  }
  await noteRequest(app, reader, request, requestId, reads, answer);
  return answer;
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
  let size = 0;
  for (const [index, entry] of entries.entries()) {
    const answer =
      size > BATCH_ANSWER_MAX
        ? answerEntry(problemResponse(batchTooLarge()), 'GET')
        : await batchEntry(app, actor, entry, index, requestId, request.headers.prefer);
    size += answer.length;
    answers.push(answer);
  }
  return textResponse(
    200,
    `{"resourceType":"Bundle","type":"batch-response","entry":[${answers.join(',')}]}`,
  );
}

/** Characters of answers after which the entries of a batch are no longer begun. */
const BATCH_ANSWER_MAX = 50_000_000;

function batchTooLarge(): Problem {
  const says =
    'The answers before this entry fill the batch; nothing was done. Send it again alone.';
  return problem('too-costly', 'answer-too-large', says);
}

async function batchEntry(
  app: App,
  actor: Actor,
  entry: unknown,
  index: number,
  requestId: string,
  prefer: string | undefined,
): Promise<string> {
  try {
    const request = requestOf(entry, `Bundle.entry[${index}]`, prefer);
    const answer = await handleFhir(app, actor, request, `${requestId}/${index}`);
    return answerEntry(answer, request.method);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return answerEntry(problemResponse(error), 'GET');
  }
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
  const allow = path.includes('/') ? 'GET, PUT, PATCH, DELETE' : 'GET, POST, PUT, PATCH, DELETE';
  return new Problem(
    problem('not-allowed', 'method-not-allowed', `${method} is not possible at /${path}.`).issues,
    { headers: { allow } },
  );
}
