/** The order of rows from several sources, so that one page is cut across them. */

import type { Found } from './found.ts';
import { newestFirst, sortType } from './order.ts';
import type { SortKey } from './parse.ts';

/** A row as its place in a page is told. */
export type Placed = Pick<Found, 'source' | 'sort' | 'key'>;

/** Compares rows in page order, or its reverse. */
export function pageOrder(
  keys: readonly SortKey[],
  back: boolean,
): (a: Placed, b: Placed) => number {
  const newest = newestFirst(keys);
  return (a, b) => {
    const order = compareAll(a, b, keys) || compareKeys(a, b, newest);
    return back ? -order : order;
  };
}

function compareAll(a: Placed, b: Placed, keys: readonly SortKey[]): number {
  for (const [at, key] of keys.entries()) {
    const order = compareValues(a.sort[at] ?? null, b.sort[at] ?? null, key);
    if (order !== 0) return order;
  }
  return 0;
}

function compareKeys(a: Placed, b: Placed, newest: boolean): number {
  if (a.key === b.key) return a.source - b.source;
  return a.key > b.key === newest ? -1 : 1;
}

function compareValues(a: string | null, b: string | null, key: SortKey): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  const isLess = sortType(key) === 'numeric' ? Number(a) < Number(b) : a < b;
  return isLess !== key.descending ? -1 : 1;
}
