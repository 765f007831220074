/**
 * Texts by number, and the numbers of texts: letters one behind the other and a table of hashes
 * (open addressing, linear probing). A Map of a million texts takes ten times the memory, and as long
 * again to fill.
 */

import { randomInt } from 'node:crypto';
import { mix } from './hash.ts';

const LETTERS_FIRST = 64;
/** Texts that there is room for at first: a power of two. */
const TEXTS_FIRST = 64;
/** Slots for each text that there is room for; fuller tables are searched for long. */
const SLOTS_BY_TEXT = 2;
/** Where hashes begin: another in each process, so that nobody can write texts that share a slot. */
const SEED = randomInt(2 ** 31);

/** Texts under way: new ones are numbered from 1, in the order in which they come. */
export class Texts {
  #letters = new Uint16Array(LETTERS_FIRST);
  /** Where the letters of each number end; those of 0, which is no text, at the beginning. */
  #ends = new Int32Array(TEXTS_FIRST);
  /** Hash of each text; the lowest bit is its mark. */
  #hashes = new Int32Array(TEXTS_FIRST);
  #size = 1;
  /** Numbers by hash; 0 is free. */
  #slots = new Int32Array(TEXTS_FIRST * SLOTS_BY_TEXT);

  /** How many numbers there are, 0 included. */
  get size(): number {
    return this.#size;
  }

  /** Letters (UTF-16) of all texts; shares memory with this until it grows. */
  get letters(): Uint16Array {
    return this.#letters.subarray(0, this.#ends[this.#size - 1]);
  }

  /** Where the letters of each text end; they begin where those of the one before end. */
  get ends(): Int32Array {
    return this.#ends.subarray(0, this.#size);
  }

  /**
   * The number of a text; 0 where it is not known.
   *
   * @param mark tells two texts of the same letters apart
   */
  numberOf(text: string, mark = false): number {
    return this.#slots[this.#slotOf(text, hashOf(text, mark))]!;
  }

  textOf(number: number): string {
    let text = '';
    for (let at = this.#ends[number - 1]!; at < this.#ends[number]!; at++) {
      text += String.fromCharCode(this.#letters[at]!);
    }
    return text;
  }

  /** The number of a text, a new one if it was not known. */
  add(text: string, mark = false): number {
    const hash = hashOf(text, mark);
    // Room beforehand, so that the slot that is found stays where it is.
    if (this.#size === this.#ends.length) this.#widen();
    const slot = this.#slotOf(text, hash);
    const known = this.#slots[slot]!;
    if (known !== 0) return known;
    const number = this.#size++;
    this.#write(text, number);
    this.#hashes[number] = hash;
    this.#slots[slot] = number;
    return number;
  }

  /** The slot in which a text stands, or the free one in which it would. */
  #slotOf(text: string, hash: number): number {
    const [slots, hashes] = [this.#slots, this.#hashes];
    const mask = slots.length - 1;
    for (let slot = (hash >>> 1) & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]!;
      if (number === 0 || (hashes[number] === hash && this.#is(text, number))) return slot;
    }
  }

  #is(text: string, number: number): boolean {
    const [letters, from] = [this.#letters, this.#ends[number - 1]!];
    if (this.#ends[number]! - from !== text.length) return false;
    for (let at = 0; at < text.length; at++) {
      if (letters[from + at] !== text.charCodeAt(at)) return false;
    }
    return true;
  }

  #write(text: string, number: number): void {
    const from = this.#ends[number - 1]!;
    if (from + text.length > this.#letters.length) {
      const length = Math.max(this.#letters.length * 2, from + text.length);
      this.#letters = longer(this.#letters, new Uint16Array(length));
    }
    for (let at = 0; at < text.length; at++) this.#letters[from + at] = text.charCodeAt(at);
    this.#ends[number] = from + text.length;
  }

  #widen(): void {
    const length = this.#size * 2;
    this.#ends = longer(this.#ends, new Int32Array(length));
    this.#hashes = longer(this.#hashes, new Int32Array(length));
    const slots = new Int32Array(length * SLOTS_BY_TEXT);
    const mask = slots.length - 1;
    for (let number = 1; number < this.#size; number++) {
      let slot = (this.#hashes[number]! >>> 1) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.#slots = slots;
  }
}

function longer<Numbers extends Int32Array | Uint16Array>(old: Numbers, into: Numbers): Numbers {
  into.set(old);
  return into;
}

/** FNV-1a from the seed, scattered. */
function hashOf(text: string, mark: boolean): number {
  let hash = SEED;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (mix(hash) & ~1) | (mark ? 1 : 0);
}
