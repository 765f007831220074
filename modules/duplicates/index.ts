/**
 * Duplicates: who is registered twice, how sure that is, and why.
 *
 * The face of the room. Nothing here merges anybody or stops a payment by itself.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import type { Module, ResourceWrite, StoredBinding } from '../../src/sdk/index.ts';
import { matchOperation } from './match.ts';
import { FIND, MATCH, OVERRIDE } from './permissions.ts';
import { projectGroups, projectPatients } from './registry/project.ts';

export { featuresChanged } from './events.ts';

const patient: StoredBinding = {
  kept: 'stored',
  type: 'Patient',
  project: (ctx, writes, all) =>
    projectPatients(ctx, writes as readonly ResourceWrite<Patient>[], all),
};

const group: StoredBinding = {
  kept: 'stored',
  type: 'Group',
  project: (ctx, writes) => projectGroups(ctx, writes as readonly ResourceWrite<Group>[]),
};

export const duplicates: Module = {
  name: 'duplicates',
  title: 'Duplicates',
  dependsOn: ['households'],
  resources: [patient, group],
  operations: [matchOperation],
  permissions: [MATCH, FIND, OVERRIDE],
};
