/**
 * What an operator sets for this room: what a suspicion does to payments, by its grade.
 */

import { type Setting, setting } from '../../src/sdk/index.ts';
import type { Grade } from './matching/grades.ts';

/** What a suspicion does: nothing, a warning to officers, or no payment until it is decided. */
export type HoldPolicy = 'none' | 'soft' | 'hard';

function policy(name: string, grade: string, usual: HoldPolicy): Setting<HoldPolicy> {
  return setting<HoldPolicy>({
    name,
    means:
      `What a suspicion of grade ${grade} does to payments of the record registered last: ` +
      'none, soft (an officer is warned) or hard (nobody is paid while it stands).',
    default: usual,
    parse: (text) => {
      if (text === 'none' || text === 'soft' || text === 'hard') return text;
      throw new Error('none, soft or hard');
    },
  });
}

export const HOLD_CERTAIN = policy('DUPLICATES_HOLD_CERTAIN', 'certain', 'soft');
export const HOLD_PROBABLE = policy('DUPLICATES_HOLD_PROBABLE', 'probable', 'soft');
export const HOLD_POSSIBLE = policy('DUPLICATES_HOLD_POSSIBLE', 'possible', 'none');

export const HOLDS: Readonly<Record<Exclude<Grade, 'certainly-not'>, Setting<HoldPolicy>>> = {
  certain: HOLD_CERTAIN,
  probable: HOLD_PROBABLE,
  possible: HOLD_POSSIBLE,
};
