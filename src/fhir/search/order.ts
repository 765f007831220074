/**
 * Total orders and keyset conditions: sort values first (missing ones last), then the internal id
 * in the direction of the first key (without keys: newest first).
 *
 * Ascending takes the smallest value of a repeating element, descending the largest. Texts, dates
 * and numbers have index rows that are walked in order; codes, references and URLs are read from
 * the resource.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#sort
 */

import { problem } from '../../sdk/index.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { codeHash } from '../definitions/hash.ts';
import { rowsKey } from '../store/text-rows.ts';
import type { Cursor } from './cursor.ts';
import { distanceOrder } from './near.ts';
import type { SortKey } from './parse.ts';
import { ofResource, type Values } from './parts.ts';
import { edgeOf, hasText, TEXT_END, textColumn, textsUnder } from './texts.ts';

/** How values of a sort parameter are compared. */
export function sortType(key: SortKey): 'timestamptz' | 'numeric' | 'text' {
  if (key.from) return 'numeric';
  if (key.code === '_lastUpdated' || key.info?.type === 'date') return 'timestamptz';
  return key.info?.type === 'number' || key.info?.type === 'quantity' ? 'numeric' : 'text';
}

/** A sort expression with its SQL type. */
export interface Order {
  readonly expression: string;
  readonly type: string;
  readonly descending: boolean;
}

/** Whether rows of equal sort values stand newest first: as the first key, else they do. */
export function newestFirst(keys: readonly SortKey[]): boolean {
  return keys[0]?.descending ?? true;
}

/** `order by` of sort values; reversed when going back. */
export function orderParts(orders: readonly Order[], back: boolean): string[] {
  return orders.map(({ expression, descending }) => {
    const direction = descending !== back ? 'desc' : 'asc';
    return `${expression} ${direction} nulls ${back ? 'first' : 'last'}`;
  });
}

/** `order by` of a page. */
export function orderBy(
  orders: readonly Order[],
  key: string,
  newest: boolean,
  back: boolean,
): string {
  return [...orderParts(orders, back), `${key} ${newest !== back ? 'desc' : 'asc'}`].join(', ');
}

/** A place that a row must lie beyond. */
export type Place = Pick<Cursor, 'source' | 'sort' | 'key' | 'direction'>;

/**
 * What lies beyond a place in the direction of travel. Rows of different sources may share a key;
 * they follow each other in the order of the sources.
 */
export function beyond(
  orders: readonly Order[],
  key: string,
  newest: boolean,
  place: Place,
  source: number,
  values: Values,
): string {
  const back = place.direction === 'previous';
  const rest = `${key} ${beyondSign(newest, place, source)} ${values.add(place.key, 'bigint')}`;
  return orders.reduceRight((inner, order, at) => {
    const value = place.sort[at] ?? null;
    if (value === null) {
      const equal = `(${order.expression} is null and ${inner})`;
      return back ? `(${order.expression} is not null or ${equal})` : equal;
    }
    const placeholder = values.add(value, order.type);
    const operator = order.descending !== back ? '<' : '>';
    const after = `${order.expression} ${operator} ${placeholder}`;
    const missing = back ? '' : ` or ${order.expression} is null`;
    return `(${after}${missing} or (${order.expression} = ${placeholder} and ${inner}))`;
  }, rest);
}

/** How the keys of rows beyond a place compare with its key. */
export function beyondSign(newest: boolean, place: Place, source: number): string {
  const back = place.direction === 'previous';
  const equalToo = back ? source < place.source : source > place.source;
  return `${newest !== back ? '<' : '>'}${equalToo ? '=' : ''}`;
}

/** Where the values of a parameter stand in order. */
export interface SortedIndex {
  readonly table: 'str' | 'dat' | 'num';
  /** A test of the table's rows under an alias: that they have a value. */
  rows(alias: string): string;
  /** The smallest or the largest value of such a row. */
  edge(alias: string, edge: 'min' | 'max'): string;
  /** The parts of the index that are in order by themselves. */
  readonly runs: readonly Run[];
  /** The least value, and one that no value is greater than. */
  readonly least: string;
  readonly most: string;
}

