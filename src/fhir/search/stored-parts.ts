/**
 * Pieces of the statements that search stored resources.
 */

import type { Settled } from './code-phases.ts';
import type { Cursor } from './cursor.ts';
import type { Order } from './order.ts';
import { CODE_RANK, type Condition, type Values } from './parts.ts';

/** The newest internal id when a search begins; later resources stay out of its pages. */
export const TOP = '(select last_value * 64 + 63 from resource_rid) as top';

/** What stood when the search began. */
export function below(column: string, top: bigint, values: Values): string {
  return `${column} <= ${values.add(top, 'bigint')}`;
}

/** A condition that the index of codes answers. */
export function isCode({ set, rank }: Condition): boolean {
  return set === undefined && rank === CODE_RANK;
}

/** Tests of the stretches in which earlier keys are settled. */
export function testsOf(gone: readonly Settled[], values: Values): string[] {
  return gone.map((each) => each.test(values));
}

/** A place as the keys see it that are left after `gone` keys. */
export function tail(cursor: Cursor, gone: number): Cursor {
  return { ...cursor, sort: cursor.sort.slice(gone) };
}

/** Rows `r` of ids, looked up one by one whatever PostgreSQL estimates. */
export function lateral(table: string, ids: string, tests: readonly string[]): string {
  return `${ids} m cross join lateral (select r.* from ${table} r
    where r.rid = m.rid and r.bucket = (m.rid & 63) and ${tests.join(' and ')} offset 0) r`;
}

/** Resources of a set, or all. */
export function fromSet(table: string, first: Condition | undefined): string {
  if (!first) return `${table} r`;
  return `(select distinct rid from (${first.set}) w) m
    join ${table} r on r.rid = m.rid and r.bucket = (m.rid & 63)`;
}

/** Sort values as one column. */
export function sortArray(orders: readonly Order[]): string {
  return sortArrayOf(orders.map((each) => `${each.expression}::text`));
}

/** Sort values, given as texts, as one column. */
export function sortArrayOf(columns: readonly string[]): string {
  return `array[${columns.join(', ')}]::text[] as sort`;
}
