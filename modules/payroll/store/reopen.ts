/**
 * Opens a closed payroll again, when unpaid lines are retried.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { PayrollRow } from './decide.ts';

const REOPEN = statement(
  'payroll.reopen',
  `update payroll set state = 'approved', closed_at = null, updated_at = $2, version = version + 1
   where payroll_id = $1 and state in ('approved', 'closed')`,
);

/** Sets a payroll back to approved. */
export async function reopenPayroll(ctx: Context, payroll: PayrollRow): Promise<void> {
  await ctx.db.run(REOPEN, [payroll.payroll_id, ctx.now]);
}
