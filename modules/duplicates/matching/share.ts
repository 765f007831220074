/**
 * A share of the pairs of a registry, scored by one of several threads, some thousand people a turn.
 */

import { type Blocks, eachMeeting } from './blocks.ts';
import type { Model } from './model.ts';
import type { Registry } from './registry.ts';
import type { Scorer } from './score.ts';
import { scorerOf } from './scorer.ts';
import { inTurns, type Turn, type Work } from './turns.ts';

/** Log-odds below this are not kept: p < .001 with the share of duplicates at hand. */
export const KEPT_BITS_MIN = -10;

/** People whose pairs are scored in one turn. */
const PORTION = 4_096;

/** What is scored, and by what. */
export interface Scoring extends Work {
  readonly kind: 'score';
  readonly registry: Registry;
  readonly blocks: Pick<Blocks, 'members' | 'places' | 'starts'>;
  readonly model: Model;
  readonly across: boolean;
}

/** Pairs of one turn that may be one person, side by side. */
export interface Scored extends Turn {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly w: Float32Array;
  readonly wH: Float32Array;
  readonly crossed: Float32Array;
  readonly compared: number;
}

/** Scores the pairs whose turn comes to this thread. */
export function scoreShare(
  { registry, blocks, model, across, taken }: Scoring,
  scorer: Scorer = scorerOf(registry, model),
): Scored[] {
  return inTurns(taken, Math.ceil(registry.size / PORTION), (turn) => {
    const kept = new Growing();
    let compared = 0;
    const range = { from: turn * PORTION, to: (turn + 1) * PORTION };
    eachMeeting(registry, blocks, { across, range }, (a, others, count) => {
      compared += count;
      scorer.comparer.fetch(others.subarray(0, count));
      for (let at = 0; at < count; at++) {
        const b = others[at]!;
        if (scorer.logOdds(a, b, model, KEPT_BITS_MIN) >= KEPT_BITS_MIN) kept.push(a, b, scorer);
      }
    });
    return { turn, compared, ...kept.taken() };
  });
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
