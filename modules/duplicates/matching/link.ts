/**
 * Posteriors under "one to one": where nobody stands twice in either of two registries, each further
 * likely partner of a record makes the others less likely.
 */

import type { ScoredPairs } from './pairs.ts';

/**
 * Log-odds of each pair given the other pairs of both its records: odds over one plus the odds of
 * all rivals. Exact where rivals do not compete among themselves.
 */
export function oneToOne(
  size: number,
  pairs: Pick<ScoredPairs, 'size' | 'a' | 'b'>,
  logOdds: Float64Array,
): Float64Array {
  const sum = new Float64Array(size);
  for (let at = 0; at < pairs.size; at++) {
    const odds = 2 ** Math.min(60, logOdds[at]!);
    sum[pairs.a[at]!]! += odds;
    sum[pairs.b[at]!]! += odds;
  }
  return logOdds.map((own, at) => {
    const odds = 2 ** Math.min(60, own);
    const rivals = Math.max(0, sum[pairs.a[at]!]! + sum[pairs.b[at]!]! - 2 * odds);
    return own - Math.log2(1 + rivals);
  });
}
