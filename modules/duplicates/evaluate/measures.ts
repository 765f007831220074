/**
 * How good a run was, against the truth: pairs, clusters, calibration and subgroups.
 */

import type { Run } from '../matching/run.ts';
import type { Dimension } from '../matching/subgroups.ts';

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

/** Who is who: the number of the true person of each record; −1 where the truth is silent. */
export type Truth = Int32Array;

const pairsIn = (count: number): number => (count * (count - 1)) / 2;

function sizes(groups: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}

export interface Sides {
  readonly across: boolean;
  readonly source: Uint8Array;
}

/** True pairs; between the two registries only, if there are two. */
export function truePairs(truth: Truth, { across, source }: Sides): number {
  if (!across) return [...sizes(truth).values()].reduce((so, count) => so + pairsIn(count), 0);
  const first = sizes([...truth].filter((_, at) => source[at] === 0));
  const second = sizes([...truth].filter((_, at) => source[at] === 1));
  return [...first].reduce((so, [person, count]) => so + count * (second.get(person) ?? 0), 0);
}

/** Pairs that a partition puts together, against the truth. */
export function clusterFigures(clusters: Int32Array, truth: Truth, sides: Sides): Figures {
  const both = new Int32Array(clusters.length);
  const known = new Map<string, number>();
  for (let at = 0; at < clusters.length; at++) {
    const key = `${clusters[at]} ${truth[at]}`;
    both[at] = known.get(key) ?? known.set(key, known.size).size - 1;
  }
  return figures(truePairs(both, sides), truePairs(clusters, sides), truePairs(truth, sides));
}

/** B³: how much of a record's cluster is its person, and how much of its person is in its cluster. */
export function bCubed(clusters: Int32Array, truth: Truth): Figures {
  const inCluster = sizes(clusters);
  const inTruth = sizes(truth);
  const both = new Map<string, number>();
  const keyOf = (at: number): string => `${clusters[at]} ${truth[at]}`;
  for (let at = 0; at < clusters.length; at++) both.set(keyOf(at), (both.get(keyOf(at)) ?? 0) + 1);
  let precision = 0;
  let recall = 0;
  for (let at = 0; at < clusters.length; at++) {
    const shared = both.get(keyOf(at))!;
    precision += shared / inCluster.get(clusters[at]!)!;
    recall += shared / inTruth.get(truth[at]!)!;
  }
  precision /= clusters.length;
  recall /= clusters.length;
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

/** True pairs of each group (of either record) at p ≥ .5, by "dimension group". */
export function recallByGroup(
  { pairs, logOdds }: Pick<Run, 'pairs' | 'logOdds'>,
  truth: Truth,
  { across, source }: Sides,
  dimensions: readonly Dimension[],
): ReadonlyMap<string, { readonly pairs: number; readonly found: number }> {
  const likely = new Set<number>();
  for (let at = 0; at < pairs.size; at++) {
    if (logOdds[at]! >= 0) likely.add(pairs.a[at]! * truth.length + pairs.b[at]!);
  }
  const sums = new Map<string, { pairs: number; found: number }>();
  for (const { name, groups } of dimensions) {
    for (const group of groups) sums.set(`${name} ${group}`, { pairs: 0, found: 0 });
  }
  const people = Map.groupBy(truth.keys(), (at) => truth[at]!);
  people.delete(-1);
  for (const rows of people.values()) {
    for (const [at, a] of rows.entries()) {
      for (const b of rows.slice(at + 1)) {
        if (across && source[a] === source[b]) continue;
        const found = likely.has(a * truth.length + b) ? 1 : 0;
        for (const { name, groups, of } of dimensions) {
          for (const group of new Set([of[a]!, of[b]!])) {
            const sum = sums.get(`${name} ${groups[group]}`)!;
            sum.pairs++;
            sum.found += found;
          }
        }
      }
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
