/**
 * The levels of two people, field by field, over a registry's numbers.
 */

import { type Comparison, comparisonOf, remembered } from './levels.ts';
import type { Column, Registry } from './registry.ts';
import {
  ADJACENT,
  ALIKE,
  AREA,
  FAMILY,
  type Field,
  GIVEN,
  type Kind,
  LEVELS,
  MISSING,
  YEARS_EQUAL,
} from './schema.ts';
import { isYear, type ValueTable } from './values.ts';

export interface Comparer {
  readonly columns: readonly Column[];
  /** Level of a column for two rows; MISSING where either has no value. */
  readonly level: (column: number, a: number, b: number) => number;
  /**
   * What shows without looking at letters: the level where the values are equal, MISSING, or UNEQUAL
   * where `unequal` has to look.
   */
  readonly first: (column: number, a: number, b: number) => number;
  /** Level of a column whose values are known to be unequal. */
  readonly unequal: (column: number, a: number, b: number) => number;
  /** The value that both have, as far as the last call found one equal; else 0. */
  readonly equalValue: () => number;
  /** Levels of given against family, and family against given. */
  readonly crossed: (a: number, b: number) => readonly [number, number];
  /** Whether two people have given or family name in common, as they stand. */
  readonly namesAlike: (a: number, b: number) => boolean;
}

/** Values are there and not equal. */
export const UNEQUAL = -2;

/** Values that so many fields have are seldom compared twice. */
const REMEMBERED_MAX = 100_000;
const UNIQUE: readonly Kind[] = ['identifier', 'number'];

/** Identifiers: equal says most, a neighbour's number is told apart from a slip of the pen. */
const better = (x: number, y: number): number => {
  if (x === ADJACENT || y === ADJACENT)
    return Math.max(x, y) === 3 || x === 3 || y === 3 ? 3 : ADJACENT;
  return x > y ? x : y;
};

/** Areas from the lowest up: people of one village are of one district, which says nothing more. */
const AREAS = [AREA, 'city', 'district', 'state'];

/** Where the columns of lower areas stand in a row. */
function belowOf(columns: readonly Column[], name: string): readonly number[] {
  const lower = AREAS.slice(0, Math.max(0, AREAS.indexOf(name)));
  return columns.filter(({ field }) => lower.includes(field.name)).map(({ at }) => at);
}

/** The level of two values that are equal. */
export const equalLevel = ({ kind }: Field, values: ValueTable, value: number): number =>
  kind === 'date' && isYear(values, value) ? YEARS_EQUAL : LEVELS[kind] - 1;

export function comparerOf(registry: Registry, memoBits?: number): Comparer {
  const { rows, width, columns } = registry;
  const memos = new Map<string, Comparison>();
  const compares = columns.map(({ field, values }) => {
    const key = `${field.kind === 'names' ? 'name' : field.kind} ${field.space}`;
    const plain = comparisonOf(field.kind, values);
    const unique = UNIQUE.includes(field.kind) && values.size > REMEMBERED_MAX;
    const memo = memos.get(key) ?? (unique ? plain : remembered(plain, memoBits));
    memos.set(key, memo);
    return memo;
  });
  const tops = columns.map(({ field }) => LEVELS[field.kind] - 1);
  const places = Int32Array.from(columns, ({ at }) => at);
  const slots = Int32Array.from(columns, ({ field }) => field.slots);
  const below = columns.map(({ field }) => belowOf(columns, field.name));
  const isDate = columns.map(({ field }) => field.kind === 'date');
  let equal = 0;
  const first = (column: number, a: number, b: number): number => {
    const from = a * width + places[column]!;
    const to = b * width + places[column]!;
    equal = 0;
    const x = rows[from]!;
    const y = rows[to]!;
    if (x === 0 || y === 0) return MISSING;
    const lower = below[column]!;
    for (let at = 0; at < lower.length; at++) {
      const home = rows[a * width + lower[at]!]!;
      if (home !== 0 && home === rows[b * width + lower[at]!]) return MISSING;
    }
    if (x === y) {
      equal = x;
      const { field, values } = columns[column]!;
      return isDate[column] ? equalLevel(field, values, x) : tops[column]!;
    }
    if (slots[column] === 1) return UNEQUAL;
    equal = inCommon(from, to, slots[column]!);
    return equal === 0 ? UNEQUAL : tops[column]!;
  };
  /** A value that stands in the slots of both; 0 without one. */
  const inCommon = (from: number, to: number, count: number): number => {
    for (let i = from; i < from + count && rows[i] !== 0; i++) {
      for (let j = to; j < to + count && rows[j] !== 0; j++) {
        if (rows[i] === rows[j]) return rows[i]!;
      }
    }
    return 0;
  };
  const unequal = (column: number, a: number, b: number): number => {
    const from = a * width + places[column]!;
    const to = b * width + places[column]!;
    const [count, compare] = [slots[column]!, compares[column]!];
    equal = 0;
    if (count === 1) return compare(rows[from]!, rows[to]!);
    let best = MISSING;
    for (let i = from; i < from + count && rows[i] !== 0; i++) {
      for (let j = to; j < to + count && rows[j] !== 0; j++) {
        best = better(best, compare(rows[i]!, rows[j]!));
      }
    }
    return best;
  };
  const level = (column: number, a: number, b: number): number => {
    const found = first(column, a, b);
    return found === UNEQUAL ? unequal(column, a, b) : found;
  };
  const given = columns.findIndex(({ field }) => field.name === GIVEN);
  const family = columns.findIndex(({ field }) => field.name === FAMILY);
  const word = (x: number, y: number): number => {
    if (x === 0 || y === 0) return MISSING;
    return x === y ? LEVELS.name - 1 : compares[given]!(x, y);
  };
  const crossed = (a: number, b: number): readonly [number, number] => {
    if (given < 0 || family < 0) return [MISSING, MISSING];
    const [g, f] = [columns[given]!.at, columns[family]!.at];
    return [
      word(rows[a * width + g]!, rows[b * width + f]!),
      word(rows[a * width + f]!, rows[b * width + g]!),
    ];
  };
  const namesAlike = (a: number, b: number): boolean =>
    level(given, a, b) >= ALIKE || level(family, a, b) >= ALIKE;
  return { columns, level, first, unequal, equalValue: () => equal, crossed, namesAlike };
}
