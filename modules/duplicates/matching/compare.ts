/**
 * The levels of two people, field by field, over a registry's numbers.
 */

import { type Comparison, comparisonOf, remembered } from './levels.ts';
import type { Column, Registry } from './registry.ts';
import {
  ADJACENT,
  ALIKE,
  AREA,
  CROSSED_LEVEL_MAX,
  FAMILY,
  type Field,
  GIVEN,
  type Kind,
  LEVELS,
  MISSING,
  MOVED,
  OTHER,
  YEARS_EQUAL,
} from './schema.ts';
import { isYear, type ValueTable } from './values.ts';

export interface Comparer {
  readonly columns: readonly Column[];
  /** Level of a column for two rows; MISSING where either has no value. */
  level(column: number, a: number, b: number): number;
  /**
   * What shows without looking at letters: the level where the values are equal, MISSING, or UNEQUAL
   * where `unequal` has to look.
   */
  first(column: number, a: number, b: number): number;
  /** Level of a column whose values are known to be unequal. */
  unequal(column: number, a: number, b: number): number;
  /** The value that both have, as far as the last call found one equal; else 0. */
  equalValue(): number;
  /** Whether each of two people bears the other's given name as family name, more or less. */
  areCrossed(a: number, b: number): boolean;
  /** Level of a name in one column of the first against another column of the second. */
  across(column: number, a: number, other: number, b: number): number;
  /** Whether two people have given or family name in common, as they stand. */
  namesAlike(a: number, b: number): boolean;
  /**
   * Looks at people (their rows) one after the other without waiting: the processor fetches them side by
   * side, where comparing would wait for the memory of each.
   */
  fetch(people: Int32Array): void;
}

/** Values are there and not equal. */
export const UNEQUAL = -2;

/** Values that so many fields have are seldom compared twice. */
const REMEMBERED_MAX = 100_000;
const UNIQUE: readonly Kind[] = ['identifier', 'number'];
/** Kinds that are compared sooner than they are remembered. */
const QUICK: readonly Kind[] = ['date', 'code'];

/** Identifiers: equal says most, a neighbour's number is told apart from a slip of the pen. */
const better = (x: number, y: number): number => {
  if (x === ADJACENT || y === ADJACENT)
    return Math.max(x, y) === 3 || x === 3 || y === 3 ? 3 : ADJACENT;
  return x > y ? x : y;
};

/** Areas from the lowest up: people of one village are of one district, which says nothing more. */
const AREAS = [AREA, 'city', 'district', 'state'];

/** Where the columns of lower areas stand in a row. */
export function lowerAreasOf(columns: readonly Column[], name: string): readonly number[] {
  const lower = AREAS.slice(0, Math.max(0, AREAS.indexOf(name)));
  return columns.filter(({ field }) => lower.includes(field.name)).map(({ at }) => at);
}

/** The level of two values that are equal. */
export const equalLevel = ({ kind }: Field, values: ValueTable, value: number): number =>
  kind === 'date' && isYear(values, value) ? YEARS_EQUAL : LEVELS[kind] - 1;

export const comparerOf = (registry: Registry, memoBits?: number): Comparer =>
  new RegistryComparer(registry, memoBits);

/** How the values of each column are compared. */
function comparisonsOf(columns: readonly Column[], memoBits?: number): readonly Comparison[] {
  const memos = new Map<string, Comparison>();
  return columns.map(({ field, values }) => {
    const key = `${field.kind === 'names' ? 'name' : field.kind} ${field.space}`;
    const plain = comparisonOf(field.kind, values);
    const unique = UNIQUE.includes(field.kind) && values.size > REMEMBERED_MAX;
    const forgets = unique || QUICK.includes(field.kind);
    const memo = memos.get(key) ?? (forgets ? plain : remembered(plain, memoBits));
    memos.set(key, memo);
    return memo;
  });
}

class RegistryComparer implements Comparer {
  readonly columns: readonly Column[];
  readonly #rows: Int32Array;
  readonly #width: number;
  readonly #compares: readonly Comparison[];
  /** By column: the level of what is equal, where it stands in a row, and in how many slots. */
  readonly #tops: Int32Array;
  readonly #places: Int32Array;
  readonly #slots: Int32Array;
  readonly #isDate: readonly boolean[];
  readonly #below: readonly (readonly number[])[];
  readonly #given: number;
  readonly #family: number;
  readonly #other: number;
  #equal = 0;
  /** Nobody asks for it; without it nothing would be looked at. */
  readonly #fetched = new Int32Array(1);

