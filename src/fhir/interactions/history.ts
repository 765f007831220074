/**
 * FHIR history of an instance, a type or everything, newest first, paged by keyset.
 * https://hl7.org/fhir/R4/http.html#history
 */

import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { readProjected } from '../projection.ts';
import { readCursor, writeCursor } from '../search/cursor.ts';
import { parseDate } from '../search/values.ts';
import { type HistoryQuery, loadHistory, loadRow, type Version } from '../store/read.ts';
import { type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { notFound } from './read.ts';
import { textResponse } from './respond.ts';

const KNOWN = new Set(['_since', '_at', '_count', '_cursor', '_format', '_pretty']);
const COUNT_DEFAULT = 50;
const COUNT_MAX = 1000;

/** `GET [[Type/]id/]_history` */
export async function history(
  unit: UnitOfWork,
  request: FhirRequest,
  type?: string,
  id?: string,
): Promise<FhirResponse> {
  authorize(unit, 'read', type ?? '*');
  const house = fhirOf(unit);
  const wanted = await historyQuery(unit, request, type, id);
  const versions =
    type && id && wanted.rid === undefined
      ? (await shownVersion(unit, type, id)).filter((each) => isWithin(each, wanted))
      : await loadHistory(unit, { ...wanted, limit: wanted.limit + 1 });
  const page = versions.slice(0, wanted.limit);
  const path = [type, id, '_history'].filter(Boolean).join('/');
  const links = [{ relation: 'self', url: linkUrl(house.base(), path, request.query) }];
  const last = page.at(-1);
  if (versions.length > page.length && last) {
    const query = new URLSearchParams(request.query);
    query.set('_cursor', cursorOf(house.cursorKey, last, path));
    links.push({ relation: 'next', url: linkUrl(house.base(), path, query) });
  }
  const entries = page.map((version) => entryOf(house.base(), version));
  const head = JSON.stringify({ resourceType: 'Bundle', type: 'history', link: links });
  const list = entries.length > 0 ? `,"entry":[${entries.join(',')}]` : '';
  return textResponse(200, `${head.slice(0, -1)}${list}}`);
}

function linkUrl(base: string, path: string, query: URLSearchParams): string {
  const text = query.toString();
  return `${base}/${path}${text ? `?${text}` : ''}`;
}

function cursorOf(key: Buffer, last: Version, path: string): string {
  const sort = [last.lu.toISOString(), String(last.ver)];
  return writeCursor(key, { source: 0, sort, key: last.rid, direction: 'next' }, path);
}

async function historyQuery(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string | undefined,
  id: string | undefined,
): Promise<HistoryQuery> {
  const { query } = request;
  for (const name of query.keys()) {
    if (!KNOWN.has(name)) {
      throw problem(
        'not-supported',
        'search-parameter-unknown',
        `History does not know "${name}".`,
        name,
      );
    }
  }
  const since = query.get('_since');
  const at = query.get('_at');
  const cursor = query.get('_cursor');
  const count = query.get('_count') ?? String(COUNT_DEFAULT);
  if (!/^[1-9]\d{0,8}$/.test(count)) {
    throw problem('invalid', 'search-value', '_count is a whole number above 0.', '_count');
  }
  const path = [type, id, '_history'].filter(Boolean).join('/');
  const before = cursor ? readCursor(fhirOf(unit).cursorKey, cursor, path) : undefined;
  return {
    ...(type && { type }),
    ...(type && id && { rid: (await loadRow(unit, type, id))?.rid }),
    ...(since && { since: new Date(parseDate(since, '_since').lower) }),
    ...(at && { at: during(at) }),
    ...(before && {
      before: { lu: new Date(before.sort[0]!), rid: before.key, ver: Number(before.sort[1]) },
    }),
    limit: Math.min(Number(count), COUNT_MAX),
  };
}

function during(text: string): { from: Date; to: Date } {
  const { lower, upper } = parseDate(text, '_at');
  return { from: new Date(lower), to: new Date(upper) };
}

/** What a room shows has one version, the present one: what it was is told by the room's books. */
async function shownVersion(unit: UnitOfWork, type: string, id: string): Promise<Version[]> {
  const found = await readProjected(unit, type, id);
  if (!found) throw notFound(type, id);
  const { content, version: ver, lastUpdated: lu } = found;
  return [{ type, id, ver, lu, method: ver === 1 ? 'POST' : 'PUT', content, rid: 0n }];
}

function isWithin({ lu }: Version, { since, at, before }: HistoryQuery): boolean {
  return !before && (!since || lu >= since) && (!at || lu < at.to);
}

function entryOf(base: string, version: Version): string {
  const { type, id, ver, lu, method } = version;
  const url = method === 'POST' ? type : `${type}/${id}`;
  const status = method === 'DELETE' ? '204' : method === 'POST' || ver === 1 ? '201' : '200';
  const rest = JSON.stringify({
    request: { method, url },
    response: { status, etag: `W/"${ver}"`, lastModified: lu.toISOString() },
  });
  const resource = method === 'DELETE' ? '' : `"resource":${version.content},`;
  return `{"fullUrl":"${base}/${type}/${id}",${resource}${rest.slice(1)}`;
}
