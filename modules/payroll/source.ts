/**
 * Payroll as a room that orders payments: disbursement tells it which of its lines to order again.
 */

import type { PaymentSource } from '../disbursement/index.ts';
import { retryUnpaid } from './decide.ts';
import { payrollsOf } from './store/reopen.ts';

/** Orders lines again, payroll by payroll, in one order of locks. */
export const payrollSource: PaymentSource = {
  purpose: 'payroll',
  async retry(ctx, sources) {
    let ordered = 0;
    for (const { payroll_id: payrollId, lines } of await payrollsOf(ctx, sources)) {
      ordered += await retryUnpaid(ctx, payrollId, lines);
    }
    return ordered;
  },
};
