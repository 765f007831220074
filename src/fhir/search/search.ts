/**
 * Runs a search: one page cut across its sources, with includes, total and links.
 */

import type { UnitOfWork } from '../../app.ts';
import { fhirOf } from '../types.ts';
import { withAliases } from './aliases.ts';
import { type Cursor, readCursor, writeCursor } from './cursor.ts';
import { type Included, includesOf } from './include.ts';
import { ofType } from './of-type.ts';
import { pageOrder } from './page-order.ts';
import type { Search } from './parse.ts';
import { publishedSource } from './published.ts';
import { type Found, type Source, sourcesOf } from './source.ts';
import { withStoredTerminology } from './stored-terminology.ts';

/** A page of a search. */
export interface SearchPage {
  readonly matches: readonly Found[];
  readonly included: Included;
  readonly total: number | undefined;
  /** Query of the next and previous page; undefined at the ends. */
  readonly next: string | undefined;
  readonly previous: string | undefined;
  readonly self: string;
}

/** What is searched: the form of the answer stays in the links, but a page may be had in another. */
function withoutForm(honoured: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams(honoured);
  query.delete('_format');
  query.delete('_pretty');
  return query;
}

/** Runs a search and answers one page. */
export async function runSearch(unit: UnitOfWork, asked: Search): Promise<SearchPage> {
  const search = await withAliases(unit, await withStoredTerminology(unit, asked));
  const { cursorKey } = fhirOf(unit);
  const sources = withPublished(unit, search);
  const canonical = `${search.path ?? search.types.join(',')}?${withoutForm(search.honoured)}`;
  const cursor = search.cursor ? readCursor(cursorKey, search.cursor, canonical) : undefined;
  const counting = search.count === 0 || search.summary === 'count';
  const how = counting && search.total === 'none' ? 'accurate' : search.total;
  const total = await totalOf(sources, how);
  if (counting) {
    return {
      matches: [],
      included: { found: [], cut: false },
      total,
      next: undefined,
      previous: undefined,
      self: search.honoured.toString(),
    };
  }
  const { rows, more } = await cut(sources, search, cursor);
  const included = await includesOf(unit, rows, search.includes);
  const back = cursor?.direction === 'previous';
  const top = cursor?.top ?? rows.find((row) => row.top !== undefined)?.top;
  const bound = top === undefined ? {} : { top };
  const link = (at: Found | undefined, direction: Cursor['direction']): string | undefined => {
    if (!at) return undefined;
    const query = new URLSearchParams(search.honoured);
    const place = { source: at.source, sort: at.sort, key: at.key, direction, ...bound };
    query.append('_cursor', writeCursor(cursorKey, place, canonical));
    return query.toString();
  };
  return {
    matches: rows,
    included,
    total: total ?? (cursor || more ? undefined : rows.length),
    next: more || back ? link(rows.at(-1), 'next') : undefined,
    previous: (back ? more : cursor) ? link(rows[0], 'previous') : undefined,
    self: search.honoured.toString(),
  };
}

/** What is stored and what rooms show, and after them what is published with the house. */
function withPublished(unit: UnitOfWork, search: Search): Source[] {
  const sources = sourcesOf(unit, search);
  for (const type of search.types) {
    const own = ofType(fhirOf(unit).definitions, search, type);
    const source = publishedSource(unit, type, own, sources.length);
    if (source) sources.push(source);
  }
  return sources;
}

async function totalOf(
  sources: readonly Source[],
  how: Search['total'],
): Promise<number | undefined> {
  if (how === 'none') return undefined;
  let total = 0;
  for (const source of sources) {
    total += how === 'estimate' ? await source.estimate() : await source.count();
  }
  return total;
}

async function cut(
  sources: readonly Source[],
  search: Search,
  cursor: Cursor | undefined,
): Promise<{ rows: Found[]; more: boolean }> {
  const back = cursor?.direction === 'previous';
  const limit = search.count + 1;
  const rows =
    search.sort.length === 0 || sources.length === 1
      ? await inSequence(sources, cursor, back, limit)
      : await merged(sources, search, cursor, back, limit);
  const more = rows.length > search.count;
  const page = rows.slice(0, search.count);
  return { rows: back ? page.reverse() : page, more };
}

/** Without a sort, the rows of one source follow those of another. */
async function inSequence(
  sources: readonly Source[],
  cursor: Cursor | undefined,
  back: boolean,
  limit: number,
): Promise<Found[]> {
  const rows: Found[] = [];
  const step = back ? -1 : 1;
  for (let at = cursor?.source ?? 0; at >= 0 && at < sources.length; at += step) {
    const from = at === cursor?.source ? cursor : undefined;
    rows.push(...(await sources[at]!.fetch(from, back, limit - rows.length)));
    if (rows.length >= limit) break;
  }
  return rows;
}

async function merged(
  sources: readonly Source[],
  search: Search,
  cursor: Cursor | undefined,
  back: boolean,
  limit: number,
): Promise<Found[]> {
  const pages = await Promise.all(sources.map((source) => source.fetch(cursor, back, limit)));
  return pages.flat().sort(pageOrder(search.sort, back)).slice(0, limit);
}
