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

/** Bits of `b` that match letters of `a` within the window, and those of `a` that found one. */
function matched(a: string, b: string, la: number, lb: number): [number, number, number] {
  const window = Math.max(0, (Math.max(la, lb) >> 1) - 1);
  let inA = 0;
  let inB = 0;
  let count = 0;
  for (let i = 0; i < la; i++) {
    const letter = a.charCodeAt(i);
    const end = Math.min(lb - 1, i + window);
    for (let j = Math.max(0, i - window); j <= end; j++) {
      if (((inB >>> j) & 1) === 0 && b.charCodeAt(j) === letter) {
        inA |= 1 << i;
        inB |= 1 << j;
        count++;
        break;
      }
    }
  }
  return [inA, inB, count];
}

/** Jaro–Winkler likeness of two words, 0 to 1; 0 if either is empty. */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return a === '' ? 0 : 1;
  const la = Math.min(a.length, WORD_MAX);
  const lb = Math.min(b.length, WORD_MAX);
  const [inA, inB, count] = matched(a, b, la, lb);
  if (count === 0) return 0;
  let swaps = 0;
  let j = 0;
  for (let i = 0; i < la; i++) {
    if (((inA >>> i) & 1) === 0) continue;
    while (((inB >>> j) & 1) === 0) j++;
    if (a.charCodeAt(i) !== b.charCodeAt(j)) swaps++;
    j++;
  }
  const jaro = (count / la + count / lb + (count - swaps / 2) / count) / 3;
  let prefix = 0;
  while (prefix < PREFIX_MAX && prefix < la && a.charCodeAt(prefix) === b.charCodeAt(prefix)) {
    prefix++;
  }
  return jaro + prefix * PREFIX_SCALE * (1 - jaro);
}

const rows = [0, 1, 2].map(() => new Uint8Array(WORD_MAX + 2)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** Edits (insert, delete, replace, swap neighbours) from one word to the other, at most `max` + 1. */
export function edits(a: string, b: string, max: number): number {
  let la = Math.min(a.length, WORD_MAX);
  let lb = Math.min(b.length, WORD_MAX);
  if (Math.abs(la - lb) > max) return max + 1;
  // What both begin or end with never takes part in an edit.
  let start = 0;
  while (start < la && start < lb && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  while (la > start && lb > start && a.charCodeAt(la - 1) === b.charCodeAt(lb - 1)) {
    la--;
    lb--;
  }
  la -= start;
  lb -= start;
  if (la === 0 || lb === 0) return Math.min(la + lb, max + 1);
  return banded(a, b, { start, la, lb, max });
}

interface Middle {
  readonly start: number;
  readonly la: number;
  readonly lb: number;
  readonly max: number;
}

/** Edits of the middles of two words, worked out within `max` of the diagonal. */
function banded(a: string, b: string, { start, la, lb, max }: Middle): number {
  let [before, last, now] = rows;
  const far = max + 1;
  for (let j = 0; j <= Math.min(lb, far); j++) last[j] = j;
  for (let i = 1; i <= la; i++) {
    const low = Math.max(1, i - max);
    const high = Math.min(lb, i + max);
    const letter = a.charCodeAt(start + i - 1);
    now[low - 1] = low === 1 ? i : far;
    let least = now[low - 1]!;
    for (let j = low; j <= high; j++) {
      const other = b.charCodeAt(start + j - 1);
      let cost = last[j - 1]! + (letter === other ? 0 : 1);
      if (last[j]! + 1 < cost) cost = last[j]! + 1;
      if (now[j - 1]! + 1 < cost) cost = now[j - 1]! + 1;
      const swapped =
        i > 1 &&
        j > 1 &&
        letter === b.charCodeAt(start + j - 2) &&
        a.charCodeAt(start + i - 2) === other;
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
