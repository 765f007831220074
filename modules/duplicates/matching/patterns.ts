/**
 * Pairs counted by the pattern of their levels: what learning works on, since a hundred thousand
 * pairs have but a few thousand patterns.
 */

import type { Comparer } from './compare.ts';
import type { Pairs } from './samples.ts';
import { ALIKE, CROSSED_LEVEL_MAX, FAMILY, GIVEN, levelsOf, MISSING } from './schema.ts';

export interface Patterns {
  readonly columns: number;
  /** Levels of each pattern, `columns` side by side; MISSING where there is none. */
  readonly levels: Int8Array;
  readonly counts: Float64Array;
  /** Whether a column may be learnt from (not where the key of the block made it agree). */
  readonly used: readonly boolean[];
  readonly pairs: number;
}

/** Counts pairs by pattern. */
export function countPatterns(
  comparer: Comparer,
  pairs: Pairs,
  leftOut: readonly string[] = [],
): Patterns {
  const radix = comparer.columns.map(({ field }) => levelsOf(field.kind) + 1);
  const known = new Map<number, number>();
  const levels: number[] = [];
  const counts: number[] = [];
  const pattern = new Int8Array(radix.length);
  const names = [GIVEN, FAMILY].map((name) =>
    comparer.columns.findIndex(({ field }) => field.name === name),
  );
  for (let pair = 0; pair < pairs.length; pair += 2) {
    const [a, b] = [pairs[pair]!, pairs[pair + 1]!];
    let key = 0;
    for (let column = 0; column < radix.length; column++) {
      const level = comparer.level(column, a, b);
      pattern[column] = level;
    }
    if (isCrossed(comparer, pattern, names, a, b))
      for (const name of names) pattern[name] = MISSING;
    for (let column = 0; column < radix.length; column++) {
      key = key * radix[column]! + pattern[column]! + 1;
    }
    const at = known.get(key);
    if (at !== undefined) {
      counts[at]!++;
      continue;
    }
    known.set(key, counts.push(1) - 1);
    for (const level of pattern) levels.push(level);
  }
  return {
    columns: radix.length,
    levels: Int8Array.from(levels),
    counts: Float64Array.from(counts),
    used: comparer.columns.map(({ field }) => !leftOut.includes(field.name)),
    pairs: pairs.length / 2,
  };
}

/**
 * Whether each bears the other's names. How often they stand in the other order is a share of its own:
 * as levels they would teach that the names of one person differ, and pass twins for one.
 */
function isCrossed(
  comparer: Comparer,
  pattern: Int8Array,
  names: readonly number[],
  a: number,
  b: number,
): boolean {
  if (names.some((name) => name < 0 || pattern[name]! > CROSSED_LEVEL_MAX)) return false;
  const [first, second] = comparer.crossed(a, b);
  return first >= ALIKE && second >= ALIKE;
}

/** Sums the counts of a column's levels, each pattern weighed. */
export function addLevels(
  patterns: Patterns,
  weigh: (pattern: number) => number,
  into: readonly Float64Array[],
): void {
  const { columns, levels, counts, used } = patterns;
  for (let pattern = 0; pattern < counts.length; pattern++) {
    const weight = counts[pattern]! * weigh(pattern);
    for (let column = 0; column < columns; column++) {
      const level = levels[pattern * columns + column]!;
      if (level !== MISSING && used[column]) into[column]![level]! += weight;
    }
  }
}
