/**
 * Expectation–maximisation over patterns: what m must be for the pairs that were seen.
 *
 * Each sample is what one blocking rule makes; its own fields are left out, its shares of the
 * classes are free, and m is common to all. u and h stay as they were measured, so that the classes
 * cannot change places.
 */

import { addLevels, type Patterns } from './patterns.ts';
import type { Field } from './schema.ts';
import { levelsOf, MISSING } from './schema.ts';

export type Levels = readonly (readonly number[])[];

/** Shares below this would never recover. */
const SHARE_MIN = 1e-6;
const ROUNDS_MAX = 100;
const CHANGE_MIN = 1e-4;
/** Pairs by which a field that is learnt beside stays where it stood. */
const OPEN_PRIOR_PAIRS = 20;
/** Added to each level in each round. */
const SMOOTHING = 0.5;
/** Samples of no more pairs teach nothing. */
export const PAIRS_MIN = 20;

/** Probability of a pattern under each class; products over the fields that may be learnt from. */
function likelihood(patterns: Patterns, pattern: number, classes: readonly Levels[]): number[] {
  const { columns, levels, used } = patterns;
  return classes.map((of) => {
    let product = 1;
    for (let column = 0; column < columns; column++) {
      const level = levels[pattern * columns + column]!;
      if (level !== MISSING && used[column]) product *= of[column]![level]!;
    }
    return product;
  });
}

/** Posteriors of the first two classes by pattern, and the new shares. */
function expected(
  patterns: Patterns,
  classes: readonly Levels[],
  shares: readonly number[],
  expectedPairs: readonly number[] = [],
): { first: Float64Array; second: Float64Array; shares: number[] } {
  const first = new Float64Array(patterns.counts.length);
  const second = new Float64Array(patterns.counts.length);
  const sums = classes.map((_, at) => expectedPairs[at] ?? 0);
  for (let pattern = 0; pattern < first.length; pattern++) {
    const weights = likelihood(patterns, pattern, classes).map((p, at) => p * shares[at]!);
    const sum = weights.reduce((so, weight) => so + weight, 0);
    if (sum === 0) continue;
    first[pattern] = weights[0]! / sum;
    second[pattern] = weights[1]! / sum;
    for (const [at, weight] of weights.entries()) {
      sums[at]! += (patterns.counts[pattern]! * weight) / sum;
    }
  }
  const floored = sums.map((sum) => Math.max(sum / patterns.pairs, SHARE_MIN));
  const all = floored.reduce((so, share) => so + share, 0);
  return { first, second, shares: floored.map((share) => share / all) };
}

export interface Learning<Sample extends Patterns = Patterns> {
  readonly fields: readonly Field[];
  readonly samples: readonly Sample[];
  /** The class that is learnt, from here. */
  readonly start: Levels;
  /** The classes that stay. */
  readonly fixed: readonly Levels[];
  /** Fields of the first of them that are learnt all the same, from where they stand. */
  readonly open?: readonly boolean[];
  /** Shares of the classes to begin with, the learnt one first. */
  readonly shares: readonly number[];
  /** Pairs of each class that are expected in a sample before it is looked at. */
  readonly expected?: (sample: Sample) => readonly number[];
  /** Pseudo-pairs of what is expected, added in each round. */
  readonly prior?: { readonly levels: Levels; readonly pairs: number };
}

export interface Learnt {
  readonly levels: number[][];
  /** The first of the classes that stay, with the fields that were learnt. */
  readonly second: number[][];
  /** Shares of each sample, the learnt class first. */
  readonly shares: readonly (readonly number[])[];
}

/** The levels of the learnt class that explain the samples best. */
export function learn<Sample extends Patterns>(learning: Learning<Sample>): Learnt {
  const { fields, start, prior, open } = learning;
  const samples = learning.samples.filter(({ pairs }) => pairs > PAIRS_MIN);
  const [firstFixed = [], ...fixed] = learning.fixed;
  let levels = start.map((of) => [...of]);
  let second = firstFixed.map((of) => [...of]);
  let shares = samples.map(() => [...learning.shares]);
  const empty = (pairs: number, of?: Levels): Float64Array[] =>
    fields.map(({ kind }, column) =>
      Float64Array.from(
        { length: levelsOf(kind) },
        (_, level) => SMOOTHING + (of ? pairs * of[column]![level]! : 0),
      ),
    );
  for (let round = 0; round < ROUNDS_MAX && samples.length > 0; round++) {
    const sums = empty(prior?.pairs ?? 0, prior?.levels);
    const others = empty(OPEN_PRIOR_PAIRS, firstFixed);
    shares = samples.map((sample, at) => {
      const found = expected(
        sample,
        [levels, second, ...fixed],
        shares[at]!,
        learning.expected?.(sample) ?? [],
      );
      addLevels(sample, (pattern) => found.first[pattern]!, sums);
      if (open) addLevels(sample, (pattern) => found.second[pattern]!, others);
      return found.shares;
    });
    const now = sums.map(shared);
    const change = furthest(now, levels);
    levels = now;
    if (open) second = second.map((of, column) => (open[column] ? shared(others[column]!) : of));
    if (change < CHANGE_MIN) break;
  }
  return { levels, second, shares };
}

function shared(sums: Float64Array): number[] {
  const sum = sums.reduce((so, value) => so + value, 0);
  return [...sums].map((value) => value / sum);
}

function furthest(now: Levels, before: Levels): number {
  return Math.max(
    ...now.map((of, column) =>
      of.reduce(
        (most, value, level) => Math.max(most, Math.abs(value - before[column]![level]!)),
        0,
      ),
    ),
  );
}

/** The share of the first class among pairs, all classes being known. */
export function shareOf(
  sample: Patterns,
  classes: readonly Levels[],
  start: readonly number[],
): number {
  let shares = [...start];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const next = expected(sample, classes, shares).shares;
    const change = Math.abs(next[0]! - shares[0]!);
    shares = next;
    if (change < CHANGE_MIN / 10) break;
  }
  return shares[0]!;
}
