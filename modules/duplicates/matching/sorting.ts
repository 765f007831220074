/**
 * Numbers that several share, found by sorting: what blocks are made of.
 */

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const MASK = DIGITS - 1;
/** Bounds of the table by which keys that nobody shares are left out, as powers of two. */
const SEEN_BITS_MIN = 10;
const SEEN_BITS_MAX = 22;
/** Keys are scattered in all bits: the highest tell them apart as well as any. */
const KEY_BITS = 32;

/** Places by key. */
export interface Sorted {
  /** Keys in rising order (as unsigned numbers), and where each stands. */
  readonly keys: Int32Array;
  readonly places: Int32Array;
}

/**
 * The keys at these places that at least two share, sorted; equal ones in the order of the places.
 * Zero is no key.
 *
 * @param all keys by place
 * @param places all of them where undefined
 */
export function sharedKeys(all: Int32Array, places?: Int32Array): Sorted {
  const size = places?.length ?? all.length;
  const bits = Math.ceil(Math.log2(size + 1)) + 2;
  const shift = KEY_BITS - Math.min(SEEN_BITS_MAX, Math.max(SEEN_BITS_MIN, bits));
  // Two bits of a slot: whether it was seen once, and twice.
  const once = new Uint32Array(2 ** (KEY_BITS - shift - 5));
  const twice = new Uint32Array(once.length);
  for (let at = 0; at < size; at++) {
    const slot = all[places ? places[at]! : at]! >>> shift;
    const bit = 1 << (slot & 31);
    if ((once[slot >>> 5]! & bit) === 0) once[slot >>> 5]! |= bit;
    else twice[slot >>> 5]! |= bit;
  }
  let kept = 0;
  const keys = new Int32Array(size);
  const standing = new Int32Array(size);
  for (let at = 0; at < size; at++) {
    const place = places ? places[at]! : at;
    const key = all[place]!;
    const slot = key >>> shift;
    if (key === 0 || (twice[slot >>> 5]! & (1 << (slot & 31))) === 0) continue;
    keys[kept] = key;
    standing[kept++] = place;
  }
  return sorted(keys.subarray(0, kept), standing.subarray(0, kept));
}

/** Sorts by keys: a radix sort, stable. */
function sorted(keys: Int32Array, places: Int32Array): Sorted {
  let from: Sorted = { keys, places };
  let into: Sorted = {
    keys: new Int32Array(keys.length),
    places: new Int32Array(keys.length),
  };
  const starts = new Uint32Array(DIGITS + 1);
  for (let shift = 0; shift < KEY_BITS; shift += DIGIT_BITS) {
    pass(from, into, starts, shift);
    [from, into] = [into, from];
  }
  return from;
}

function pass(from: Sorted, into: Sorted, starts: Uint32Array, shift: number): void {
  const { keys, places } = from;
  starts.fill(0);
  for (let at = 0; at < keys.length; at++) starts[((keys[at]! >>> shift) & MASK) + 1]!++;
  for (let at = 1; at <= DIGITS; at++) starts[at]! += starts[at - 1]!;
  for (let at = 0; at < keys.length; at++) {
    const to = starts[(keys[at]! >>> shift) & MASK]!++;
    into.keys[to] = keys[at]!;
    into.places[to] = places[at]!;
  }
}

/** Visits the runs of equal keys, from a place to before another. */
export function eachRun(
  { keys }: Sorted,
  found: (from: number, to: number, key: number) => void,
): void {
  let to = 0;
  for (let from = 0; from < keys.length; from = to) {
    const key = keys[from]!;
    to = from + 1;
    while (to < keys.length && keys[to] === key) to++;
    if (to - from > 1) found(from, to, key);
  }
}
