/**
 * Whether a run serves everybody alike: for each group of people, the share of duplicates that it
 * finds and the share of people whom it would hold though they stand in the registry once.
 *
 * Without labels both follow from the posteriors, which are calibrated: a pair of p = .8 is a
 * duplicate in eight of ten cases. What no key brought together is not seen by it, so that the
 * estimate of recall is from above; reviewed pairs replace it where there are enough.
 */

import type { ScoredPairs } from './pairs.ts';
import { probabilityOf } from './score.ts';
import type { Dimension } from './subgroups.ts';

/** What a run does to one group. */
export interface GroupFairness {
  readonly dimension: string;
  readonly group: string;
  readonly people: number;
  /** Duplicate pairs that one or both records of the group are in, as expected and as found. */
  readonly pairs: number;
  readonly found: number;
  /** found / pairs; NaN where no duplicate is expected. */
  readonly recall: number;
  /** People with a pair at or above the threshold, and how many of them wrongly, as expected. */
  readonly held: number;
  readonly heldWrongly: number;
  /** heldWrongly / people. */
  readonly falseHoldRate: number;
  /** Whether the group is held wrongly more often than others, beyond chance. */
  readonly flagged: boolean;
}

/** A group that is held wrongly so many times as often as all people is flagged. */
const FLAG_RATIO = 1.5;
/** Two-sided 95 % of the normal distribution. */
const Z = 1.96;

/**
 * Whether a group is held wrongly more often than others, beyond chance.
 *
 * @param heldWrongly people of the group held wrongly, as expected
 * @param average share of all people who are
 */
export function isHeldMore(heldWrongly: number, people: number, average: number): boolean {
  // Wrong holds are rare and come one by one: their number varies like its own square root.
  const least = Math.max(0, heldWrongly - Z * Math.sqrt(heldWrongly)) / Math.max(1, people);
  return least > FLAG_RATIO * average;
}

/** The fate of people: the best pair of each. */
function bestPairs(size: number, pairs: ScoredPairs, p: Float64Array): Float64Array {
  const best = new Float64Array(size);
  for (let at = 0; at < pairs.size; at++) {
    const [a, b] = [pairs.a[at]!, pairs.b[at]!];
    if (p[at]! > best[a]!) best[a] = p[at]!;
    if (p[at]! > best[b]!) best[b] = p[at]!;
  }
  return best;
}

/**
 * How a run treats the groups of people.
 *
 * @param run scored pairs with their log-odds in bits
 * @param threshold probability from which a pair is held
 */
export function fairnessOf(
  run: { readonly pairs: ScoredPairs; readonly logOdds: Float64Array },
  size: number,
  dimensions: readonly Dimension[],
  threshold: number,
): readonly GroupFairness[] {
  const { pairs } = run;
  const p = run.logOdds.map((bits) => probabilityOf(bits));
  const best = bestPairs(size, pairs, p);
  const wrongly = best.map((most) => (most >= threshold ? 1 - most : 0));
  const average = wrongly.reduce((so, each) => so + each, 0) / Math.max(1, size);
  return dimensions.flatMap(({ name, groups, of }) => {
    const sums = groups.map(() => ({ people: 0, pairs: 0, found: 0, held: 0, heldWrongly: 0 }));
    for (let row = 0; row < size; row++) {
      const sum = sums[of[row]!]!;
      sum.people++;
      if (best[row]! >= threshold) sum.held++;
      sum.heldWrongly += wrongly[row]!;
    }
    for (let at = 0; at < pairs.size; at++) {
      const [one, other] = [of[pairs.a[at]!]!, of[pairs.b[at]!]!];
      for (const group of one === other ? [one] : [one, other]) {
        sums[group]!.pairs += p[at]!;
        if (p[at]! >= threshold) sums[group]!.found += p[at]!;
      }
    }
    return groups.flatMap((group, at) => {
      const sum = sums[at]!;
      if (sum.people === 0) return [];
      return {
        ...{ dimension: name, group, ...sum },
        recall: sum.found / sum.pairs,
        falseHoldRate: sum.heldWrongly / sum.people,
        flagged: isHeldMore(sum.heldWrongly, sum.people, average),
      };
    });
  });
}
