/**
 * How alike two values of a field are, as a level of its kind.
 *
 * Thresholds are those of the record-linkage literature for Jaro–Winkler (Winkler 1990) and were
 * not tuned to any registry.
 */

import { digitEdits, editsOf, likeness, type Place, WORD_MAX } from './distance.ts';
import { ADJACENT, ALIKE, type Kind, YEAR_ONLY } from './schema.ts';
import type { ValueTable } from './values.ts';

/** Level of two different values, by their numbers. */
export type Comparison = (a: number, b: number) => number;

const beginOf = ({ ends }: ValueTable, id: number): number => (id === 0 ? 0 : ends[id - 1]!);
const placeOf = (values: ValueTable, id: number): Place => {
  const begin = beginOf(values, id);
  return [begin, values.ends[id]! - begin];
};

function edits(values: ValueTable, a: number, b: number, max: number): number {
  const hasA = values.has[a]!;
  const hasB = values.has[b]!;
  // An edit brings in one letter at most that the other has nowhere.
  if (bitsIn(hasA & ~hasB) > max || bitsIn(hasB & ~hasA) > max) return max + 1;
  return editsOf(values.letters, placeOf(values, a), placeOf(values, b), max);
}

function like(values: ValueTable, a: number, b: number): number {
  const [from, to] = [beginOf(values, a), beginOf(values, b)];
  const { letters, ends } = values;
  return likeness(letters, from, ends[a]! - from, to, ends[b]! - to);
}

/** How many letters two values begin with alike. */
function begunAlike(values: ValueTable, a: number, b: number): number {
  const { letters } = values;
  const [[from, sizeA], [to, sizeB]] = [placeOf(values, a), placeOf(values, b)];
  let at = 0;
  while (at < sizeA && at < sizeB && letters[from + at] === letters[to + at]) at++;
  return at;
}

function sameSound(values: ValueTable, a: number, b: number): boolean {
  const a1 = values.telling1[a]!;
  const a2 = values.telling2[a]!;
  const b1 = values.telling1[b]!;
  const b2 = values.telling2[b]!;
  return (a1 !== 0 && (a1 === b1 || a1 === b2)) || (a2 !== 0 && (a2 === b1 || a2 === b2));
}

