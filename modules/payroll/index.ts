/**
 * Payroll: who is paid what in a payment period; drafted in one transaction, approved by another
 * person, followed until the last line is resolved.
 */

import { contribute, type Module } from '../../src/sdk/index.ts';
import { paymentSource } from '../disbursement/index.ts';
import { paymentHistory, spendingLimits } from '../schemes/index.ts';
import { DELEGATE, DELEGATE_ANY, READ } from './approval-operations.ts';
import { KEEP_BUDGETS, limitsLeft } from './ceiling.ts';
import { draftDue, draftDueHandler } from './clock.ts';
import { exclusionBinding, lineBinding, payrollBinding } from './fhir.ts';
import { taskBinding } from './fhir-task.ts';
import { flowBinding, flowGuard, KEEP_FLOWS } from './flow.ts';
import { followInstructions } from './follow.ts';
import { APPROVE, CANCEL, DRAFT, REJECT } from './lifecycle.ts';
import { measures } from './measures.ts';
import { operations } from './operations.ts';
import { PRINT } from './paper-operations.ts';
import { RECOMPUTE } from './recompute.ts';
import { payrollSource } from './source.ts';
import { PAID_CYCLES } from './store/history.ts';
import { reachRules } from './store/reach.ts';
import { topics } from './topics.ts';

export { draftDue, duePeriods } from './clock.ts';
export { approve, drop, retryUnpaid } from './decide.ts';
export { type DraftRequest, draftPayroll } from './draft.ts';
export { payrollApproved, payrollClosed, payrollDrafted } from './events.ts';
export { readSteps } from './flow.ts';
export { payrollLifecycle } from './lifecycle.ts';
export { isRightToLeft, printable, runsOf } from './print/fonts.ts';
export { paymentListPdf } from './print/pdf.ts';
export { draftedLinesOf, lockDraftsOf } from './store/drafts.ts';
export { isPassed } from './vote.ts';

/** The payroll room. */
export const payroll: Module = {
  name: 'payroll',
  title: 'Payroll',
  dependsOn: ['indicators', 'households', 'providers', 'schemes', 'disbursement'],
  permissions: [
    ...[DRAFT, APPROVE, REJECT, CANCEL, READ, PRINT, RECOMPUTE],
    ...[KEEP_FLOWS, KEEP_BUDGETS, DELEGATE, DELEGATE_ANY],
  ],
  resources: [payrollBinding, lineBinding, exclusionBinding, taskBinding, flowBinding],
  guards: [flowGuard],
  operations,
  reactions: [followInstructions],
  jobs: [draftDueHandler],
  contributes: [
    ...measures,
    contribute(paymentSource, payrollSource),
    contribute(paymentHistory, PAID_CYCLES),
    // Who may not read ceilings is not told them by a simulation either.
    contribute(spendingLimits, async (ctx, asked) => (ctx.may(READ) ? limitsLeft(ctx, asked) : [])),
    ...reachRules,
    ...topics,
  ],
  schedule: [{ at: '*/10 * * * *', job: draftDue, does: 'drafts payrolls that are due' }],
};
