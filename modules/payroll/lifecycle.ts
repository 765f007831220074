/**
 * The life of a payroll: drafted, decided by another person, paid out, closed.
 */

import { lifecycle, permission } from '../../src/sdk/index.ts';

export const DRAFT = permission('payroll.draft', 'drafts and previews payrolls');
export const APPROVE = permission('payroll.approve', 'approves payrolls drafted by others');
export const REJECT = permission('payroll.reject', 'rejects payrolls drafted by others');
export const CANCEL = permission(
  'payroll.cancel',
  'cancels payrolls, and of approved ones what has not been sent',
);

export const payrollLifecycle = lifecycle({
  name: 'payroll',
  initial: 'drafted',
  states: ['drafted', 'returned', 'approved', 'closed', 'rejected', 'cancelled'],
  transitions: [
    {
      act: 'approve',
      from: ['drafted'],
      to: 'approved',
      permission: APPROVE,
      anotherPersonThan: ['draft'],
    },
    {
      act: 'reject',
      from: ['drafted'],
      to: 'rejected',
      permission: REJECT,
      anotherPersonThan: ['draft'],
      needsReason: true,
    },
    {
      act: 'return',
      from: ['drafted'],
      to: 'returned',
      permission: REJECT,
      anotherPersonThan: ['draft'],
      needsReason: true,
    },
    { act: 'submit', from: ['returned'], to: 'drafted', permission: DRAFT },
    {
      act: 'cancel',
      from: ['drafted', 'returned', 'approved'],
      to: 'cancelled',
      permission: CANCEL,
      needsReason: true,
    },
    {
      act: 'cancel-lines',
      from: ['approved'],
      to: 'approved',
      permission: CANCEL,
      needsReason: true,
    },
    { act: 'close', from: ['approved'], to: 'closed' },
    { act: 'retry', from: ['approved', 'closed'], to: 'approved' },
  ],
});

/** States of a payroll. */
export type PayrollState = (typeof payrollLifecycle.states)[number];

/** Why a payroll is drafted. */
export const PAYROLL_KINDS = [
  'regular',
  'back-pay',
  'follow-up',
  'top-up',
  'regularisation',
] as const;
export type PayrollKind = (typeof PAYROLL_KINDS)[number];
