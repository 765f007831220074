/**
 * Total orders and keyset conditions: sort values first (missing ones last), then the internal id,
 * newest first.
 */

import { problem } from '../../sdk/index.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import type { Cursor } from './cursor.ts';
import type { SortKey } from './parse.ts';
import type { Values } from './parts.ts';

/** How values of a sort parameter are compared. */
export function sortType(key: SortKey): 'timestamptz' | 'numeric' | 'text' {
  if (key.code === '_lastUpdated' || key.info?.type === 'date') return 'timestamptz';
  return key.info?.type === 'number' || key.info?.type === 'quantity' ? 'numeric' : 'text';
}

/** A sort expression with its SQL type. */
export interface Order {
  readonly expression: string;
  readonly type: string;
  readonly descending: boolean;
}

/** `order by` of a page; reversed when going back. */
export function orderBy(orders: readonly Order[], key: string, back: boolean): string {
  const parts = orders.map(({ expression, descending }) => {
    const direction = descending !== back ? 'desc' : 'asc';
    return `${expression} ${direction} nulls ${back ? 'first' : 'last'}`;
  });
  return [...parts, `${key} ${back ? 'asc' : 'desc'}`].join(', ');
}

/**
 * What lies beyond the cursor in the direction of travel. Rows of different sources may share a key;
 * they follow each other in the order of the sources.
 */
export function beyond(
  orders: readonly Order[],
  key: string,
  cursor: Cursor,
  source: number,
  values: Values,
): string {
  const back = cursor.direction === 'previous';
  const equalToo = back ? source < cursor.source : source > cursor.source;
  const sign = `${back ? '>' : '<'}${equalToo ? '=' : ''}`;
  const rest = `${key} ${sign} ${values.add(cursor.key, 'bigint')}`;
  return orders.reduceRight((inner, order, at) => {
    const value = cursor.sort[at] ?? null;
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

/**
 * How a stored type is sorted by a parameter: a join and an expression over it. `mixed`: rooms show
 * resources of the type too, whose ids are texts.
 */
export function storedOrder(
  keys: readonly SortKey[],
  values: Values,
  mixed: boolean,
): { joins: string; orders: Order[] } {
  let joins = '';
  const orders = keys.map((key, at): Order => {
    const { descending } = key;
    if (key.code === '_lastUpdated') return { expression: 'r.lu', type: 'timestamptz', descending };
    if (key.code === '_id') {
      return mixed
        ? { expression: '(r.id::text collate "C")', type: 'text', descending }
        : { expression: 'r.id', type: 'uuid', descending };
    }
    const { table, column, type } = sortColumn(key.info!, descending);
    const param = values.add(key.info!.key, 'int');
    joins += ` left join (select rid, ${descending ? 'max' : 'min'}(${column}) as v from ${table}
      where param = ${param} group by rid) s${at} on s${at}.rid = r.rid`;
    return { expression: `s${at}.v`, type, descending };
  });
  return { joins, orders };
}

function sortColumn(
  info: SearchParameterInfo,
  descending: boolean,
): { table: string; column: string; type: string } {
  switch (info.type) {
    case 'string':
      return { table: 'str', column: 'val', type: 'text' };
    case 'date':
      return { table: 'dat', column: descending ? 'upper' : 'lower', type: 'timestamptz' };
    case 'number':
    case 'quantity':
      return { table: 'num', column: 'val', type: 'numeric' };
    case 'reference':
      return { table: 'ref', column: 'target::text', type: 'text' };
    default:
      throw problem(
        'not-supported',
        'search-sort',
        `Sorting by ${info.code} (${info.type}) is not possible; sort by a string, date, number or ` +
          'reference, by _id or by _lastUpdated.',
        '_sort',
      );
  }
}
