/**
 * A share of the pairs of a registry, scored by one of several threads: portions of blocks are taken
 * until none is left, whoever is faster takes more.
 */

import { type Blocks, eachPairOf } from './blocks.ts';
import type { Model } from './model.ts';
import type { Registry } from './registry.ts';
import { type Scorer, scorerOf } from './score.ts';

/** Log-odds below this are not kept: p < .001 with the share of duplicates at hand. */
export const KEPT_BITS_MIN = -10;

/** Keys whose people one portion compares. */
const PORTION = 4_096;

/** What is scored, and by what. */
export interface Scoring {
  readonly registry: Registry;
  readonly blocks: Pick<Blocks, 'rules' | 'keys' | 'ruleOf' | 'starts'>;
  readonly model: Model;
  readonly across: boolean;
  /** How many portions have been taken, by whomever. */
  readonly taken: Int32Array;
}

/** Pairs of one portion that may be one person, side by side. */
export interface Scored {
  readonly portion: number;
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly w: Float32Array;
  readonly wH: Float32Array;
  readonly crossed: Float32Array;
  readonly compared: number;
}

/** Portions of one rule after the other: the rule, and its first key. */
function portionsOf({ rules }: Pick<Blocks, 'rules'>): { rule: number; from: number }[] {
  return rules.flatMap(({ keys }, rule) =>
    Array.from({ length: Math.ceil(keys.length / PORTION) }, (_, at) => ({
      rule,
      from: at * PORTION,
    })),
  );
}

/** Scores portions until none is left. */
export function scoreShare(
  { registry, blocks, model, across, taken }: Scoring,
  scorer: Scorer = scorerOf(registry, model),
): Scored[] {
  const portions = portionsOf(blocks);
  const found: Scored[] = [];
  for (;;) {
    const portion = Atomics.add(taken, 0, 1);
    const part = portions[portion];
    if (part === undefined) return found;
    const kept = new Growing();
    let compared = 0;
    const range = { from: part.from, to: part.from + PORTION };
    eachPairOf(registry, blocks, part.rule, { across, range }, (a, b) => {
      compared++;
      if (scorer.logOdds(a, b, model, KEPT_BITS_MIN) >= KEPT_BITS_MIN) kept.push(a, b, scorer);
    });
    found.push({ portion, compared, ...kept.taken() });
  }
}

class Growing {
  #a = new Int32Array(256);
  #b = new Int32Array(256);
  #w = new Float32Array(256);
  #wH = new Float32Array(256);
  #crossed = new Float32Array(256);
  #size = 0;

  push(a: number, b: number, { w, wH, crossed }: Scorer): void {
    if (this.#size === this.#a.length) this.#grow();
    this.#a[this.#size] = a;
    this.#b[this.#size] = b;
    this.#w[this.#size] = w;
    this.#wH[this.#size] = wH;
    this.#crossed[this.#size++] = crossed;
  }

  taken(): Pick<Scored, 'a' | 'b' | 'w' | 'wH' | 'crossed'> {
    return {
      a: this.#a.slice(0, this.#size),
      b: this.#b.slice(0, this.#size),
      w: this.#w.slice(0, this.#size),
      wH: this.#wH.slice(0, this.#size),
      crossed: this.#crossed.slice(0, this.#size),
    };
  }

  #grow(): void {
    const larger = <T extends Int32Array | Float32Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const length = this.#size * 2;
    this.#a = larger(this.#a, new Int32Array(length));
    this.#b = larger(this.#b, new Int32Array(length));
    this.#w = larger(this.#w, new Float32Array(length));
    this.#wH = larger(this.#wH, new Float32Array(length));
    this.#crossed = larger(this.#crossed, new Float32Array(length));
  }
}
