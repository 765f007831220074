/**
 * Dictionaries: each distinct value of a field has a small number, and what is derived from it.
 *
 * Comparing numbers instead of texts is what makes a million pairs a second possible; whatever a
 * value is compared by (skeletons, first letters) is worked out once for each distinct value. All of
 * it lies in arrays of numbers, so that threads can read it without copies.
 */

import { LRUCache } from 'lru-cache';
import { fold } from '../normalize/fold.ts';
import { skeletonsOf } from '../normalize/skeleton.ts';
import { GrowingInts } from './growing.ts';
import { hashText, join } from './hash.ts';
import { Texts } from './texts.ts';

/** Skeletons of fewer letters agree by chance. */
const SKELETON_LENGTH_MIN = 3;

/** What is worked out of the values of a space: of words, of birth days, of identifiers, or nothing. */
export type Derived = 'words' | 'days' | 'identifiers' | 'nothing';

/** What parts the system of an identifier from its number. */
export const SYSTEM_END = '\u0000';

/** Parts names from skeletons that are spelt like them. */
const ITSELF = 1;

/** What is known of the values of one space, by number from 1; 0 is "none". */
export interface ValueTable {
  readonly derived: Derived;
  /** How many there are, "none" included. */
  readonly size: number;
  /** Letters (UTF-16) of all texts, one text behind the other. */
  readonly letters: Uint16Array;
  /** Where the letters of each value end; they begin where those of the one before end. */
  readonly ends: Int32Array;
  /** Which letters a text has, as bits by the last five bits of each. */
  readonly has: Int32Array;
  /** Hash of the text. */
  readonly hash: Int32Array;
  /** Hashes of up to two skeletons (of names); 0 where there is none. */
  readonly skeleton1: Int32Array;
  readonly skeleton2: Int32Array;
  /** The same, where the skeleton is long enough to stand for equality. */
  readonly telling1: Int32Array;
  readonly telling2: Int32Array;
  /** What a name is heard as: its skeleton, or itself where that is too short to tell. */
  readonly sound: Int32Array;
  /** First one and two letters, and the first three of the skeleton, as numbers. */
  readonly letter1: Int32Array;
  readonly letter2: Int32Array;
  readonly skeleton3: Int32Array;
  /** Birth days as numbers. */
  readonly days: Int32Array;
  /** The same as digits, four bits each. */
  readonly digits: Int32Array;
  /** Of identifiers, the hash of the system, and where the number begins in `letters`. */
  readonly systems: Int32Array;
  readonly numbers: Int32Array;
}

/** Whether a birth day is no more than its year. */
export const isYear = ({ derived, days }: ValueTable, id: number): boolean =>
  derived === 'days' && days[id]! % 10_000 === 0;

/** The text of a value. */
export function textOf({ letters, ends }: ValueTable, id: number): string {
  let text = '';
  for (let at = id === 0 ? 0 : ends[id - 1]!; at < ends[id]!; at++) {
    text += String.fromCharCode(letters[at]!);
  }
  return text;
}

/** Which letters a text has, as bits by the last five bits of each. */
function lettersOf(text: string): number {
  let has = 0;
  for (let at = 0; at < text.length; at++) has |= 1 << (text.charCodeAt(at) & 31);
  return has;
}

/** Values of one space under way: new ones are numbered in the order in which they come. */
export class Values {
  readonly #derived: Derived;
  readonly #texts = new Texts();
  readonly #has = new GrowingInts(0);
  readonly #hash = new GrowingInts(0);
  readonly #words: readonly GrowingInts[];
  readonly #days = new GrowingInts(0);
  readonly #digits = new GrowingInts(0);
  readonly #systems = new GrowingInts(0);
  readonly #numbers = new GrowingInts(0);

  constructor(derived: Derived) {
    this.#derived = derived;
    const words = derived === 'words' ? 8 : 0;
    this.#words = Array.from({ length: words }, () => new GrowingInts(0));
  }

  get size(): number {
    return this.#texts.size;
  }

  /** The number of a value, a new one if it was not known; 0 for an empty text. */
  id(text: string, native = false): number {
    if (text === '') return 0;
    const before = this.#texts.size;
    const id = this.#texts.add(text, native);
    if (id < before) return id;
    this.#has.push(lettersOf(text));
    this.#hash.push(hashText(text));
    if (this.#derived === 'words') this.#derive(text, native);
    else if (this.#derived === 'days') this.#note(text);
    else if (this.#derived === 'identifiers') this.#split(text);
    return id;
  }

  /** All values, as they stand; shares memory with this dictionary until it grows. */
  table(): ValueTable {
    const words = this.#words.map((each) => each.taken());
    const none = new Int32Array(0);
    const word = (at: number): Int32Array => words[at] ?? none;
    return {
      derived: this.#derived,
      size: this.size,
      letters: this.#texts.letters,
      ends: this.#texts.ends,
      has: this.#has.taken(),
      hash: this.#hash.taken(),
      skeleton1: word(0),
      skeleton2: word(1),
      telling1: word(2),
      telling2: word(3),
      sound: word(4),
      letter1: word(5),
      letter2: word(6),
      skeleton3: word(7),
      days: this.#days.taken(),
      digits: this.#digits.taken(),
      systems: this.#systems.taken(),
      numbers: this.#numbers.taken(),
    };
  }

  #note(day: string): void {
    this.#days.push(Number(day));
    this.#digits.push(Number.parseInt(day, 16));
  }

  #split(text: string): void {
    const end = text.indexOf(SYSTEM_END);
    const from = this.#texts.letters.length - text.length;
    this.#systems.push(hashText(text.slice(0, end)));
    this.#numbers.push(from + end + 1);
  }

  #derive(text: string, native: boolean): void {
    const derived = wordOf(text, native);
    for (let at = 0; at < derived.length; at++) this.#words[at]!.push(derived[at]!);
  }
}

/** Words that are remembered, and their letters at most: names come again in every registry of a few. */
const WORDS_MAX = 20_000;
const WORD_LETTERS_MAX = 40;
const words = new LRUCache<string, Int32Array>({ max: WORDS_MAX });

/** What is worked out of a word, in the order of `ValueTable`. */
function wordOf(text: string, native: boolean): Int32Array {
  if (text.length > WORD_LETTERS_MAX) return derivedOf(text, native);
  const key = native ? `\u0001${text}` : text;
  const known = words.get(key);
  if (known) return known;
  const derived = derivedOf(text, native);
  words.set(key, derived);
  return derived;
}

function derivedOf(text: string, native: boolean): Int32Array {
  const folded = fold(text);
  const [first = '', second = ''] = skeletonsOf(folded, native);
  const telling = (skeleton: string): number =>
    skeleton.length >= SKELETON_LENGTH_MIN ? hashText(skeleton) : 0;
  return Int32Array.of(
    hashText(first),
    hashText(second),
    telling(first),
    telling(second),
    telling(first) || join(hashText(text), ITSELF),
    hashText(folded.slice(0, 1)),
    folded.length < 2 ? 0 : hashText(folded.slice(0, 2)),
    first.length < 3 ? 0 : hashText(first.slice(0, 3)),
  );
}
