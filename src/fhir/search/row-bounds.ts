/**
 * Where a walk of resources begins, said so that the index that has their order is entered there:
 * as rows, which PostgreSQL takes for a third of the table each, with statistics and without. Two
 * plain comparisons would be taken for a narrow range, to be read whole and sorted.
 *
 * What an index cannot be entered by is a test, wrapped so that it is taken for one that half of the
 * rows pass.
 */

import type { Cursor } from './cursor.ts';
import { beyond, beyondSign, type Order } from './order.ts';
import type { SortKey } from './parse.ts';
import type { Values } from './parts.ts';
import type { Frame } from './stored-frame.ts';

/** Tests of rows `r` beyond a place, in the order of the keys. */
export function rowBounds(
  { newest, source }: Frame,
  keys: readonly SortKey[],
  orders: readonly Order[],
  place: Cursor,
  values: Values,
): string[] {
  const [key] = keys;
  const sign = beyondSign(newest, place, source);
  const tests: string[] = [];
  if (!key) {
    tests.push(byRid(sign, place.key, values));
    // Descending, what is beyond the place is below the newest of the first page.
    if (sign.startsWith('>') && place.top !== undefined) tests.push(notAfter(place.top, values));
    return tests;
  }
  const back = place.direction === 'previous';
  const down = key.descending !== back;
  const [first] = orders;
  if (first && /^r\.(lu|id)$/.test(first.expression)) {
    // Also those of the same value: which of them lie beyond, the whole test tells.
    const next = first.expression === 'r.lu' ? 'r.rid' : 'r.bucket';
    const edge = down ? '9223372036854775807' : '-1';
    const value = values.add(place.sort[0], first.type);
    tests.push(`(${first.expression}, ${next}) ${down ? '<' : '>'}= (${value}, ${edge}::bigint)`);
  }
  tests.push(`coalesce(${beyond(orders, 'r.rid', newest, place, source, values)}, false)`);
  if (place.top !== undefined) tests.push(notAfter(place.top, values));
  return tests;
}

function notAfter(top: bigint, values: Values): string {
  return `coalesce(r.rid <= ${values.add(top, 'bigint')}, false)`;
}

/** Buckets are 0 to 63. */
function byRid(sign: string, rid: bigint, values: Values): string {
  const bucket = sign === '<' || sign === '>=' ? -1 : 64;
  return `(r.rid, r.bucket) ${sign} (${values.add(rid, 'bigint')}, ${bucket})`;
}
