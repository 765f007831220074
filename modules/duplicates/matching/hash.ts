/**
 * Keys of blocks and memos: 32-bit numbers, mixed so that neighbours scatter.
 *
 * The finaliser is that of MurmurHash3 (public domain, A. Appleby). Zero means "no key". A batch
 * and a single registration compute keys by these functions alone, so that they always agree.
 */

/** One number, scattered. */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Adds a part to a key under way. */
export function join(key: number, part: number): number {
  return mix(Math.imul(key ^ part, 0x9e3779b1) + 0x7f4a7c15);
}

/** A text as a number (FNV-1a, scattered); 0 for an empty text only. */
export function hashText(text: string): number {
  if (text === '') return 0;
  let h = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
  return mix(h) || 1;
}
