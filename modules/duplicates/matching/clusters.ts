/**
 * Records of one person, gathered: the strongest pairs first, and two clusters become one only if
 * their members agree with each other on the whole.
 *
 * Plain closure chains people together through one bad pair (A is like B, B like C). Here the mean
 * log-odds over all pairs across, candidates or not, must not speak against it.
 */

import { mix } from './hash.ts';

export interface Edge {
  readonly a: number;
  readonly b: number;
  readonly logOdds: number;
}

/** What reviewers have decided; binding. */
export interface Verdicts {
  readonly duplicate: ReadonlyArray<readonly [number, number]>;
  readonly different: ReadonlyArray<readonly [number, number]>;
}

const NO_VERDICTS: Verdicts = { duplicate: [], different: [] };

/** Mean bits across, clipped pair by pair, that still let two clusters become one. */
const MEAN_MIN = -4;
const CLIP_LOW = -12;
const CLIP_HIGH = 15;
/** Pairs across that are looked at. */
const CROSS_MAX = 24;

/** Gathers records of one person; gives each of `size` records the number of its cluster. */
export function clustersOf(
  size: number,
  edges: readonly Edge[],
  logOdds: (a: number, b: number) => number,
  verdicts: Verdicts = NO_VERDICTS,
): Int32Array {
  const root = Int32Array.from({ length: size }, (_, at) => at);
  const members = new Map<number, number[]>();
  const of = (at: number): number[] => members.get(at) ?? [at];
  const find = (at: number): number => {
    let top = at;
    while (root[top] !== top) top = root[top]!;
    for (let step = at; root[step] !== top; ) {
      const next = root[step]!;
      root[step] = top;
      step = next;
    }
    return top;
  };
  const apart = new Map<number, Set<number>>();
  for (const [a, b] of verdicts.different) {
    apart.set(a, (apart.get(a) ?? new Set()).add(b));
    apart.set(b, (apart.get(b) ?? new Set()).add(a));
  }
  const forbidden = (a: number[], b: number[]): boolean =>
    apart.size > 0 && a.some((x) => b.some((y) => apart.get(x)?.has(y)));
  const merge = (a: number, b: number): void => {
    const [big, small] = of(a).length >= of(b).length ? [a, b] : [b, a];
    const all = [...of(big), ...of(small)];
    members.delete(small);
    members.set(big, all);
    root[small] = big;
  };
  for (const [a, b] of verdicts.duplicate) if (find(a) !== find(b)) merge(find(a), find(b));
  const refused = new Map<string, string>();
  for (const { a, b } of [...edges].sort((x, y) => y.logOdds - x.logOdds)) {
    const [x, y] = [find(a), find(b)];
    if (x === y || forbidden(of(x), of(y))) continue;
    const pair = x < y ? `${x} ${y}` : `${y} ${x}`;
    const sizes = `${of(x).length + of(y).length}`;
    if (refused.get(pair) === sizes) continue;
    if (meanAcross(of(x), of(y), logOdds) >= MEAN_MIN) merge(x, y);
    else refused.set(pair, sizes);
  }
  return root.map((_, at) => find(at));
}

function meanAcross(
  a: readonly number[],
  b: readonly number[],
  logOdds: (a: number, b: number) => number,
): number {
  const all = a.length * b.length;
  const count = Math.min(all, CROSS_MAX);
  let sum = 0;
  for (let at = 0; at < count; at++) {
    const pick = all <= CROSS_MAX ? at : (mix(at + 1) >>> 0) % all;
    const [x, y] = [a[Math.floor(pick / b.length)]!, b[pick % b.length]!];
    sum += Math.min(CLIP_HIGH, Math.max(CLIP_LOW, logOdds(Math.min(x, y), Math.max(x, y))));
  }
  return sum / count;
}
