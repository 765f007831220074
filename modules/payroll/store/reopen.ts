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

const RETRIED = statement(
  'payroll.retried',
  `update payroll_line l set state = 'open', reason = null, updated_at = $2,
     version = version + 1
   where l.payroll_id = $1 and l.state = 'not-paid' and exists (
     select 1 from disbursement_instruction i
     where i.payee_id = l.household_id and i.source_id = l.line_id and i.purpose = 'payroll'
       and i.state = 'approved')`,
);

/** Sets the lines back to open for which a new instruction was made, and no others. */
export function moveRetried(ctx: Context, payrollId: string): Promise<number> {
  return ctx.db.run(RETRIED, [payrollId, ctx.now]);
}

/** Sets a payroll back to approved. */
export async function reopenPayroll(ctx: Context, payroll: PayrollRow): Promise<void> {
  await ctx.db.run(REOPEN, [payroll.payroll_id, ctx.now]);
}

const OF_LINES = statement(
  'payroll.of-lines',
  `select payroll_id, array_agg(line_id)::text[] as lines from payroll_line
   where line_id = any($1::uuid[]) and state = 'not-paid' group by payroll_id order by payroll_id`,
);

/** Payrolls of lines that are not paid, with these lines. */
export function payrollsOf(
  ctx: Context,
  lines: readonly string[],
): Promise<{ payroll_id: string; lines: string[] }[]> {
  return ctx.db.query(OF_LINES, [lines]);
}
