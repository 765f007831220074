/**
 * The job that compares everybody with everybody, as those name it who ask for it.
 */

import { job } from '../../src/sdk/index.ts';

/** A key that more people share is left out of single comparisons. */
export const CROWD = 150;

/** What is asked for. */
export interface WholeRun {
  /** Only to finish a run whose process has died; nothing where there is none. */
  readonly left?: true;
}

export const compareAll = job<WholeRun>(
  'duplicates.compare-all',
  'compares everybody with everybody and learns the weights anew',
  { attemptsMax: 3 },
);

/** Key of the run: asked for twice, it is done once. */
export const COMPARE_ALL = 'duplicates nightly';
/** Key of looking after a run that another process seems to be doing. */
export const COMPARE_LEFT = 'duplicates nightly left';
