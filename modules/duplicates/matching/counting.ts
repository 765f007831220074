/**
 * How often pairs of numbers were seen: millions of them, in one array. A Map of numbers takes five
 * times the time and the memory.
 */

import { mix } from './hash.ts';

/** An entry: two numbers, and how often. */
const STRIDE = 3;
const FIRST = 16;
/** Share of entries that may be taken. */
const FULL = 0.7;

/** Counts of pairs of whole numbers of 32 bits. */
export class PairCounts {
  #entries: Int32Array;
  #slots: number;
  #size = 0;

  /** @param expected pairs for which there is room at first */
  constructor(expected = 0) {
    this.#slots = FIRST;
    while (this.#slots * FULL < expected) this.#slots *= 2;
    this.#entries = new Int32Array(this.#slots * STRIDE);
  }

  /** How many different pairs. */
  get size(): number {
    return this.#size;
  }

  /** How often a pair was seen. */
  of(x: number, y: number): number {
    return this.#entries[this.#place(x, y) + 2]!;
  }

  /** Notes a pair; answers how often it has been seen now. */
  add(x: number, y: number, times = 1): number {
    if (times === 0) return this.of(x, y);
    let at = this.#place(x, y);
    if (this.#entries[at + 2] === 0) {
      if (this.#size >= this.#slots * FULL) {
        this.#grow();
        at = this.#place(x, y);
      }
      this.#entries[at] = x;
      this.#entries[at + 1] = y;
      this.#size++;
    }
    this.#entries[at + 2]! += times;
    return this.#entries[at + 2]!;
  }

  /** Visits all pairs, in no order. */
  each(visit: (x: number, y: number, count: number) => void): void {
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += STRIDE) {
      if (entries[at + 2] !== 0) visit(entries[at]!, entries[at + 1]!, entries[at + 2]!);
    }
  }

  #place(x: number, y: number): number {
    const [entries, mask] = [this.#entries, this.#slots - 1];
    let slot = mix(Math.imul(x, 0x9e3779b1) ^ y) & mask;
    for (;;) {
      const at = slot * STRIDE;
      if (entries[at + 2] === 0 || (entries[at] === x && entries[at + 1] === y)) return at;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const before = this.#entries;
    this.#slots *= 2;
    this.#entries = new Int32Array(this.#slots * STRIDE);
    for (let at = 0; at < before.length; at += STRIDE) {
      if (before[at + 2] === 0) continue;
      const to = this.#place(before[at]!, before[at + 1]!);
      for (let part = 0; part < STRIDE; part++) this.#entries[to + part] = before[at + part]!;
    }
  }
}
