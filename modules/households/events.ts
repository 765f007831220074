/**
 * What this room tells the others after a write has been committed.
 */

import { event } from '../../src/sdk/index.ts';

/** Internal ids are decimal text, for events are JSON. */
export interface HouseholdEvent {
  /** rid of the Group. */
  readonly householdId: string;
  /** FHIR id of the Group. */
  readonly id: string;
}

export interface MemberEvent {
  /** rid of the Patient. */
  readonly memberId: string;
  readonly id: string;
}

export interface HoldEvent {
  /** rid of the Flag. */
  readonly holdId: string;
  readonly code: string;
}

export const householdRegistered = event<HouseholdEvent>(
  'households.household-registered',
  'A household has been registered, or a Group has become one.',
);

export const householdChanged = event<HouseholdEvent>(
  'households.household-changed',
  'Members, area, accounts or facts of a household may have changed, or it is one no longer.',
);

export const memberChanged = event<MemberEvent>(
  'households.member-changed',
  'A member has been registered, or facts about one may have changed.',
);

export const holdRaised = event<HoldEvent>(
  'households.hold-raised',
  'A hold now stands on a household or a member.',
);

export const holdReleased = event<HoldEvent>(
  'households.hold-released',
  'A hold stands no longer.',
);
