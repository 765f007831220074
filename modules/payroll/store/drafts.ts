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

const DRAFTED_OF = statement(
  'payroll.drafted-lines-of-households',
  `select l.household_id, l.payroll_id::text from payroll_line l
   join payroll p on p.payroll_id = l.payroll_id and p.state in ('drafted', 'returned')
   where l.household_id = any($1::bigint[]) and l.state = 'open' order by 2, 1`,
);

/** Which of these households stand on payrolls that wait for their approval. */
export function draftedLinesOf(
  ctx: Context,
  households: readonly bigint[],
): Promise<{ household_id: bigint; payroll_id: string }[]> {
  return ctx.db.query(DRAFTED_OF, [households]);
}
