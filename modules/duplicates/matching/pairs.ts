/**
 * All candidates scored: the pairs that may be one person, with their bits, and the share of
 * duplicates that fits them.
 */

import { type Blocks, eachPair } from './blocks.ts';
import { pairsOf } from './learn.ts';
import { CROSSED, type Model } from './model.ts';
import type { Registry } from './registry.ts';
import {
  crossedBits,
  crossedChance,
  householdsOfPair,
  logOddsOf,
  probabilityOf,
  type Scorer,
} from './score.ts';

/** Scored pairs, side by side; kept where they may come to p ≥ .01. */
export interface ScoredPairs {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly w: Float32Array;
  readonly wH: Float32Array;
  /** Bits by which names in the other order fit better; −∞ where that was not tried. */
  readonly crossed: Float32Array;
  /** Share of records with names in the other order that `w` counts with. */
  readonly share: number;
  readonly size: number;
  /** How many pairs were compared. */
  readonly compared: number;
}

/** Log-odds below this are not kept: p < .001 with the share of duplicates at hand. */
const KEPT_BITS_MIN = -10;

class Growing {
  a = new Int32Array(1 << 16);
  b = new Int32Array(1 << 16);
  w = new Float32Array(1 << 16);
  wH = new Float32Array(1 << 16);
  crossed = new Float32Array(1 << 16);
  size = 0;

  push(a: number, b: number, { w, wH, crossed }: Scorer): void {
    if (this.size === this.a.length) this.#grow();
    this.a[this.size] = a;
    this.b[this.size] = b;
    this.w[this.size] = w;
    this.crossed[this.size] = crossed;
    this.wH[this.size++] = wH;
  }

  #grow(): void {
    const larger = <T extends Int32Array | Float32Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const length = this.size * 2;
    this.a = larger(this.a, new Int32Array(length));
    this.b = larger(this.b, new Int32Array(length));
    this.w = larger(this.w, new Float32Array(length));
    this.wH = larger(this.wH, new Float32Array(length));
    this.crossed = larger(this.crossed, new Float32Array(length));
  }
}

/** Scores every candidate pair. */
export function scorePairs(
  registry: Registry,
  blocks: Blocks,
  model: Model,
  scorer: Scorer,
  across: boolean,
): ScoredPairs {
  const kept = new Growing();
  let compared = 0;
  eachPair(registry, blocks, { across }, (a, b) => {
    compared++;
    if (scorer.logOdds(a, b, model, KEPT_BITS_MIN) >= KEPT_BITS_MIN) kept.push(a, b, scorer);
  });
  const { w, wH, crossed, size } = kept;
  return { a: kept.a, b: kept.b, w, wH, crossed, share: model.crossed, size, compared };
}

/** Log-odds of a scored pair. */
export function pairLogOdds(
  registry: Registry,
  pairs: ScoredPairs,
  at: number,
  model: Model,
): number {
  const households = householdsOfPair(registry, pairs.a[at]!, pairs.b[at]!);
  const crossed = pairs.crossed[at]!;
  const more = crossedBits(crossed, model.crossed) - crossedBits(crossed, pairs.share);
  return logOddsOf(pairs.w[at]! + more, pairs.wH[at]!, model, households);
}

const CHANGE_MIN = 1e-4;
const ROUNDS_MAX = 200;

/** Bounds of the share of records with names in the other order. */
const CROSSED_MIN = 0.002;
const CROSSED_MAX = 0.1;
/** Pairs that the expected share counts as. */
const CROSSED_PRIOR_PAIRS = 100;

/**
 * The model with the share of duplicates that its own posteriors add up to, and the share of names
 * in the other order among them.
 */
export function settle(
  registry: Registry,
  pairs: ScoredPairs,
  model: Model,
  across: boolean,
): Model {
  const all = Math.max(1, pairsOf(registry, across));
  let now = model;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let sum = 0;
    let swapped = CROSSED * CROSSED_PRIOR_PAIRS;
    for (let at = 0; at < pairs.size; at++) {
      const p = probabilityOf(pairLogOdds(registry, pairs, at, now));
      sum += p;
      swapped += p * crossedChance(pairs.crossed[at]!, now.crossed);
    }
    const lambdaM = Math.max(sum / all, 0.01 / all);
    const share = swapped / (sum + CROSSED_PRIOR_PAIRS);
    const crossed = Math.min(CROSSED_MAX, Math.max(CROSSED_MIN, share));
    const change = Math.abs(lambdaM - now.lambdaM) / now.lambdaM;
    now = { ...now, lambdaM, crossed };
    if (change < CHANGE_MIN) break;
  }
  return now;
}