/** A part of an index: what stands before the value, and the column of the value. */
export interface Run {
  readonly columns: readonly string[];
  readonly values: readonly string[];
  readonly column: string;
}

/** The index that has the values of a key in order; undefined when they are in the resource only. */
export function sortedIndex(key: SortKey, values: Values): SortedIndex | undefined {
  if (!key.info || key.from) return undefined;
  const { keys } = key.info;
  const rows = (alias: string): string => textsUnder(keys, `${alias}.param`, values);
  const ends = (type: string) => ({ least: `'-infinity'::${type}`, most: `'infinity'::${type}` });
  const runs = (columns: string[], more: string[], column: string): Run[] =>
    keys.map((each) => ({ columns, values: [values.add(each, 'int'), ...more], column }));
  const edge = (column: string) => (alias: string) => `${alias}.${column}`;
  switch (key.info.type) {
    case 'string':
      return textIndex(keys, values);
    case 'date':
      return {
        table: 'dat',
        rows,
        edge: edge('lower'),
        runs: runs(['param'], [], 'lower'),
        ...ends('timestamptz'),
      };
    case 'number':
    case 'quantity':
      return {
        table: 'num',
        rows: (alias) => `${rows(alias)} and ${alias}.unit = 0`,
        edge: edge('val'),
        runs: runs(['param', 'unit'], ['0::bigint'], 'val'),
        ...ends('numeric'),
      };
    default:
      return undefined;
  }
}

function textIndex(keys: readonly number[], values: Values): SortedIndex {
  return {
    table: 'str',
    rows: (alias) => hasText(keys, alias, values),
    edge: (alias, edge) => edgeOf(keys, alias, edge, values),
    runs: keys.map((key) => ({
      columns: ['param'],
      values: [values.add(rowsKey(key), 'int')],
      column: textColumn(key),
    })),
    least: "''::text",
    most: TEXT_END,
  };
}

/**
 * The sort value of a row of `resource`, alias `r`. `mixed`: rooms show resources of the type too,
 * whose ids are texts.
 */
export function storedOrder(
  resourceType: string,
  key: SortKey,
  values: Values,
  mixed: boolean,
): Order {
  const { descending, info, from } = key;
  const type = sortType(key);
  if (key.code === '_lastUpdated') return { expression: 'r.lu', type, descending };
  if (key.code === '_id') {
    return mixed
      ? { expression: '(r.id::text collate "C")', type: 'text', descending }
      : { expression: 'r.id', type: 'uuid', descending };
  }
  if (info && from) {
    return { expression: distanceOrder(resourceType, info, from, values), type, descending };
  }
  const edge = descending ? 'max' : 'min';
  const index = sortedIndex(key, values);
  if (index) {
    const { table, rows } = index;
    const value = index.edge(table, edge);
    const expression = `(select ${edge}(${value}) from ${ofResource(table, 'r.rid')}
      where ${rows(table)})`;
    return { expression, type, descending };
  }
  return { expression: contentValue(info!, descending, values), type, descending };
}

/** Codes of a closed list are told by their tokens, without reading the resource. */
function contentValue(info: SearchParameterInfo, descending: boolean, values: Values): string {
  const { sortCodes, sortPaths } = info;
  if (sortCodes.length > 0) {
    const codes = descending ? [...sortCodes].reverse() : sortCodes;
    const cases = codes.map(
      (code) =>
        `when r.tk @> ${values.add([codeHash(info.key, code)], 'bigint[]')} then ${values.add(code, 'text')}`,
    );
    return `(case ${cases.join(' ')} end collate "C")`;
  }
  if (sortPaths.length === 0) {
    throw problem(
      'not-supported',
      'search-sort',
      `Sorting by ${info.code} is not possible: its values have no order, or are computed.`,
      '_sort',
    );
  }
  const paths = values.add(sortPaths, 'jsonpath[]');
  return `(select ${descending ? 'max' : 'min'}((v #>> '{}') collate "C")
    from (select r.content::jsonb as c offset 0) j, unnest(${paths}) p,
      lateral jsonb_path_query(j.c, p) v)`;
}
