/**
 * Cancels lines of approved payrolls whose order has not left, and tells what is unresolved.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** Lines of a payroll that wait to be sent, by what they are ordered as: payee_id and source_id. */
export function waitingSelect(
  payrollId: string,
  lines: readonly string[] | null,
): { text: string; values: unknown[] } {
  return {
    text: `select l.household_id as payee_id, coalesce(l.order_id, l.line_id) as source_id
      from payroll_line l where l.payroll_id = $1::uuid and l.state = 'open'
        and ($2::uuid[] is null or l.line_id = any($2::uuid[]))`,
    values: [payrollId, lines],
  };
}

// A line of which no attempt has ever left is off the payroll, and its period is free for another; one
// that has an attempt that did stays, and follows what became of that.
const CANCEL = statement(
  'payroll.cancel-waiting',
  `with stopped as (
     update payroll_line l set state = 'cancelled', cancelled_key = key, reason = 'line-cancelled',
       updated_at = $3, version = version + 1
     where l.payroll_id = $1 and l.state = 'open' and ($2::uuid[] is null or l.line_id = any($2::uuid[]))
       and not exists (select from disbursement_instruction i
         where i.payee_id = l.household_id and i.source_id = coalesce(l.order_id, l.line_id)
           and i.purpose = 'payroll' and (i.state = 'approved'
             or l.order_id is null and i.state <> 'cancelled'))
     returning l.household_id, l.enrolment_id, l.recipient_id, l.area_id, l.amount_minor),
   noted as (
     insert into payroll_exclusion
       (household_id, exclusion_id, payroll_id, enrolment_id, recipient_id, reason, area_id, at)
     select household_id, gen_random_uuid(), $1, enrolment_id, recipient_id, 'line-cancelled', area_id,
       $3 from stopped),
   sums as (select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as minor from stopped)
   update payroll set lines_count = lines_count - s.n, lines_minor = lines_minor - s.minor,
     excluded_count = excluded_count + s.n, updated_at = $3, version = version + 1
   from sums s where payroll_id = $1 returning lines_count`,
);

/** Takes lines off whose orders were cancelled; answers how many lines are left on the payroll. */
export async function cancelWaiting(
  ctx: Context,
  payrollId: string,
  lines: readonly string[] | null,
): Promise<bigint> {
  const values = [payrollId, lines, ctx.now];
  return (await ctx.db.one<{ lines_count: bigint }>(CANCEL, values)).lines_count;
}

const UNRESOLVED = statement(
  'payroll.unresolved',
  `select case state when 'open' then 'approved' else state end as state, count(*) as n
   from payroll_line where payroll_id = $1 and state in ('open', 'sent', 'unknown')
   group by 1 order by 1`,
);

/** Lines of a payroll that are not resolved, by state. */
export function unresolvedLines(
  ctx: Context,
  payrollId: string,
): Promise<{ state: string; n: bigint }[]> {
  return ctx.db.query(UNRESOLVED, [payrollId]);
}
