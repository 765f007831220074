/**
 * The score of a pair: bits for "one person" against "unrelated", bits for "same household,
 * different person", and the posterior that follows from both and from how rare duplicates are.
 *
 *   log-odds = log₂(λM/λU) + w − log₂(1 + 2^(log₂(λH/λU) + wH))
 */

import type { Comparer } from './compare.ts';
import type { Model, Usual } from './model.ts';
import type { Registry } from './registry.ts';

/** What one field said about a pair. */
export interface FieldScore {
  readonly field: string;
  readonly level: number;
  readonly bitsM: number;
  readonly bitsH: number;
  /** The part of both that comes from the rarity of what is equal. */
  readonly rarity: number;
}

export interface Scorer {
  /** Bits of the pair that was worked out last. */
  w: number;
  wH: number;
  /** Bits by which names written in the other order fit better; −∞ where that was not tried. */
  crossed: number;
  /** From now on this share of records is held to have names in the other order. */
  readonly expectCrossed: (share: number) => void;
  /**
   * Bits for one person against two members of one household, from what is personal: a family moves and
   * changes its telephone as one, while names and birth days stay everybody's own.
   */
  readonly personal: (a: number, b: number) => number;
  /**
   * Log-odds of a pair under a model; −∞, and nothing worked out, where they are surely below
   * `floor`: what has not been looked at could not lift them.
   */
  readonly logOdds: (a: number, b: number, model: Model, floor?: number) => number;
  /** Levels of given and family name, and whether names were taken as crossed, of the last pair. */
  readonly explain: (a: number, b: number) => readonly FieldScore[];
  readonly comparer: Comparer;
  readonly usual: Usual;
}

/** Names in the other order were not tried. */
export const NOT_TRIED = Number.NEGATIVE_INFINITY;

/**
 * Bits that a pair gains because its names may stand in the other order.
 *
 * @param crossed bits by which the other order fits better; −∞ where it was not tried
 * @param share of records whose names stand in the other order
 */
export const crossedBits = (crossed: number, share: number): number =>
  crossed === NOT_TRIED ? 0 : log2Sum(Math.log2(1 - share), Math.log2(share) + crossed);

/** Probability that the names of a pair of one person stand in two orders. */
export const crossedChance = (crossed: number, share: number): number =>
  crossed === NOT_TRIED ? 0 : (share * 2 ** crossed) / (1 - share + share * 2 ** crossed);

export function log2Sum(x: number, y: number): number {
  const high = x > y ? x : y;
  return high + Math.log2(2 ** (x - high) + 2 ** (y - high));
}

/** What is known of the households of a pair: 0 nothing, 1 that they are one, 2 that they are two. */
export function householdsOfPair(registry: Registry, a: number, b: number): 0 | 1 | 2 {
  const { household } = registry;
  if (household[a] === 0 || household[b] === 0) return 0;
  return household[a] === household[b] ? 1 : 2;
}

/**
 * Log-odds (bits) that a pair is one person.
 *
 * @param households 0 unknown, 1 the same, 2 different. Members of one household are one person
 *   written twice or two members, never strangers; members of two are two members of one household
 *   only where that was registered twice.
 */
export function logOddsOf(w: number, wH: number, model: Model, households: 0 | 1 | 2 = 0): number {
  if (households === 1 && model.within > 0) {
    return Math.log2(model.within / (1 - model.within)) + w - wH;
  }
  const lambdaH = households === 2 ? model.lambdaM * model.others : model.lambdaH;
  return logOdds(w, wH, model.lambdaM, lambdaH);
}

function logOdds(w: number, wH: number, lambdaM: number, lambdaH: number): number {
  const unrelated = 1 - lambdaM - lambdaH;
  const household = Math.log2(lambdaH / unrelated) + wH;
  return Math.log2(lambdaM / unrelated) + w - log2Sum(0, household);
}

export const probabilityOf = (logOdds: number): number => 1 / (1 + 2 ** -logOdds);
