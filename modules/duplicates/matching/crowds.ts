/**
 * Which pairs are worth somebody's look: likely ones, outside crowds of namesakes.
 */

/** Suspicions are raised from this probability. */
export const SUSPECTED_MIN = 0.5;

/** Likely pairs of one record above which it is one of a crowd of namesakes. */
const LIKELY_MAX = 8;

/**
 * Pairs of which neither record is one of a crowd. Who looks like a dozen others is told from none of
 * them by what is known: a Task for each pair would bury the reviewers, and the pairs are kept.
 */
export function outsideCrowds<
  Pair extends { readonly a: bigint | number; readonly b: bigint | number },
>(pairs: readonly Pair[]): Pair[] {
  const likely = new Map<bigint | number, number>();
  for (const { a, b } of pairs) {
    likely.set(a, (likely.get(a) ?? 0) + 1);
    likely.set(b, (likely.get(b) ?? 0) + 1);
  }
  const few = (id: bigint | number): boolean => (likely.get(id) ?? 0) <= LIKELY_MAX;
  return pairs.filter(({ a, b }) => few(a) && few(b));
}
