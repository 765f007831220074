/**
 * Payroll: who is paid what in a payment period; drafted in one statement, approved by another
 * person, followed until the last line is resolved.
 */

import { contribute, type Module } from '../../src/sdk/index.ts';
import { paymentSource } from '../disbursement/index.ts';
import { followInstructions } from './decide.ts';
import { draftDue, draftDueHandler } from './draft.ts';
import { exclusionBinding, lineBinding, payrollBinding } from './fhir.ts';
import { APPROVE, CANCEL, DRAFT, REJECT } from './lifecycle.ts';
import { measures } from './measures.ts';
import { operations, READ } from './operations.ts';
import { payrollSource } from './source.ts';
import { reachRules } from './store/reach.ts';
import { topics } from './topics.ts';

export { approve, drop, retryUnpaid } from './decide.ts';
export { draftDue, draftPayroll, duePeriod } from './draft.ts';
export { payrollApproved, payrollClosed, payrollDrafted } from './events.ts';
export { payrollLifecycle } from './lifecycle.ts';

/** The payroll room. */
export const payroll: Module = {
  name: 'payroll',
  title: 'Payroll',
  dependsOn: ['indicators', 'households', 'providers', 'schemes', 'disbursement'],
  permissions: [DRAFT, APPROVE, REJECT, CANCEL, READ],
  resources: [payrollBinding, lineBinding, exclusionBinding],
  operations,
  reactions: [followInstructions],
  jobs: [draftDueHandler],
  contributes: [...measures, contribute(paymentSource, payrollSource), ...reachRules, ...topics],
  schedule: [{ at: '*/10 * * * *', job: draftDue, does: 'drafts payrolls that are due' }],
};
