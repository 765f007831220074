/**
 * How good a run was, against the truth: pairs, clusters, calibration and subgroups. All of it takes
 * time in proportion to records and scored pairs, also where the truth says that all are one person.
 */

import type { Run } from '../matching/run.ts';
import type { Dimension } from '../matching/subgroups.ts';
import { type Groups, groupsBy, membersOf, sizesOf, together } from './groups.ts';

export interface Figures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Precision, recall and their harmonic mean; NaN where there is nothing to divide by. */
export function figures(right: number, found: number, all: number): Figures {
  const precision = right / found;
  const recall = right / all;
  return { precision, recall, f1: (2 * right) / (found + all) };
}

/** Who is who: the number of the true person of each record. */
export type Truth = Int32Array;

const pairsIn = (count: number): number => (count * (count - 1)) / 2;

export interface Sides {
  readonly across: boolean;
  readonly source: Uint8Array;
}

/** Pairs within groups; between the two registries only, if there are two. */
export function pairsWithin(groups: Groups, { across, source }: Sides): number {
  const sizes = sizesOf(groups);
  if (!across) return sizes.reduce((so, count) => so + pairsIn(count), 0);
  const second = new Int32Array(groups.count);
  groups.of.forEach((group, row) => {
    second[group]! += source[row]!;
  });
  let pairs = 0;
  for (let group = 0; group < groups.count; group++) {
    pairs += (sizes[group]! - second[group]!) * second[group]!;
  }
  return pairs;
}

/** True pairs; between the two registries only, if there are two. */
export const truePairs = (truth: Truth, sides: Sides): number =>
  pairsWithin(groupsBy(truth), sides);

/** Pairs that a partition puts together, against the truth. */
export function partitionFigures(found: Groups, truth: Truth, sides: Sides): Figures {
  const known = groupsBy(truth);
  return figures(
    pairsWithin(together(found, known), sides),
    pairsWithin(found, sides),
    pairsWithin(known, sides),
  );
}

/** Pairs that clusters put together, against the truth. */
export const clusterFigures = (clusters: Int32Array, truth: Truth, sides: Sides): Figures =>
  partitionFigures(groupsBy(clusters), truth, sides);

/** B³: how much of a record's cluster is its person, and how much of its person is in its cluster. */
export function bCubed(clusters: Int32Array, truth: Truth): Figures {
  const [found, known] = [groupsBy(clusters), groupsBy(truth)];
  const both = together(found, known);
  const [inFound, inKnown, inBoth] = [found, known, both].map(sizesOf);
  let precision = 0;
  let recall = 0;
  for (let row = 0; row < clusters.length; row++) {
    const shared = inBoth![both.of[row]!]!;
    precision += shared / inFound![found.of[row]!]!;
    recall += shared / inKnown![known.of[row]!]!;
  }
  precision /= clusters.length;
  recall /= clusters.length;
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

/** True pairs of a group of people, and how many of them were found. */
interface Recalled {
  pairs: number;
  found: number;
}

/** True pairs of each group (of either record) at p ≥ .5, by "dimension group". */
export function recallByGroup(
  { pairs, logOdds }: Pick<Run, 'pairs' | 'logOdds'>,
  truth: Truth,
  sides: Sides,
  dimensions: readonly Dimension[],
): ReadonlyMap<string, Recalled> {
  const known = membersOf(groupsBy(truth));
  const sums = new Map<string, Recalled>();
  for (const dimension of dimensions) {
    const { name, groups, of } = dimension;
    const all = pairsByGroup(dimension, known, sides);
    const found = new Float64Array(groups.length);
    for (let at = 0; at < pairs.size; at++) {
      const [a, b] = [pairs.a[at]!, pairs.b[at]!];
      if (!(logOdds[at]! >= 0) || truth[a] !== truth[b]) continue;
      found[of[a]!]!++;
      if (of[a] !== of[b]) found[of[b]!]!++;
    }
    groups.forEach((group, at) => {
      sums.set(`${name} ${group}`, { pairs: all[at]!, found: found[at]! });
    });
  }
  return sums;
}

/** True pairs of which one or both records are of a group: all of a person less those of the others. */
function pairsByGroup(
  { groups, of }: Dimension,
  { rows, starts }: ReturnType<typeof membersOf>,
  { across, source }: Sides,
): Float64Array {
  const sums = new Float64Array(groups.length);
  // Records of the person at hand, by group and side.
  const own = [new Int32Array(groups.length), new Int32Array(groups.length)] as const;
  for (let person = 0; person + 1 < starts.length; person++) {
    const [from, to] = [starts[person]!, starts[person + 1]!];
    if (to - from < 2) continue;
    const all = [0, 0] as [number, number];
    for (let at = from; at < to; at++) {
      const side = across ? (source[rows[at]!] as 0 | 1) : 0;
      all[side]++;
      own[side][of[rows[at]!]!]!++;
    }
    for (let at = from; at < to; at++) {
      const group = of[rows[at]!]!;
      const [first, second] = [own[0][group]!, own[1][group]!];
      if (first + second === 0) continue;
      sums[group]! += across
        ? all[0] * all[1] - (all[0] - first) * (all[1] - second)
        : pairsIn(all[0]) - pairsIn(all[0] - first);
      own[0][group] = 0;
      own[1][group] = 0;
    }
  }
  return sums;
}

/** Ten bins of p: Σ |Σp − matches| over the pairs compared. */
export function calibrationError(p: ArrayLike<number>, matches: (at: number) => boolean): number {
  const expected = new Float64Array(10);
  const seen = new Float64Array(10);
  for (let at = 0; at < p.length; at++) {
    const bin = Math.min(9, Math.floor(p[at]! * 10));
    expected[bin]! += p[at]!;
    if (matches(at)) seen[bin]!++;
  }
  const off = expected.reduce((so, sum, bin) => so + Math.abs(sum - seen[bin]!), 0);
  return p.length === 0 ? 0 : off / p.length;
}
