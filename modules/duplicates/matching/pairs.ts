/**
 * All candidates scored: the pairs that may be one person, with their bits, and the share of
 * duplicates that fits them.
 */

import type { Blocks } from './blocks.ts';
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
import { scorerOf } from './scorer.ts';
import { type Scored, type Scoring, scoreShare } from './share.ts';
import { type Threads, together } from './threads.ts';
import { newTurns } from './turns.ts';

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

/** How pairs are scored. */
export interface ScoringOptions {
  readonly across: boolean;
  /** Other threads that help; what is scored must then be in shared memory. */
  readonly threads?: Threads;
}

/**
 * Scores every candidate pair; the same, in the same order, however many threads there are.
 *
 * @returns the pairs, and the scorer of this thread
 */
export function scorePairs(
  registry: Registry,
  { members, places, starts }: Blocks,
  model: Model,
  { across, threads }: ScoringOptions,
): { readonly pairs: ScoredPairs; readonly scorer: Scorer } {
  const blocks = { members, places, starts };
  const work: Scoring = { kind: 'score', registry, blocks, model, across, taken: newTurns() };
  // Each thread counts how rare values are by itself, this one while the others do.
  let scorer: Scorer | undefined;
  const all = together(threads, work, (share) => {
    scorer = scorerOf(registry, model);
    return scoreShare(share, scorer);
  });
  const size = all.reduce((so, { a }) => so + a.length, 0);
  const compared = all.reduce((so, portion) => so + portion.compared, 0);
  const ints = (of: (portion: Scored) => Int32Array): Int32Array =>
    joined(all.map(of), new Int32Array(size));
  const floats = (of: (portion: Scored) => Float32Array): Float32Array =>
    joined(all.map(of), new Float32Array(size));
  const pairs = {
    ...{ a: ints(({ a }) => a), b: ints(({ b }) => b) },
    ...{ w: floats(({ w }) => w), wH: floats(({ wH }) => wH) },
    ...{ crossed: floats(({ crossed }) => crossed), share: model.crossed, size, compared },
  };
  return { pairs, scorer: scorer! };
}

function joined<Numbers extends Int32Array | Float32Array>(
  parts: readonly Numbers[],
  all: Numbers,
): Numbers {
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
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
    let records = 0;
    let swapped = CROSSED * CROSSED_PRIOR_PAIRS;
    for (let at = 0; at < pairs.size; at++) {
      const p = probabilityOf(pairLogOdds(registry, pairs, at, now));
      records += p;
      // What stands twice in one household has a share of its own, and says nothing of strangers.
      if (householdsOfPair(registry, pairs.a[at]!, pairs.b[at]!) !== 1) sum += p;
      swapped += p * crossedChance(pairs.crossed[at]!, now.crossed);
    }
    const lambdaM = Math.max(sum / all, 0.01 / all);
    const share = swapped / (records + CROSSED_PRIOR_PAIRS);
    const crossed = Math.min(CROSSED_MAX, Math.max(CROSSED_MIN, share));
    const change = Math.abs(lambdaM - now.lambdaM) / now.lambdaM;
    now = { ...now, lambdaM, crossed };
    if (change < CHANGE_MIN) break;
  }
  return now;
}
