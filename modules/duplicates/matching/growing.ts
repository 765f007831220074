/**
 * Numbers of which is not known how many there will be.
 */

const FIRST = 16;

/** Whole numbers of 32 bits, one behind the other, in an array that grows. */
export class GrowingInts {
  #ints = new Int32Array(FIRST);
  #size = 0;

  /** @param first the numbers to begin with */
  constructor(...first: readonly number[]) {
    for (const each of first) this.push(each);
  }

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    if (this.#size === this.#ints.length) {
      const more = new Int32Array(this.#size * 2);
      more.set(this.#ints);
      this.#ints = more;
    }
    this.#ints[this.#size++] = value;
  }

  /** The numbers; shares memory with this until it grows. */
  taken(): Int32Array {
    return this.#ints.subarray(0, this.#size);
  }
}
