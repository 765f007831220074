/**
 * Events of payroll, for approvers to be told and reports to be made.
 */

import { event } from '../../src/sdk/index.ts';

export const payrollDrafted = event<{ readonly payrollId: string; readonly schemeId: string }>(
  'payroll.payroll-drafted',
  'a payroll was drafted and waits for approval',
);

export const payrollApproved = event<{ readonly payrollId: string }>(
  'payroll.payroll-approved',
  'a payroll was approved and its payments are ordered',
);

export const payrollClosed = event<{ readonly payrollId: string }>(
  'payroll.payroll-closed',
  'the last line of a payroll was resolved',
);
