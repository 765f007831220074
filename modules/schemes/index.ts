/**
 * Schemes: who is eligible, what is due, who is enrolled and why.
 *
 * The face of the room: `entitlementSelect` for payroll, schemes and their rules, the event of an
 * enrolment. Other rooms join the published views `schemes_scheme` and `schemes_enrolment`
 * (`migrations/0080_schemes_scheme.sql`).
 */

import type {
  Coverage,
  InsurancePlan,
  Observation,
  QuestionnaireResponse,
} from '@medplum/fhirtypes';
import type { Module, ResourceWrite } from '../../src/sdk/index.ts';
import { structureDefinition } from '../../src/sdk/index.ts';
import { projectResponses } from './answers.ts';
import { projectObservations } from './compliance.ts';
import { projectCoverages } from './enrolment.ts';
import { ENROL } from './lifecycle.ts';
import { measures } from './measures.ts';
import { operations } from './operations.ts';
import { recertifyOperations } from './recertify.ts';
import { REVIEW, reviewOperations } from './review.ts';
import { projectPlans } from './scheme.ts';
import { SIMULATE, simulateOperation } from './simulate.ts';
import { reachRules } from './store/reach.ts';
import { recordValidation } from './validate.ts';

export { changedCoverage, restoreEnrolments } from './enrolment.ts';
export { type EnrolmentEvent, enrolmentChanged, schemeChanged } from './events.ts';
export { paymentHistory, type SpendingLimits, spendingLimits } from './history.ts';
export { ENROL, type EnrolmentState, enrolmentLifecycle, LIVE_STATES } from './lifecycle.ts';
export { type Granted, type Recomputed, recompute } from './recompute.ts';
export { type ExplainedStep, explainSteps, type StepRow } from './rules/explain.ts';
export type { Component, Criterion, SchemeRules } from './rules/types.ts';
export { prepareReader } from './store/bulk.ts';
export { type EntitlementSelect, entitlementSelect } from './store/entitlement.ts';
export {
  activeSchemes,
  findScheme,
  readRulesVersion,
  readScheme,
  rulesVersionFor,
  type Scheme,
} from './store/schemes.ts';

export const schemes: Module = {
  name: 'schemes',
  title: 'Schemes and enrolment',
  dependsOn: ['indicators', 'households', 'pay-points', 'providers'],
  permissions: [ENROL, REVIEW, SIMULATE],
  resources: [
    {
      kept: 'stored',
      type: 'InsurancePlan',
      profile: structureDefinition('scheme'),
      project: (ctx, writes) =>
        projectPlans(ctx, writes as readonly ResourceWrite<InsurancePlan>[]),
    },
    {
      kept: 'stored',
      type: 'Coverage',
      profile: structureDefinition('enrolment'),
      project: (ctx, writes) => projectCoverages(ctx, writes as readonly ResourceWrite<Coverage>[]),
    },
    {
      kept: 'stored',
      type: 'QuestionnaireResponse',
      project: (ctx, writes) =>
        projectResponses(ctx, writes as readonly ResourceWrite<QuestionnaireResponse>[]),
    },
    {
      kept: 'stored',
      type: 'Observation',
      profile: structureDefinition('compliance'),
      project: (ctx, writes) =>
        projectObservations(ctx, writes as readonly ResourceWrite<Observation>[]),
    },
  ],
  operations: [
    ...operations,
    recordValidation,
    simulateOperation,
    ...reviewOperations,
    ...recertifyOperations,
  ],
  contributes: [...measures, ...reachRules],
};