  constructor({ rows, width, columns }: Registry, memoBits?: number) {
    this.columns = columns;
    this.#rows = rows;
    this.#width = width;
    this.#compares = comparisonsOf(columns, memoBits);
    this.#tops = Int32Array.from(columns, ({ field }) => LEVELS[field.kind] - 1);
    this.#places = Int32Array.from(columns, ({ at }) => at);
    this.#slots = Int32Array.from(columns, ({ field }) => field.slots);
    this.#isDate = columns.map(({ field }) => field.kind === 'date');
    this.#below = columns.map(({ field }) => lowerAreasOf(columns, field.name));
    this.#given = columns.findIndex(({ field }) => field.name === GIVEN);
    this.#family = columns.findIndex(({ field }) => field.name === FAMILY);
    this.#other = columns.findIndex(({ field }) => field.name === OTHER);
  }

  equalValue(): number {
    return this.#equal;
  }

  level(column: number, a: number, b: number): number {
    const found = this.first(column, a, b);
    return found === UNEQUAL ? this.unequal(column, a, b) : found;
  }

  first(column: number, a: number, b: number): number {
    const rows = this.#rows;
    const width = this.#width;
    const from = a * width + this.#places[column]!;
    const to = b * width + this.#places[column]!;
    this.#equal = 0;
    const x = rows[from]!;
    const y = rows[to]!;
    if (x === 0 || y === 0) return MISSING;
    const lower = this.#below[column]!;
    for (let at = 0; at < lower.length; at++) {
      const home = rows[a * width + lower[at]!]!;
      if (home !== 0 && home === rows[b * width + lower[at]!]) return MISSING;
    }
    if (x === y) {
      this.#equal = x;
      if (!this.#isDate[column]) return this.#tops[column]!;
      const { field, values } = this.columns[column]!;
      return equalLevel(field, values, x);
    }
    if (this.#slots[column] === 1) return UNEQUAL;
    this.#equal = this.#inCommon(from, to, this.#slots[column]!);
    return this.#equal === 0 ? UNEQUAL : this.#tops[column]!;
  }

  unequal(column: number, a: number, b: number): number {
    const rows = this.#rows;
    const from = a * this.#width + this.#places[column]!;
    const to = b * this.#width + this.#places[column]!;
    const count = this.#slots[column]!;
    const compare = this.#compares[column]!;
    this.#equal = 0;
    if (count === 1) {
      const level = compare(rows[from]!, rows[to]!);
      if (column !== this.#family || this.#other < 0 || level > CROSSED_LEVEL_MAX) return level;
      return this.#isMoved(a, b, rows[from]!, rows[to]!) ? MOVED : level;
    }
    let best = MISSING;
    for (let i = from; i < from + count && rows[i] !== 0; i++) {
      for (let j = to; j < to + count && rows[j] !== 0; j++) {
        best = better(best, compare(rows[i]!, rows[j]!));
      }
    }
    return best;
  }

  areCrossed(a: number, b: number): boolean {
    const [given, family] = [this.#given, this.#family];
    if (given < 0 || family < 0 || this.across(given, a, family, b) < ALIKE) return false;
    return this.across(family, a, given, b) >= ALIKE;
  }

  across(column: number, a: number, other: number, b: number): number {
    return this.#words(
      this.#rows[a * this.#width + this.#places[column]!]!,
      this.#rows[b * this.#width + this.#places[other]!]!,
    );
  }

  namesAlike(a: number, b: number): boolean {
    const family = this.level(this.#family, a, b);
    return this.level(this.#given, a, b) >= ALIKE || (family >= ALIKE && family !== MOVED);
  }

  fetch(people: Int32Array): void {
    let all = 0;
    for (let at = 0; at < people.length; at++) {
      const row = people[at]! * this.#width;
      all ^= this.#rows[row]! ^ this.#rows[row + this.#width - 1]!;
    }
    this.#fetched[0] = all;
  }

  /** A value that stands in the slots of both; 0 without one. */
  #inCommon(from: number, to: number, count: number): number {
    const rows = this.#rows;
    for (let i = from; i < from + count && rows[i] !== 0; i++) {
      for (let j = to; j < to + count && rows[j] !== 0; j++) {
        if (rows[i] === rows[j]) return rows[i]!;
      }
    }
    return 0;
  }

  /** Whether the family name of one is a further name of the other, and sounds like it. */
  #isMoved(a: number, b: number, familyA: number, familyB: number): boolean {
    const [rows, width] = [this.#rows, this.#width];
    const [at, count] = [this.#places[this.#other]!, this.#slots[this.#other]!];
    for (let slot = at; slot < at + count; slot++) {
      const [x, y] = [rows[a * width + slot]!, rows[b * width + slot]!];
      if (x !== 0 && this.#words(x, familyB) >= ALIKE) return true;
      if (y !== 0 && this.#words(y, familyA) >= ALIKE) return true;
    }
    return false;
  }

  #words(x: number, y: number): number {
    if (x === 0 || y === 0) return MISSING;
    return x === y ? LEVELS.name - 1 : this.#compares[this.#given]!(x, y);
  }
}
