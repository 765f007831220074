/**
 * Definitions that are published with the house, as a source of a search: `GET
 * OperationDefinition?url=…`, `SearchParameter?base=Patient`. They are some hundreds and stand in
 * memory; their index rows are those that the store would have.
 *
 * What a caller has stored under the id of such a definition stands in its place, as it does when it
 * is read. Numbers, quantities, composites and what leads from one resource to another find nothing:
 * no definition of ours has any.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { scopesFor } from '../authorize.ts';
import type { Definitions, IndexRows } from '../definitions/definitions.ts';
import { textKey } from '../definitions/hash.ts';
import { capitalized, normalize } from '../definitions/normalize.ts';
import { toldBy } from '../definitions/search-parameters.ts';
import { publishedOf } from '../published.ts';
import { parseContent, writeContent } from '../store/content.ts';
import { loadRows } from '../store/read.ts';
import { fhirOf } from '../types.ts';
import type { Cursor } from './cursor.ts';
import type { Found, Source } from './found.ts';
import { pageOrder } from './page-order.ts';
import type { Search, SortKey, Term } from './parse.ts';
import { targetOf } from './references.ts';
import { unescaped } from './text-values.ts';
import { tokenHashes, tokensAsked, uriHashes } from './tokens.ts';
import { type Interval, parseDate } from './values.ts';

interface Entry {
  readonly id: string;
  readonly key: bigint;
  readonly content: string;
  readonly rows: IndexRows;
}

const indexed = new WeakMap<Definitions, Map<string, readonly Entry[]>>();

/** What is published of a type, newest definitions of the house each. */
function entriesOf(unit: UnitOfWork, type: string): readonly Entry[] {
  const house = fhirOf(unit);
  const { definitions, started } = house;
  const known = indexed.get(definitions) ?? new Map<string, readonly Entry[]>();
  indexed.set(definitions, known);
  let entries = known.get(type);
  if (!entries) {
    entries = publishedOf(house, type).map((resource, at): Entry => {
      const content = writeContent(resource, resource.id!, 1, started);
      // Below every internal id of the store, so that they come after what is stored.
      return {
        id: resource.id!,
        key: BigInt(-1 - at),
        content,
        rows: definitions.extract(parseContent(content)),
      };
    });
    known.set(type, entries);
  }
  return entries;
}

/** The definitions of a type as a source; undefined when the house publishes none. */
export function publishedSource(
  unit: UnitOfWork,
  type: string,
  search: Search,
  source: number,
): Source | undefined {
  const entries = entriesOf(unit, type);
  if (entries.length === 0) return undefined;
  const matches = async (): Promise<Found[]> => {
    const { actor } = unit;
    // A scope with conditions gives some of a type; which definitions, it cannot have meant.
    if (actor.scopes && scopesFor(actor, 'search', type).every((each) => each.query)) return [];
    const found = entries.filter((each) =>
      search.terms.every((term) => holds(unit, type, term, each)),
    );
    const ids = found.map((each) => each.id);
    const stored = ids.length > 0 ? await loadRows(unit, type, ids) : new Map<string, unknown>();
    return found
      .filter((each) => !stored.has(each.id))
      .map((each) => ({
        type,
        id: each.id,
        key: each.key,
        sort: search.sort.map((key) => sortValue(unit, key, each)),
        content: each.content,
        source,
      }));
  };
  return {
    async fetch(cursor, back, limit) {
      const order = pageOrder(search.sort, back);
      const found = await matches();
      return beyond(found, cursor, order).sort(order).slice(0, limit);
    },
    count: async () => (await matches()).length,
    estimate: async () => (await matches()).length,
  };
}

function beyond(
  found: Found[],
  cursor: Cursor | undefined,
  order: ReturnType<typeof pageOrder>,
): Found[] {
  return cursor ? found.filter((each) => order(each, cursor) > 0) : found;
}

function holds(unit: UnitOfWork, type: string, term: Term, entry: Entry): boolean {
  switch (term.kind) {
    case 'constant':
      return term.holds;
    case 'id':
      return term.values.some((each) => unescaped(each) === entry.id);
    case 'updated': {
      const at = fhirOf(unit).started.getTime();
      const row = { lower: at, upper: at + 1 };
      return term.values.some((each) => within(parseDate(each, '_lastUpdated'), row));
    }
    case 'parameter':
      return parameterHolds(unit, type, term, entry.rows);
    default:
      return false;
  }
}

type ParameterTerm = Extract<Term, { kind: 'parameter' }>;

