/**
 * How alike two values of a field are, as a level of its kind.
 *
 * Thresholds are those of the record-linkage literature for Jaro–Winkler (Winkler 1990) and were
 * not tuned to any registry.
 */

import { edits, jaroWinkler } from './distance.ts';
import { ADJACENT, type Kind, YEAR_ONLY } from './schema.ts';
import type { Values } from './values.ts';

/** Level of two different values, by their numbers. */
export type Comparison = (a: number, b: number) => number;

function sameSound(values: Values, a: number, b: number): boolean {
  const a1 = values.telling1[a]!;
  const a2 = values.telling2[a]!;
  const b1 = values.telling1[b]!;
  const b2 = values.telling2[b]!;
  return (a1 !== 0 && (a1 === b1 || a1 === b2)) || (a2 !== 0 && (a2 === b1 || a2 === b2));
}

function nameLevel(values: Values, a: number, b: number): number {
  const x = values.texts[a]!;
  const y = values.texts[b]!;
  if (x === y) return 5;
  if (sameSound(values, a, b)) return 4;
  const like = jaroWinkler(x, y);
  if (like >= 0.92) return 4;
  if (like >= 0.88 || edits(x, y, 1) === 1) return 3;
  const short = Math.min(x.length, y.length);
  const begins = x.startsWith(y) || y.startsWith(x);
  if (like >= 0.8 || (begins && (short === 1 || short >= 3))) return 2;
  return like >= 0.7 ? 1 : 0;
}

const dayMonthSwapped = (day: number): number =>
  day - (day % 10_000) + (day % 100) * 100 + Math.floor((day % 10_000) / 100);

function dateLevel({ texts, days }: Values, x: number, y: number): number {
  const [a, b] = [days[x]!, days[y]!];
  const [yearA, yearB] = [Math.floor(a / 10_000), Math.floor(b / 10_000)];
  const [restA, restB] = [a % 10_000, b % 10_000];
  const whole = restA !== 0 && restB !== 0;
  if (whole) {
    const apart = edits(texts[x]!, texts[y]!, 2);
    if (dayMonthSwapped(a) === b || apart === 1) return 4;
    if (apart === 2 || restA === restB) return 3;
  } else if (yearA === yearB) {
    return YEAR_ONLY;
  }
  if (yearA === yearB) return 2;
  return Math.abs(yearA - yearB) === 1 ? 1 : 0;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Equal but for a difference of at most 2 in the last two digits. */
function isAdjacent(x: string, y: string): boolean {
  const last = x.length - 1;
  if (x.length !== y.length || x.length < 4) return false;
  const [a1, a2] = [x.charCodeAt(last - 1), x.charCodeAt(last)];
  const [b1, b2] = [y.charCodeAt(last - 1), y.charCodeAt(last)];
  if (!(isDigit(a1) && isDigit(a2) && isDigit(b1) && isDigit(b2))) return false;
  if (Math.abs((a1 - b1) * 10 + a2 - b2) > 2) return false;
  for (let at = 0; at < last - 1; at++) if (x.charCodeAt(at) !== y.charCodeAt(at)) return false;
  return true;
}

function identifierLevel({ systems, numbers }: Values, a: number, b: number): number {
  if (systems[a] !== systems[b]) return -1;
  const [x, y] = [numbers[a]!, numbers[b]!];
  return isAdjacent(x, y) ? ADJACENT : numberLevel(x, y);
}

function numberLevel(x: string, y: string): number {
  return Math.max(0, 3 - edits(x, y, 2));
}

function textLevel(values: Values, a: number, b: number): number {
  if (sameSound(values, a, b)) return 2;
  const like = jaroWinkler(values.texts[a]!, values.texts[b]!);
  if (like >= 0.92) return 2;
  return like >= 0.8 ? 1 : 0;
}

/** Codes of two systems (what stands before a colon) cannot be compared. */
function codeLevel(x: string, y: string): number {
  return x.slice(0, x.indexOf(':') + 1) === y.slice(0, y.indexOf(':') + 1) ? 0 : -1;
}

/** The comparison of a kind over its dictionary, for values that are not equal. */
export function comparisonOf(kind: Kind, values: Values): Comparison {
  const { texts } = values;
  const by: Readonly<Record<Kind, Comparison>> = {
    name: (a, b) => nameLevel(values, a, b),
    names: (a, b) => nameLevel(values, a, b),
    date: (a, b) => dateLevel(values, a, b),
    identifier: (a, b) => identifierLevel(values, a, b),
    number: (a, b) => numberLevel(texts[a]!, texts[b]!),
    text: (a, b) => textLevel(values, a, b),
    house: (a, b) => (edits(texts[a]!, texts[b]!, 1) === 1 ? 1 : 0),
    code: (a, b) => codeLevel(texts[a]!, texts[b]!),
  };
  return by[kind];
}

/** Entries of a memo, as a power of two. */
const MEMO_BITS = 20;

/** A comparison that remembers what it was asked lately: a direct-mapped cache by the pair. */
export function remembered(compare: Comparison, bits = MEMO_BITS): Comparison {
  const size = 1 << bits;
  const lower = new Int32Array(size);
  const upper = new Int32Array(size);
  const level = new Int8Array(size);
  return (a, b) => {
    const low = a < b ? a : b;
    const high = a < b ? b : a;
    const at = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> (32 - bits);
    if (lower[at] === low && upper[at] === high) return level[at]!;
    lower[at] = low;
    upper[at] = high;
    const found = compare(low, high);
    level[at] = found;
    return found;
  };
}
