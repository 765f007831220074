/**
 * Why a pair has its score, as it is kept and shown: levels and bits, no values.
 */

import type { FieldScore } from '../matching/score.ts';

/** What each field said: its level, bits for one person and for one household, of these by rarity. */
export function explanationOf(scores: readonly FieldScore[]): string {
  const round = (bits: number): number => Math.round(bits * 100) / 100;
  return JSON.stringify(
    scores.map(({ field, level, bitsM, bitsH, rarity }) => ({
      field,
      level,
      bits: round(bitsM),
      household: round(bitsH),
      rarity: round(rarity),
    })),
  );
}
