/**
 * Households: who belongs together, who heads, who collects, what is known of them.
 *
 * The face of the room: its events, holds, readers of phones and accounts. Other rooms join the
 * published views `households_*` (`migrations/0063_households_views.sql`).
 */

import type { Flag, Group, Patient } from '@medplum/fhirtypes';
import type { Module, ResourceWrite, StoredBinding } from '../../src/sdk/index.ts';
import { structureDefinition } from '../../src/sdk/index.ts';
import { projectFlags } from './hold.ts';
import { measures } from './measures.ts';
import { projectGroups, projectPatients } from './project.ts';
import { PHONE_COUNTRY } from './settings.ts';
import { reachRules } from './store/reach.ts';
import { topics } from './topics.ts';

export { normaliseBankAccount, normalisePhone } from './account.ts';
export {
  type HoldEvent,
  type HouseholdEvent,
  holdRaised,
  holdReleased,
  householdChanged,
  householdRegistered,
  type MemberEvent,
  memberChanged,
} from './events.ts';
export { flagOf, type Hold, raiseHold, releaseHold } from './hold.ts';
export { type HouseholdFacts, isHousehold } from './household.ts';
export type { MemberFacts } from './member.ts';
export { survivorOf } from './past.ts';
export { householdOn, memberOn, recordedHousehold, recordedMember } from './recorded.ts';
export { PHONE_COUNTRY } from './settings.ts';
export { householdsOf, staysAt } from './store/past.ts';
export { livesIn, ofThoseIn } from './store/reach.ts';

const group: StoredBinding = {
  kept: 'stored',
  type: 'Group',
  profile: structureDefinition('household'),
  project: (ctx, writes) => projectGroups(ctx, writes as readonly ResourceWrite<Group>[]),
};

const patient: StoredBinding = {
  kept: 'stored',
  type: 'Patient',
  profile: structureDefinition('member'),
  project: (ctx, writes) => projectPatients(ctx, writes as readonly ResourceWrite<Patient>[]),
};

const flag: StoredBinding = {
  kept: 'stored',
  type: 'Flag',
  profile: structureDefinition('hold'),
  project: (ctx, writes) => projectFlags(ctx, writes as readonly ResourceWrite<Flag>[]),
};

export const households: Module = {
  name: 'households',
  title: 'Households',
  dependsOn: ['indicators'],
  settings: [PHONE_COUNTRY],
  // Patients before Groups: most members are then known when their household takes them.
  resources: [patient, group, flag],
  contributes: [...measures, ...reachRules, ...topics],
};
