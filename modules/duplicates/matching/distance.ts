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

const rows = [0, 1, 2].map(() => new Uint8Array(WORD_MAX + 2));

/** Edits (insert, delete, replace, swap neighbours) from one word to the other, at most `max` + 1. */
export function edits(a: string, b: string, max: number): number {
  const la = Math.min(a.length, WORD_MAX);
  const lb = Math.min(b.length, WORD_MAX);
  if (Math.abs(la - lb) > max) return max + 1;
  let [before, last, now] = rows as [Uint8Array, Uint8Array, Uint8Array];
  for (let j = 0; j <= lb; j++) last[j] = j;
  for (let i = 1; i <= la; i++) {
    now[0] = i;
    let least = i;
    for (let j = 1; j <= lb; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min(last[j - 1]! + (same ? 0 : 1), last[j]! + 1, now[j - 1]! + 1);
      if (
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      ) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      now[j] = cost;
      if (cost < least) least = cost;
    }
    if (least > max) return max + 1;
    [before, last, now] = [last, now, before];
  }
  return Math.min(last[lb]!, max + 1);
}
