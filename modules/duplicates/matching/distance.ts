/**
 * How far apart two words are: Jaro–Winkler likeness, and edits with swaps of neighbours.
 *
 * Words are cut at 32 characters, so that what is matched fits the bits of one number and a name of
 * a thousand letters costs no more than one of 32. Jaro (1989), Winkler (1990); edits are Damerau's
 * in the restricted form (optimal string alignment).
 */

/** Characters of a word that are looked at. */
export const WORD_MAX = 32;

const PREFIX_MAX = 4;
const PREFIX_SCALE = 0.1;

/** Letters of words (UTF-16), in which a word is a place and a length. */
export type Letters = Uint16Array;

/**
 * Jaro–Winkler likeness of two words that differ, 0 to 1; 0 if either is empty.
 *
 * @param a where the first begins, of `sizeA` letters; the second likewise
 */
export function likeness(
  letters: Letters,
  a: number,
  sizeA: number,
  b: number,
  sizeB: number,
): number {
  const la = sizeA < WORD_MAX ? sizeA : WORD_MAX;
  const lb = sizeB < WORD_MAX ? sizeB : WORD_MAX;
  const window = Math.max(0, ((la > lb ? la : lb) >> 1) - 1);
  // Letters of either that found one in the other within the window, as bits.
  let inA = 0;
  let inB = 0;
  let count = 0;
  for (let i = 0; i < la; i++) {
    const letter = letters[a + i]!;
    const end = i + window < lb - 1 ? i + window : lb - 1;
    for (let j = i > window ? i - window : 0; j <= end; j++) {
      if (letters[b + j] === letter && ((inB >>> j) & 1) === 0) {
        inA |= 1 << i;
        inB |= 1 << j;
        count++;
        break;
      }
    }
  }
  if (count === 0) return 0;
  let swaps = 0;
  let j = 0;
  for (let i = 0; i < la; i++) {
    if (((inA >>> i) & 1) === 0) continue;
    while (((inB >>> j) & 1) === 0) j++;
    if (letters[a + i] !== letters[b + j]) swaps++;
    j++;
  }
  const jaro = (count / la + count / lb + (count - swaps / 2) / count) / 3;
  const longest = Math.min(PREFIX_MAX, la, lb);
  let prefix = 0;
  while (prefix < longest && letters[a + prefix] === letters[b + prefix]) prefix++;
  return jaro + prefix * PREFIX_SCALE * (1 - jaro);
}

/** Two texts as letters: where the second begins is the length of the first. */
const lettersOf = (a: string, b: string): Letters =>
  Uint16Array.from({ length: a.length + b.length }, (_, at) =>
    at < a.length ? a.charCodeAt(at) : b.charCodeAt(at - a.length),
  );

/** Jaro–Winkler likeness of two words, 0 to 1; 0 if either is empty. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return a === '' ? 0 : 1;
  return likeness(lettersOf(a, b), 0, a.length, a.length, b.length);
}

const rows = [0, 1, 2].map(() => new Uint8Array(WORD_MAX + 2)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** Edits (insert, delete, replace, swap neighbours) from one word to the other, at most `max` + 1. */
export const edits = (a: string, b: string, max: number): number =>
  editsOf(lettersOf(a, b), [0, a.length], [a.length, b.length], max);

/** Where a word begins, and how many letters it has. */
export type Place = readonly [number, number];

/** Edits from one word to the other, at most `max` + 1. */
export function editsOf(letters: Letters, [a, sizeA]: Place, [b, sizeB]: Place, max: number) {
  let la = sizeA < WORD_MAX ? sizeA : WORD_MAX;
  let lb = sizeB < WORD_MAX ? sizeB : WORD_MAX;
  if (Math.abs(la - lb) > max) return max + 1;
  // What both begin or end with never takes part in an edit.
  let start = 0;
  while (start < la && start < lb && letters[a + start] === letters[b + start]) start++;
  while (la > start && lb > start && letters[a + la - 1] === letters[b + lb - 1]) {
    la--;
    lb--;
  }
  la -= start;
  lb -= start;
  if (la === 0 || lb === 0) return Math.min(la + lb, max + 1);
  return banded(letters, [a + start, la], [b + start, lb], max);
}

/** Edits of the middles of two words, worked out within `max` of the diagonal. */
function banded(letters: Letters, [a, la]: Place, [b, lb]: Place, max: number): number {
  let [before, last, now] = rows;
  const far = max + 1;
  for (let j = 0; j <= Math.min(lb, far); j++) last[j] = j;
  for (let i = 1; i <= la; i++) {
    const low = Math.max(1, i - max);
    const high = Math.min(lb, i + max);
    const letter = letters[a + i - 1]!;
    now[low - 1] = low === 1 ? i : far;
    let least = now[low - 1]!;
    for (let j = low; j <= high; j++) {
      const other = letters[b + j - 1]!;
      let cost = last[j - 1]! + (letter === other ? 0 : 1);
      if (last[j]! + 1 < cost) cost = last[j]! + 1;
      if (now[j - 1]! + 1 < cost) cost = now[j - 1]! + 1;
      const swapped =
        i > 1 && j > 1 && letter === letters[b + j - 2] && letters[a + i - 2] === other;
      if (swapped && before[j - 2]! + 1 < cost) cost = before[j - 2]! + 1;
      now[j] = cost;
      if (cost < least) least = cost;
    }
    now[high + 1] = far;
    if (least > max) return far;
    [before, last, now] = [last, now, before];
  }
  return Math.min(last[lb]!, far);
}

/** One bit of each digit of four. */
const DIGITS = 0x11111111;

/** The number of the lowest or the highest digit that is not zero, from the last one. */
const lowest = (digits: number): number => (31 - Math.clz32(digits & -digits)) >> 2;
const highest = (digits: number): number => (31 - Math.clz32(digits)) >> 2;

/** Whether two neighbouring digits stand in one number as they do in the other, exchanged. */
function isSwapped(a: number, b: number, at: number): boolean {
  const x = (a >>> (at * 4)) & 0xff;
  const y = (b >>> (at * 4)) & 0xff;
  return x === (((y & 0xf) << 4) | (y >>> 4));
}

/**
 * Edits from one number of eight digits to another, at most 3: the same as of their texts.
 *
 * @param a its digits, four bits each
 */
export function digitEdits(a: number, b: number): number {
  const differ = a ^ b;
  if (differ === 0) return 0;
  let places = (differ | (differ >>> 1) | (differ >>> 2) | (differ >>> 3)) & DIGITS;
  const low = lowest(places);
  const high = highest(places);
  let count = 0;
  for (let left = places; left !== 0; left &= left - 1) count++;
  if (count === 1) return 1;
  if (count === 2) return high - low === 1 && isSwapped(a, b, low) ? 1 : 2;
  // One digit taken out and one put in: what stands between is moved by one place.
  const between = ((1 << ((high - low) * 4)) - 1) << (low * 4);
  if ((((a >>> 4) ^ b) & between) === 0 || (((b >>> 4) ^ a) & between) === 0) return 2;
  if (count > 4) return 3;
  // Two swaps, or a swap and a digit.
  let swaps = 0;
  let rest = count;
  while (places !== 0) {
    const at = lowest(places);
    places &= places - 1;
    if (places === 0 || lowest(places) !== at + 1 || !isSwapped(a, b, at)) continue;
    places &= places - 1;
    swaps++;
    rest -= 2;
  }
  return swaps + rest <= 2 ? 2 : 3;
}
