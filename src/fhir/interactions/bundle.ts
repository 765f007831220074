/**
 * The entries of a batch or transaction, understood and checked; each fault names its entry.
 * https://hl7.org/fhir/R4/bundle.html#bundle-request
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { type Patch, patchOfEntry } from '../patch/apply.ts';
import { type FhirRequest, fhirOf } from '../types.ts';
import { type Condition, parseCondition } from './conditions.ts';

/** One entry, understood. */
export interface Entry {
  readonly index: number;
  /** `Bundle.entry[3]` */
  readonly place: string;
  readonly method: string;
  readonly type: string;
  readonly id: string | undefined;
  readonly fullUrl: string | undefined;
  /** What is to be written; of a PATCH it is known only when the target is. */
  readonly resource: Resource | undefined;
  readonly patch: Patch | undefined;
  readonly condition: Condition | undefined;
  /** `$name` when the entry calls an operation. */
  readonly operation: boolean;
  readonly request: FhirRequest;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Understands the entries of a transaction.
 *
 * @throws Problem naming `Bundle.entry[n]`
 */
export function parseEntries(unit: UnitOfWork, bundle: Bundle, max: number): Entry[] {
  const entries = entriesOf(bundle, max);
  const urls = new Map<string, number>();
  return entries.map((entry, index) => {
    const place = `Bundle.entry[${index}]`;
    const parsed = parseEntry(unit, entry, index, place);
    if (parsed.fullUrl) {
      const earlier = urls.get(parsed.fullUrl);
      if (earlier !== undefined) {
        throw problem(
          'invalid',
          'full-url-twice',
          `fullUrl stands in entries ${earlier} and ${index}; make it unique.`,
          `${place}.fullUrl`,
        );
      }
      urls.set(parsed.fullUrl, index);
    }
    return parsed;
  });
}

/** The entries of a bundle as a list, counted. */
export function entriesOf(bundle: Bundle, max: number): readonly unknown[] {
  const { entry = [] } = bundle;
  if (!Array.isArray(entry)) {
    throw problem('structure', 'bundle-entries', 'Bundle.entry is a list.', 'Bundle.entry');
  }
  if (entry.length > max) {
    throw problem(
      'too-long',
      'bundle-too-long',
      `The Bundle has ${entry.length} entries; send at most ${max} at once.`,
      'Bundle.entry',
    );
  }
  return entry;
}

interface RawEntry {
  readonly fullUrl?: unknown;
  readonly resource?: unknown;
  readonly request?: {
    readonly method?: unknown;
    readonly url?: unknown;
    readonly ifNoneExist?: unknown;
    readonly ifMatch?: unknown;
    readonly ifNoneMatch?: unknown;
    readonly ifModifiedSince?: unknown;
  };
}

/** The request that an entry stands for. */
export function requestOf(
  entry: unknown,
  place: string,
  prefer?: string,
): FhirRequest & { fullUrl?: string } {
  const { request, resource, fullUrl } = (entry ?? {}) as RawEntry;
  const method = String(request?.method ?? '');
  if (!METHODS.has(method)) {
    throw problem(
      'required',
      'entry-method',
      'Give request.method: GET, HEAD, POST, PUT, PATCH or DELETE.',
      `${place}.request.method`,
    );
  }
  if (typeof request?.url !== 'string') {
    throw problem('required', 'entry-url', 'Give request.url.', `${place}.request.url`);
  }
  const [path = '', query = ''] = splitOnce(request.url, '?');
  const text = (value: unknown): string | undefined =>
    typeof value === 'string' ? value : undefined;
  return {
    method,
    path: path.replace(/^\/+|\/+$/g, ''),
    query: new URLSearchParams(query.replaceAll('+', '%2B')),
    headers: {
      ...(prefer && { prefer }),
      'if-none-exist': text(request.ifNoneExist),
      'if-match': text(request.ifMatch),
      'if-none-match': text(request.ifNoneMatch),
      'if-modified-since': text(request.ifModifiedSince),
    },
    body: resource,
    fullUrl: text(fullUrl),
    ...(method === 'PATCH' && { patch: patchOfEntry(resource, place) }),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function parseEntry(unit: UnitOfWork, entry: unknown, index: number, place: string): Entry {
  const request = requestOf(entry, place);
  const { method, path, headers } = request;
  const [type = '', id, ...more] = path.split('/');
  const operation = path.includes('$');
  const reading = method === 'GET' || method === 'HEAD';
  if (!reading && !operation) checkTarget(unit, request, place, type, id, more.length > 0);
  const resource = reading ? undefined : (request.body as Resource | undefined);
  return {
    index,
    place,
    method,
    type,
    id,
    fullUrl: request.fullUrl,
    resource: method === 'DELETE' || method === 'PATCH' || operation ? undefined : resource,
    patch: request.patch,
    operation,
    request,
    condition: conditionOf(unit, request, type, id, headers['if-none-exist'], place),
  };
}

function conditionOf(
  unit: UnitOfWork,
  { method, query }: FhirRequest,
  type: string,
  id: string | undefined,
  ifNoneExist: string | undefined,
  place: string,
): Condition | undefined {
  if (method === 'POST' && ifNoneExist !== undefined) {
    const condition = parseCondition(unit, type, ifNoneExist, `${place}.request.ifNoneExist`);
    return { ...condition, followsReplaced: true };
  }
  if (['PUT', 'PATCH', 'DELETE'].includes(method) && id === undefined) {
    return parseCondition(unit, type, query.toString(), `${place}.request.url`, method !== 'PUT');
  }
  return undefined;
}

function checkTarget(
  unit: UnitOfWork,
  { method, body, query }: FhirRequest,
  place: string,
  type: string,
  id: string | undefined,
  deeper: boolean,
): void {
  const where = `${place}.request.url`;
  if (!fhirOf(unit).definitions.isResourceType(type)) {
    throw problem('not-found', 'type-unknown', `"${type}" is not a FHIR R4 resource type.`, where);
  }
  if (deeper || (method === 'POST' && id !== undefined) || (method === 'POST' && query.size > 0)) {
    throw problem('invalid', 'entry-url', `${method} does not go to this URL.`, where);
  }
  if (method === 'DELETE' || method === 'PATCH') return;
  const resource = body as Resource | undefined;
  if (resource === null || typeof resource !== 'object') {
    throw problem('required', 'entry-resource', `${method} needs a resource.`, `${place}.resource`);
  }
  if (resource.resourceType !== type) {
    throw problem(
      'invalid',
      'resource-type-differs',
      `The entry's resource is ${JSON.stringify(resource.resourceType ?? null)}, its URL asks for ${type}.`,
      `${place}.resource.resourceType`,
    );
  }
  if (method === 'PUT' && id !== undefined && resource.id !== id) {
    throw problem(
      'invalid',
      'id-differs',
      `The URL names ${type}/${id}, the resource ${JSON.stringify(resource.id ?? null)}.`,
      `${place}.resource.id`,
    );
  }
}
