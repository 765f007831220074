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
  LEVELS,
  MISSING,
  YEARS_EQUAL,
} from './schema.ts';
import { isYear, type ValueTable } from './values.ts';

export interface Comparer {
  readonly columns: readonly Column[];
  /** Level of a column for two rows; MISSING where either has no value. */
  readonly level: (column: number, a: number, b: number) => number;
  /** The value that both have, as far as the last `level` call found one equal; else 0. */
  readonly equalValue: () => number;
  /** Levels of given against family, and family against given. */
  readonly crossed: (a: number, b: number) => readonly [number, number];
  /** Whether two people have given or family name in common, as they stand. */
  readonly namesAlike: (a: number, b: number) => boolean;
}

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
    const memo = memos.get(key) ?? remembered(comparisonOf(field.kind, values), memoBits);
    memos.set(key, memo);
    return memo;
  });
  const tops = columns.map(({ field }) => LEVELS[field.kind] - 1);
  const places = Int32Array.from(columns, ({ at }) => at);
  const slots = Int32Array.from(columns, ({ field }) => field.slots);
  const below = columns.map(({ field }) => belowOf(columns, field.name));
  const isDate = columns.map(({ field }) => field.kind === 'date');
  let equal = 0;
  const level = (column: number, a: number, b: number): number => {
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
    return slots[column] === 1 ? compares[column]!(x, y) : bestOf(column, from, to);
  };
  const bestOf = (column: number, from: number, to: number): number => {
    const [count, compare] = [slots[column]!, compares[column]!];
    let best = MISSING;
    for (let i = from; i < from + count && rows[i] !== 0; i++) {
      for (let j = to; j < to + count && rows[j] !== 0; j++) {
        if (rows[i] === rows[j]) {
          equal = rows[i]!;
          return tops[column]!;
        }
        best = better(best, compare(rows[i]!, rows[j]!));
      }
    }
    return best;
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
  return { columns, level, equalValue: () => equal, crossed, namesAlike };
}
