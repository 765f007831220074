/**
 * A finite list of numbers drawn by fast-check, read as choices. Builders of hostile requests stay
 * plain functions that way, and one seed gives the same requests again.
 */

import fc from 'fast-check';

/** Numbers that one request may ask for before they come round again. */
const LENGTH = 48;

/** A source of choices; when its numbers are used up it goes on with mixtures of them. */
export class Choices {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number {
    const { length } = this.#numbers;
    const round = Math.floor(this.#at / length);
    const number = this.#numbers[this.#at % length]!;
    this.#at += 1;
    return (Math.imul(number ^ round, 0x9e3779b1 + 2 * round) >>> 0) % below;
  }

  /** One of a list. */
  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** A list of `least` to `most` things. */
  list<Item>(least: number, most: number, make: () => Item): Item[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }
}

/** Choices for fast-check. */
export const choices: fc.Arbitrary<Choices> = fc
  .array(fc.nat(0xffffffff), { minLength: LENGTH, maxLength: LENGTH })
  .map((numbers) => new Choices(numbers));
