/**
 * Payrolls that wait for their approval, for rooms that change who is paid.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const LOCK = statement(
  'payroll.lock-drafts-of',
  `select payroll_id from payroll
   where state in ('drafted', 'returned') and payroll_id in (
     select payroll_id from payroll_line where recipient_id = any($1::bigint[]) and state = 'open')
   order by payroll_id for share`,
);

/**
 * Holds up the approval of payrolls on which these people stand until this unit of work has ended, and
 * waits for one that is under way: it then judges them by what stands after, or what stands after can
 * see what it has ordered.
 *
 * @param people  rids of Patients
 */
export async function lockDraftsOf(ctx: Context, people: readonly bigint[]): Promise<void> {
  await ctx.db.query(LOCK, [people]);
}