/** How many bits of a number are set. */
function bitsIn(number: number): number {
  let so = number - ((number >>> 1) & 0x55555555);
  so = (so & 0x33333333) + ((so >>> 2) & 0x33333333);
  return Math.imul((so + (so >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Whether two words have so few letters in common that they are surely not alike (Jaro–Winkler below
 * .7, more than one edit), by the letters that stand in one of them alone; most words are.
 */
function isUnlike(hasA: number, sizeA: number, hasB: number, sizeB: number, begun: number) {
  if (sizeA > WORD_MAX || sizeB > WORD_MAX) return false;
  const common = Math.min(sizeA - bitsIn(hasA & ~hasB), sizeB - bitsIn(hasB & ~hasA));
  if (Math.max(sizeA, sizeB) - common <= 1) return false;
  const jaro = common <= 0 ? 0 : (common / sizeA + common / sizeB + 1) / 3;
  return jaro + Math.min(4, begun) * 0.1 * (1 - jaro) < 0.699;
}

function nameLevel(values: ValueTable, a: number, b: number): number {
  const [sizeA, sizeB] = [placeOf(values, a)[1], placeOf(values, b)[1]];
  const alike = begunAlike(values, a, b);
  // Two values of the same letters were written in two scripts: alike, as spellings of one sound are.
  if ((alike === sizeA && alike === sizeB) || sameSound(values, a, b)) return ALIKE;
  const begins = alike === Math.min(sizeA, sizeB);
  if (!begins && isUnlike(values.has[a]!, sizeA, values.has[b]!, sizeB, alike)) return 0;
  const near = like(values, a, b);
  if (near >= 0.92) return 4;
  if (near >= 0.88 || edits(values, a, b, 1) === 1) return 3;
  const short = Math.min(sizeA, sizeB);
  if (near >= 0.8 || (begins && (short === 1 || short >= 3))) return 2;
  return near >= 0.7 ? 1 : 0;
}

/** Whether two months and days, mmdd, are each other's day and month. */
const isDayMonthSwapped = (a: number, b: number): boolean => {
  const month = (a / 100) | 0;
  return (a - month * 100) * 100 + month === b;
};

function dateLevel({ days, digits }: ValueTable, x: number, y: number): number {
  const a = days[x]!;
  const b = days[y]!;
  const yearA = (a / 10_000) | 0;
  const yearB = (b / 10_000) | 0;
  const restA = a - yearA * 10_000;
  const restB = b - yearB * 10_000;
  const whole = restA !== 0 && restB !== 0;
  if (whole) {
    const apart = digitEdits(digits[x]!, digits[y]!);
    if (apart === 1 || (yearA === yearB && isDayMonthSwapped(restA, restB))) return 4;
    if (apart === 2 || restA === restB) return 3;
  } else if (yearA === yearB) {
    return YEAR_ONLY;
  }
  if (yearA === yearB) return 2;
  return Math.abs(yearA - yearB) === 1 ? 1 : 0;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Equal but for a difference of at most 2 in the last two digits. */
function isAdjacent(letters: Uint16Array, [x, sizeX]: Place, [y, sizeY]: Place): boolean {
  const last = sizeX - 1;
  if (sizeX !== sizeY || sizeX < 4) return false;
  const [a1, a2] = [letters[x + last - 1]!, letters[x + last]!];
  const [b1, b2] = [letters[y + last - 1]!, letters[y + last]!];
  if (!(isDigit(a1) && isDigit(a2) && isDigit(b1) && isDigit(b2))) return false;
  if (Math.abs((a1 - b1) * 10 + a2 - b2) > 2) return false;
  for (let at = 0; at < last - 1; at++) if (letters[x + at] !== letters[y + at]) return false;
  return true;
}

function identifierLevel(values: ValueTable, a: number, b: number): number {
  const { systems, numbers, ends, letters } = values;
  if (systems[a] !== systems[b]) return -1;
  const { has } = values;
  if (bitsIn(has[a]! & ~has[b]!) > 2 || bitsIn(has[b]! & ~has[a]!) > 2) return 0;
  const x: Place = [numbers[a]!, ends[a]! - numbers[a]!];
  const y: Place = [numbers[b]!, ends[b]! - numbers[b]!];
  return isAdjacent(letters, x, y) ? ADJACENT : Math.max(0, 3 - editsOf(letters, x, y, 2));
}

function textLevel(values: ValueTable, a: number, b: number): number {
  if (sameSound(values, a, b)) return 2;
  const near = like(values, a, b);
  if (near >= 0.92) return 2;
  return near >= 0.8 ? 1 : 0;
}

const COLON = 58;

/** Letters up to the colon and with it; 0 without one. */
function systemSize({ letters, ends }: ValueTable, id: number): number {
  const begin = id === 0 ? 0 : ends[id - 1]!;
  for (let at = begin; at < ends[id]!; at++) if (letters[at] === COLON) return at - begin + 1;
  return 0;
}

/** Codes of two systems (what stands before a colon) cannot be compared. */
function codeLevel(values: ValueTable, a: number, b: number): number {
  const size = systemSize(values, a);
  return size === systemSize(values, b) && begunAlike(values, a, b) >= size ? 0 : -1;
}

/** The comparison of a kind over its dictionary, for values that are not equal. */
export function comparisonOf(kind: Kind, values: ValueTable): Comparison {
  const by: Readonly<Record<Kind, Comparison>> = {
    name: (a, b) => nameLevel(values, a, b),
    names: (a, b) => nameLevel(values, a, b),
    date: (a, b) => dateLevel(values, a, b),
    identifier: (a, b) => identifierLevel(values, a, b),
    number: (a, b) => Math.max(0, 3 - edits(values, a, b, 2)),
    text: (a, b) => textLevel(values, a, b),
    house: (a, b) => (edits(values, a, b, 1) === 1 ? 1 : 0),
    code: (a, b) => codeLevel(values, a, b),
  };
  return by[kind];
}

/** Entries of a memo, as a power of two: few enough to stay near the processor. */
const MEMO_BITS = 16;

/** Numbers of values that fit beside a level in 32 bits. */
const LEVEL_BITS = 4;
const VALUE_MAX = 2 ** (31 - LEVEL_BITS);

/** A comparison that remembers what it was asked lately: a direct-mapped cache by the pair. */
export function remembered(compare: Comparison, bits = MEMO_BITS): Comparison {
  // The lower number; the higher one with the level in its last bits, from 1.
  const memo = new Int32Array(2 << bits);
  return (a, b) => {
    const low = a < b ? a : b;
    const high = a < b ? b : a;
    if (high >= VALUE_MAX) return compare(low, high);
    const hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b);
    const at = (hash >>> (32 - bits)) << 1;
    if (memo[at] === low && memo[at + 1]! >> LEVEL_BITS === high) {
      return (memo[at + 1]! & (2 ** LEVEL_BITS - 1)) - 1;
    }
    const found = compare(low, high);
    memo[at] = low;
    memo[at + 1] = (high << LEVEL_BITS) | (found + 1);
    return found;
  };
}