function parameterHolds(
  unit: UnitOfWork,
  type: string,
  term: ParameterTerm,
  rows: IndexRows,
): boolean {
  const { info, modifier, values } = term;
  if (modifier === 'missing') return isPresent(info, rows) !== (values[0] === 'true');
  switch (info.type) {
    case 'token':
      return tokenHolds(unit, type, term, rows);
    case 'string':
      return textHolds(rows, info.keys, modifier, values);
    case 'uri': {
      const hashes = new Set(uriHashes(type, info, modifier, values));
      return rows.tok.some((row) => hashes.has(row.hash));
    }
    case 'date':
      return values.some((each) => {
        const asked = parseDate(each, term.name);
        return rows.dat.some((row) => row.param === info.key && within(asked, spanOf(row)));
      });
    case 'reference':
      return values.some((each) => {
        const { target, types } = targetOf(unit, info.targets, modifier, unescaped(each));
        return rows.ref.some(
          (row) =>
            row.param === info.key &&
            row.target === target &&
            (types === undefined || types.includes(row.type)),
        );
      });
    default:
      return false;
  }
}

function isPresent(info: ParameterTerm['info'], rows: IndexRows): boolean {
  if (info.present.some((token) => rows.tk.includes(token))) return true;
  const told: readonly { readonly param: number }[] =
    toldBy(info.type) === 'str' ? rows.str : toldBy(info.type) === 'dat' ? rows.dat : [];
  return told.some((row) => info.keys.includes(row.param));
}

function tokenHolds(unit: UnitOfWork, type: string, term: ParameterTerm, rows: IndexRows): boolean {
  const { info, modifier, values, name } = term;
  if (modifier === 'text') {
    return textHolds(rows, [textKey(type, `${info.rowsCode}:text`)], 'contains', values);
  }
  if (modifier === 'of-type') return false;
  const tokens = term.tokens ?? tokensAsked(unit, modifier, values, name);
  const asked = tokenHashes(info, tokens);
  const found = asked.some(
    ({ tk, tok }) =>
      (tk !== undefined && rows.tk.includes(tk)) ||
      (tok !== undefined &&
        rows.tok.some(
          (row) => row.hash === tok.hash && (tok.system === undefined || row.system === tok.system),
        )),
  );
  return found !== (modifier === 'not' || modifier === 'not-in');
}

function textHolds(
  rows: IndexRows,
  keys: readonly number[],
  modifier: string | undefined,
  values: readonly string[],
): boolean {
  const texts = rows.str.filter((row) => keys.includes(row.param));
  return values.map(unescaped).some((text) => {
    if (modifier === 'exact')
      return texts.some(({ val, raw }) => (raw ?? capitalized(val)) === text);
    const folded = normalize(text);
    if (folded === '') return false;
    return texts.some(({ val }) =>
      modifier === undefined ? val.startsWith(folded) : val.includes(folded),
    );
  });
}

interface Span {
  readonly lower: number;
  readonly upper: number;
}

function spanOf(row: { readonly lower: string | null; readonly upper: string | null }): Span {
  return {
    lower: row.lower === null ? -Infinity : Date.parse(row.lower),
    upper: row.upper === null ? Infinity : Date.parse(row.upper),
  };
}

/** As `intervalTest` has it in SQL. */
function within(asked: Interval, { lower, upper }: Span): boolean {
  const [from, to] = [Date.parse(asked.lower), Date.parse(asked.upper)];
  const inside = lower >= from && upper <= to;
  switch (asked.prefix) {
    case 'eq':
      return inside;
    case 'ne':
      return !inside;
    case 'gt':
      return upper > to;
    case 'lt':
      return lower < from;
    case 'ge':
      return upper > to || inside;
    case 'le':
      return lower < from || inside;
    case 'sa':
      return lower >= to;
    case 'eb':
      return upper <= from;
    case 'ap':
      return lower < to && upper > from;
  }
}

/** The value that a definition is sorted by, in the form in which PostgreSQL writes it. */
function sortValue(unit: UnitOfWork, key: SortKey, entry: Entry): string | null {
  if (key.code === '_id') return entry.id;
  if (key.code === '_lastUpdated') return instantText(fhirOf(unit).started.toISOString());
  const { info } = key;
  if (!info || key.from) return null;
  const values = valuesOf(info, entry);
  values.sort((a, b) => (a < b ? -1 : 1));
  return (key.descending ? values.at(-1) : values[0]) ?? null;
}

function valuesOf(info: ParameterTerm['info'], { rows, content }: Entry): string[] {
  const own = (row: { readonly param: number }): boolean => info.keys.includes(row.param);
  if (info.type === 'string') return rows.str.filter(own).map((row) => row.val);
  if (info.type === 'date') {
    return rows.dat.filter(own).map((row) => (row.lower ? instantText(row.lower) : '-infinity'));
  }
  const resource = parseContent(content);
  return info.sortPaths.flatMap((path) => valuesAt(resource, path));
}

/** The values at an SQL/JSON path of members. */
function valuesAt(resource: Resource, path: string): string[] {
  let values: unknown[] = [resource];
  for (const [, name] of path.matchAll(/"([^"]+)"/g)) {
    values = values.flatMap((each) => (each as Record<string, unknown>)[name!] ?? []);
  }
  return values.filter((each) => typeof each !== 'object').map(String);
}

function instantText(iso: string): string {
  return iso
    .replace('T', ' ')
    .replace(/(\.\d*?)0*Z$/, '$1')
    .replace(/[.Z]$/, '')
    .concat('+00');
}
