/**
 * Dictionaries: each distinct value of a field has a small number, and what is derived from it.
 *
 * Comparing numbers instead of texts is what makes a million pairs a second possible; whatever a
 * value is compared by (skeletons, first letters) is worked out once for each distinct value.
 */

import { fold } from '../normalize/fold.ts';
import { skeletonsOf } from '../normalize/skeleton.ts';
import { hashText, join } from './hash.ts';

/** Skeletons of fewer letters agree by chance. */
const SKELETON_LENGTH_MIN = 3;

/** What is worked out of the values of a space: of words, of birth days, of identifiers, or nothing. */
export type Derived = 'words' | 'days' | 'identifiers' | 'nothing';

/** What parts the system of an identifier from its number. */
export const SYSTEM_END = '\u0000';

/** Parts names from skeletons that are spelt like them. */
const ITSELF = 1;

/** Values of one space, by number from 1; 0 is "none". */
export class Values {
  readonly texts: string[] = [''];
  /** Hash of the text. */
  readonly hash: number[] = [0];
  /** Hashes of up to two skeletons (of names); 0 where there is none. */
  readonly skeleton1: number[] = [0];
  readonly skeleton2: number[] = [0];
  /** The same, where the skeleton is long enough to stand for equality. */
  readonly telling1: number[] = [0];
  readonly telling2: number[] = [0];
  /** What a name is heard as: its skeleton, or itself where that is too short to tell. */
  readonly sound: number[] = [0];
  /** First one and two letters, and the first three of the skeleton, as numbers. */
  readonly letter1: number[] = [0];
  readonly letter2: number[] = [0];
  readonly skeleton3: number[] = [0];
  /** Birth days as numbers. */
  readonly days: number[] = [0];
  /** Of identifiers, the hash of the system and the number in it. */
  readonly systems: number[] = [0];
  readonly numbers: string[] = [''];
  readonly #ids = new Map<string, number>();
  readonly #derived: Derived;

  constructor(derived: Derived) {
    this.#derived = derived;
  }

  /** Whether a birth day is no more than its year. */
  isYear(id: number): boolean {
    return this.#derived === 'days' && this.days[id]! % 10_000 === 0;
  }

  get size(): number {
    return this.texts.length;
  }

  /** The number of a value, a new one if it was not known; 0 for an empty text. */
  id(text: string, native = false): number {
    if (text === '') return 0;
    const key = native ? `\u0001${text}` : text;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.texts.push(text) - 1;
    this.#ids.set(key, id);
    this.hash.push(hashText(text));
    if (this.#derived === 'words') this.#derive(text, native);
    else if (this.#derived === 'days') this.days.push(Number(text));
    else if (this.#derived === 'identifiers') this.#split(text);
    return id;
  }

  #split(text: string): void {
    const end = text.indexOf(SYSTEM_END);
    this.systems.push(hashText(text.slice(0, end)));
    this.numbers.push(text.slice(end + 1));
  }

  #derive(text: string, native: boolean): void {
    const folded = fold(text);
    const [first = '', second = ''] = skeletonsOf(folded, native);
    const telling = (skeleton: string): number =>
      skeleton.length >= SKELETON_LENGTH_MIN ? hashText(skeleton) : 0;
    this.skeleton1.push(hashText(first));
    this.skeleton2.push(hashText(second));
    this.telling1.push(telling(first));
    this.telling2.push(telling(second));
    this.sound.push(telling(first) || join(hashText(text), ITSELF));
    this.letter1.push(hashText(folded.slice(0, 1)));
    this.letter2.push(folded.length < 2 ? 0 : hashText(folded.slice(0, 2)));
    this.skeleton3.push(first.length < 3 ? 0 : hashText(first.slice(0, 3)));
  }
}
