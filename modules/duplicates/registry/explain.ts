/**
 * Why a pair has its score, as it is kept and shown: levels and bits, no values. The bits of all entries
 * add up to the log-odds.
 */

import type { FieldScore } from '../matching/score.ts';

/**
 * What is left when the fields have spoken: how rare duplicates are, how well two members of one household
 * would explain the same, names in the other order, and rivals.
 */
export const PRIOR = 'prior';

/**
 * What each field said: its level, bits for one person and for one household, of these by rarity; and
 * last what no field says.
 *
 * @param logOdds  bits of the pair
 */
export function explanationOf(scores: readonly FieldScore[], logOdds: number): string {
  const round = (bits: number): number => Math.round(bits * 100) / 100;
  const fields = scores.map(({ field, level, bitsM, bitsH, rarity }) => ({
    field,
    level,
    bits: round(bitsM),
    household: round(bitsH),
    rarity: round(rarity),
  }));
  const said = fields.reduce((sum, { bits }) => sum + bits, 0);
  return JSON.stringify([...fields, { field: PRIOR, bits: round(logOdds - said) }]);
}
