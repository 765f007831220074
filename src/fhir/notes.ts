/**
 * What the trail says of a request that only read, or that was refused: which interaction, on what,
 * by which query. Writes are noted where they are written, in their own transaction.
 */

import type { Bundle } from '@medplum/fhirtypes';
import type { App } from '../app.ts';
import type { ReadNote } from '../audit/reads.ts';
import type { Actor } from '../sdk/index.ts';
import type { FhirRequest, FhirResponse } from './types.ts';

const METHOD_ACTION: Readonly<Record<string, ReadNote['action']>> = {
  GET: 'R',
  HEAD: 'R',
  POST: 'C',
  PUT: 'U',
  PATCH: 'U',
  DELETE: 'D',
};
const REFUSED: ReadonlySet<number> = new Set([401, 403]);
/** Longest query that is kept whole. */
const QUERY_MAX = 2000;

/** Notes a request; answers a promise only when the caller should wait. */
export function noteRequest(
  app: App,
  actor: Actor,
  request: FhirRequest,
  requestId: string,
  reads: boolean,
  answer: FhirResponse,
): Promise<void> | undefined {
  const refused = REFUSED.has(answer.status);
  if (!refused && isTransaction(request)) {
    // A bundle that failed has read nothing for anybody, however many entries it had.
    if (answer.status >= 400) return undefined;
    return noteReadsWithin(app, actor, request, requestId);
  }
  if ((!reads && !refused && actor.breakGlass === undefined) || request.path === 'metadata') {
    return undefined;
  }
  const { interaction, type, id } = interactionOf(request);
  const query = request.query.size > 0 ? request.query.toString().slice(0, QUERY_MAX) : undefined;
  const detail = {
    ...(query && { query }),
    ...(answer.status >= 400 && { status: answer.status }),
    ...(actor.breakGlass !== undefined && { purpose: 'BTG', reason: actor.breakGlass }),
  };
  const isSearch = interaction.startsWith('search') || interaction.startsWith('$');
  return app.reads.note({
    at: app.clock.now(),
    actor,
    requestId,
    action: isSearch ? 'E' : (METHOD_ACTION[request.method] ?? 'E'),
    interaction,
    ...(type && { type }),
    ...(id && { id }),
    ...(Object.keys(detail).length > 0 && { detail }),
  });
}

function isTransaction({ method, path }: FhirRequest): boolean {
  return method === 'POST' && path === '';
}

/** A transaction notes its writes itself; what its entries read is noted here. */
function noteReadsWithin(
  app: App,
  actor: Actor,
  { body }: FhirRequest,
  requestId: string,
): Promise<void> | undefined {
  const entries = (body as Bundle | undefined)?.entry;
  if (!Array.isArray(entries)) return undefined;
  let waits: Promise<void> | undefined;
  for (const [index, entry] of entries.entries()) {
    const { method, url } = entry?.request ?? {};
    if (method !== 'GET' || typeof url !== 'string') continue;
    const [path = '', query = ''] = url.split('?');
    const request = { method, path, query: new URLSearchParams(query), headers: {} };
    const answer = { status: 200, headers: {} };
    waits = noteRequest(app, actor, request, `${requestId}/${index}`, true, answer) ?? waits;
  }
  return waits;
}

/** The FHIR name of what a request asks for. */
export function interactionOf({ method, path }: FhirRequest): {
  interaction: string;
  type?: string;
  id?: string;
} {
  const parts = path === '' ? [] : path.split('/');
  const operation = parts.find((part) => part.startsWith('$'));
  const isType = /^[A-Z]/.test(parts[0] ?? '');
  const about = {
    ...(isType && { type: parts[0]! }),
    ...(isType && parts[1] && !/^[$_]/.test(parts[1]) && { id: parts[1] }),
  };
  if (operation) return { interaction: operation, ...about };
  const level = about.id ? 'instance' : about.type ? 'type' : 'system';
  const last = parts.at(-1) ?? '';
  if (last === '_history') return { interaction: `history-${level}`, ...about };
  if (parts.at(-2) === '_history') return { interaction: 'vread', ...about };
  if (last === '_search' || (isRead(method) && level !== 'instance')) {
    return { interaction: `search-${level}`, ...about };
  }
  if (isRead(method)) {
    return { interaction: parts.length > 2 ? 'search-compartment' : 'read', ...about };
  }
  const names: Record<string, string> = { PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  const posted = level === 'system' ? 'transaction' : 'create';
  return { interaction: names[method] ?? posted, ...about };
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
