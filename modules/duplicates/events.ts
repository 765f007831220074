/**
 * What this room tells itself and others after a commit.
 */

import { event } from '../../src/sdk/index.ts';

/** Internal ids of Patients as decimal text. */
export interface PeopleEvent {
  readonly ids: readonly string[];
}

export const patientsChanged = event<PeopleEvent>(
  'duplicates.patients-changed',
  'Patients were written, and what is compared of them may have changed.',
);

export const featuresChanged = event<PeopleEvent>(
  'duplicates.features-changed',
  'What is compared of these Patients is new or has changed, and can be found.',
);

/** Internal ids of Groups as decimal text. */
export interface HomesEvent {
  readonly ids: readonly string[];
}

export const homesChanged = event<HomesEvent>(
  'duplicates.homes-changed',
  'Of these households, which are suspected of being one with another, members or facts have changed.',
);
