/**
 * A sort by a code of a closed list, as one walk for each code: gender, status. Resources are walked
 * newest first and tested for the code, so that a common one fills a page at once.
 */

import { codeHash } from '../definitions/hash.ts';
import type { SortKey } from './parse.ts';
import type { Values } from './parts.ts';

/** A sort key whose value is the same in a stretch of the order. */
export interface Settled {
  readonly value: string | null;
  /** A test of `r` that holds in the stretch. */
  readonly test: (values: Values) => string;
  /** The value is a code, so that few resources may have it. */
  readonly byCode: boolean;
}

/** The stretches of a sort key in order, missing values last; none where its codes are open. */
export function codePhases({ info, descending }: SortKey): Settled[] {
  if (!info || info.sortCodes.length === 0) return [];
  const codes = descending ? [...info.sortCodes].reverse() : info.sortCodes;
  const hashes = codes.map((code) => codeHash(info.key, code));
  const none = (values: Values, some: readonly bigint[]): string =>
    `not r.tk && ${values.add(some, 'bigint[]')}`;
  const phases = codes.map((value, at): Settled => {
    const test = (values: Values): string => {
      const own = `r.tk @> ${values.add([hashes[at]], 'bigint[]')}`;
      // Who has several codes stands at the first of them.
      return at === 0 ? own : `${own} and ${none(values, hashes.slice(0, at))}`;
    };
    return { value, test, byCode: true };
  });
  return [...phases, { value: null, test: (values) => none(values, hashes), byCode: true }];
}
