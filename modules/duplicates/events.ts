/**
 * What this room tells itself and others after a commit.
 */

import { event } from '../../src/sdk/index.ts';

/** Internal ids of Patients as decimal text. */
export interface FeaturesEvent {
  readonly ids: readonly string[];
}

export const featuresChanged = event<FeaturesEvent>(
  'duplicates.features-changed',
  'What is compared of these Patients is new or has changed.',
);
