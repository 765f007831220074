/**
 * Pairs counted by the pattern of their levels: what learning works on, since a hundred thousand
 * pairs have but a few thousand patterns.
 */

import type { Comparer } from './compare.ts';
import { mix } from './hash.ts';
import type { Pairs } from './samples.ts';
import { CROSSED_LEVEL_MAX, FAMILY, GIVEN, MISSING } from './schema.ts';

export interface Patterns {
  readonly columns: number;
  /** Levels of each pattern, `columns` side by side; MISSING where there is none. */
  readonly levels: Int8Array;
  readonly counts: Float64Array;
  /** Whether a column may be learnt from (not where the key of the block made it agree). */
  readonly used: readonly boolean[];
  readonly pairs: number;
}

/** Patterns under way: levels of each, and how often it was seen; found by hash. */
class PatternCounts {
  readonly #columns: number;
  #levels: Int8Array;
  #counts = new Float64Array(PATTERNS_FIRST);
  #slots = new Int32Array(2 * PATTERNS_FIRST);
  #size = 0;

  constructor(columns: number) {
    this.#columns = columns;
    this.#levels = new Int8Array(columns * PATTERNS_FIRST);
  }

  /** Notes a pattern. */
  add(pattern: Int8Array): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(pattern, 0, this.#columns) & mask;
    // Numbers of patterns from 1; 0 is free.
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#slots[slot]! - 1;
      if (this.#is(known, pattern)) {
        this.#counts[known]!++;
        return;
      }
    }
    this.#levels.set(pattern, this.#size * this.#columns);
    this.#counts[this.#size] = 1;
    this.#slots[slot] = ++this.#size;
    if (this.#size === this.#counts.length) this.#widen();
  }

  taken(): Pick<Patterns, 'levels' | 'counts'> {
    return {
      levels: this.#levels.slice(0, this.#size * this.#columns),
      counts: this.#counts.slice(0, this.#size),
    };
  }

  #is(known: number, pattern: Int8Array): boolean {
    const from = known * this.#columns;
    for (let column = 0; column < this.#columns; column++) {
      if (this.#levels[from + column] !== pattern[column]) return false;
    }
    return true;
  }

  #widen(): void {
    const [levels, counts] = [this.#levels, this.#counts];
    this.#levels = new Int8Array(levels.length * 2);
    this.#levels.set(levels);
    this.#counts = new Float64Array(counts.length * 2);
    this.#counts.set(counts);
    this.#slots = new Int32Array(counts.length * 4);
    const mask = this.#slots.length - 1;
    for (let known = 0; known < this.#size; known++) {
      let slot = hashOf(levels, known * this.#columns, this.#columns) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = known + 1;
    }
  }
}

const PATTERNS_FIRST = 1_024;

function hashOf(levels: Int8Array, from: number, columns: number): number {
  let hash = 0;
  for (let at = from; at < from + columns; at++)
    hash = Math.imul(hash ^ levels[at]!, 0x01000193) + 7;
  return mix(hash);
}

/** Pairs whose people are fetched side by side. */
const FETCHED = 32;

/** Counts pairs by pattern. */
export function countPatterns(
  comparer: Comparer,
  pairs: Pairs,
  leftOut: readonly string[] = [],
): Patterns {
  const { columns } = comparer;
  const counts = new PatternCounts(columns.length);
  const pattern = new Int8Array(columns.length);
  const names = [GIVEN, FAMILY].map((name) =>
    columns.findIndex(({ field }) => field.name === name),
  );
  for (let pair = 0; pair < pairs.length; pair += 2) {
    if (pair % (2 * FETCHED) === 0) comparer.fetch(pairs.subarray(pair, pair + 2 * FETCHED));
    const a = pairs[pair]!;
    const b = pairs[pair + 1]!;
    for (let column = 0; column < columns.length; column++) {
      pattern[column] = comparer.level(column, a, b);
    }
    if (isCrossed(comparer, pattern, names, a, b))
      for (const name of names) pattern[name] = MISSING;
    counts.add(pattern);
  }
  return {
    columns: columns.length,
    ...counts.taken(),
    used: columns.map(({ field }) => !leftOut.includes(field.name)),
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
  return comparer.areCrossed(a, b);
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
