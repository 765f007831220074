/**
 * Numbers of texts by their bytes: most names and places of a registry have been read before, and
 * need not be made texts again to be known.
 */

import { randomInt } from 'node:crypto';
import { mix } from '../matching/hash.ts';

/** Texts that there is room for at first: a power of two. */
const ROOM = 1_024;
const BYTES_FIRST = 16_384;
/** Slots for each text that there is room for. */
const SLOTS = 2;
/** Where hashes begin: another in each process, so that nobody can write texts that share a slot. */
const SEED = randomInt(2 ** 31);
const BACKSLASH = 0x5c;

export class ByteTexts {
  readonly #number: (text: string) => number;
  #slots = new Int32Array(ROOM * SLOTS);
  #hashes = new Int32Array(ROOM);
  #numbers = new Int32Array(ROOM);
  /** Where the bytes of each end; those of 0, which is none, at the beginning. */
  #ends = new Int32Array(ROOM);
  #bytes = Buffer.alloc(BYTES_FIRST);
  #size = 1;

  readonly #read: typeof jsonText;

  /**
   * @param number gives the number of a text that was not read before
   * @param read makes bytes a text
   */
  constructor(number: (text: string) => number, read = jsonText) {
    this.#number = number;
    this.#read = read;
  }

  /** The number of a text by its bytes; 0 of an empty one. */
  of(bytes: Buffer, from: number, to: number): number {
    if (from === to) return 0;
    let hash = SEED;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    hash = mix(hash);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#slots[slot]!;
      if (this.#hashes[known] === hash && this.#is(known, bytes, from, to)) {
        return this.#numbers[known]!;
      }
    }
    const number = this.#number(this.#read(bytes, from, to));
    this.#slots[slot] = this.#size;
    this.#keep(bytes.subarray(from, to), hash, number);
    return number;
  }

  #is(known: number, bytes: Buffer, from: number, to: number): boolean {
    const begin = this.#ends[known - 1]!;
    if (this.#ends[known]! - begin !== to - from) return false;
    for (let at = from; at < to; at++) {
      if (this.#bytes[begin + at - from] !== bytes[at]) return false;
    }
    return true;
  }

  #keep(bytes: Buffer, hash: number, number: number): void {
    const begin = this.#ends[this.#size - 1]!;
    const end = begin + bytes.length;
    if (end > this.#bytes.length) {
      const more = Buffer.alloc(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(more);
      this.#bytes = more;
    }
    bytes.copy(this.#bytes, begin);
    this.#ends[this.#size] = end;
    this.#hashes[this.#size] = hash;
    this.#numbers[this.#size] = number;
    this.#size++;
    if (this.#size === this.#ends.length) this.#widen();
  }

  #widen(): void {
    const length = this.#size * 2;
    [this.#ends, this.#hashes, this.#numbers] = [this.#ends, this.#hashes, this.#numbers].map(
      (old) => {
        const more = new Int32Array(length);
        more.set(old);
        return more;
      },
    ) as [Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>, Int32Array<ArrayBuffer>];
    this.#slots = new Int32Array(length * SLOTS);
    const mask = this.#slots.length - 1;
    for (let known = 1; known < this.#size; known++) {
      let slot = this.#hashes[known]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = known;
    }
  }
}

/** A text as it stands. */
export const plainText = (bytes: Buffer, from: number, to: number): string =>
  bytes.toString('utf8', from, to);

/** A text as JSON writes it between quotes. */
export function jsonText(bytes: Buffer, from: number, to: number): string {
  const written = plainText(bytes, from, to);
  return bytes.subarray(from, to).includes(BACKSLASH) ? JSON.parse(`"${written}"`) : written;
}
