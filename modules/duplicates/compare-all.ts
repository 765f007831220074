/**
 * The job that compares everybody with everybody, as those name it who ask for it.
 */

import { job } from '../../src/sdk/index.ts';

/** A key that more people share is left out of single comparisons. */
export const CROWD = 150;

export const compareAll = job<Record<string, never>>(
  'duplicates.compare-all',
  'compares everybody with everybody and learns the weights anew',
  { attemptsMax: 3 },
);

/** Key of the run: asked for twice, it is done once. */
export const COMPARE_ALL = 'duplicates nightly';
