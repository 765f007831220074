/**
 * Duplicates: who is registered twice, how sure that is, and why.
 *
 * The face of the room. Nothing here merges anybody or stops a payment by itself.
 */

import type { Patient } from '@medplum/fhirtypes';
import {
  alsoAbout,
  contribute,
  type Module,
  type ResourceWrite,
  referenceAlias,
  type StoredBinding,
} from '../../src/sdk/index.ts';
import { fairnessHandler } from './fairness/keep.ts';
import { comparisons, findHandler, findOperation } from './jobs.ts';
import { matchOperation } from './match.ts';
import { groupMatchOperation } from './match-group.ts';
import { AUTO_MERGE, autoMergeHandlers, autoMergeLine } from './merge/auto.ts';
import { groupMergeOperation } from './merge/group-operations.ts';
import { actingGuards, groupGuard, patientGuard } from './merge/guard.ts';
import { MERGE, mergeOperation } from './merge/operations.ts';
import { SECOND_PERSON_FROM } from './merge/propose.ts';
import { UNMERGE, unmergeOperations } from './merge/unmerge-operations.ts';
import { watchApprovals } from './merge/watch.ts';
import { nightlyHandlers, ringNightly } from './nightly/run.ts';
import { overrideOperation } from './override.ts';
import { FIND, LINK, MATCH, OVERRIDE, REVIEW } from './permissions.ts';
import { linkRegistriesOperation } from './registries/operation.ts';
import { projectPatients } from './registry/project.ts';
import {
  REVIEW_QUALITY,
  rankQueueHandler,
  rankQueueLine,
  reviewOperations,
  watchQualityHandler,
  watchQualityLine,
} from './review/index.ts';
import { HOLD_CERTAIN, HOLD_POSSIBLE, HOLD_PROBABLE } from './settings.ts';
import { formerIds } from './store/aliases.ts';
import { formerGroupIds } from './store/merges.ts';
import { suspectedOf } from './store/reach.ts';

export { featuresChanged } from './events.ts';

const patient: StoredBinding = {
  kept: 'stored',
  type: 'Patient',
  project: (ctx, writes) => projectPatients(ctx, writes as readonly ResourceWrite<Patient>[]),
};

export const duplicates: Module = {
  name: 'duplicates',
  title: 'Duplicates',
  dependsOn: ['households', 'pay-points', 'schemes', 'payroll'],
  settings: [SECOND_PERSON_FROM, AUTO_MERGE, HOLD_CERTAIN, HOLD_PROBABLE, HOLD_POSSIBLE],
  resources: [patient],
  operations: [
    ...[
      matchOperation,
      groupMatchOperation,
      findOperation,
      overrideOperation,
      mergeOperation,
      groupMergeOperation,
      ...unmergeOperations,
      linkRegistriesOperation,
    ],
    ...reviewOperations,
  ],
  guards: [patientGuard, groupGuard, ...actingGuards],
  reactions: [...comparisons, watchApprovals],
  jobs: [
    findHandler,
    ...nightlyHandlers,
    fairnessHandler,
    rankQueueHandler,
    watchQualityHandler,
    ...autoMergeHandlers,
  ],
  schedule: [
    { at: '7 1 * * *', job: ringNightly, does: 'compares everybody with everybody' },
    rankQueueLine,
    watchQualityLine,
    autoMergeLine,
  ],
  permissions: [MATCH, FIND, LINK, OVERRIDE, MERGE, UNMERGE, REVIEW, REVIEW_QUALITY],
  contributes: [
    contribute(referenceAlias, { type: 'Patient', formers: formerIds }),
    contribute(referenceAlias, { type: 'Group', formers: formerGroupIds }),
    contribute(alsoAbout, { type: 'Task', rids: suspectedOf }),
  ],
};
