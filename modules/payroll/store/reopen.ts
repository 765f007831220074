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
   where l.payroll_id = $1 and l.state in ('not-paid', 'partly-paid') and exists (
     select 1 from disbursement_instruction i
     where i.payee_id = l.household_id and i.source_id = coalesce(l.order_id, l.line_id)
       and i.purpose = 'payroll' and i.state = 'approved')`,
);

/** Sets the lines back to open for which a new instruction was made, and no others. */
export function moveRetried(ctx: Context, payrollId: string): Promise<number> {
  return ctx.db.run(RETRIED, [payrollId, ctx.now]);
}

const FOLLOWED = statement(
  'payroll.followed',
  `update payroll_line l set state = 'open', reason = null, updated_at = $2,
     version = l.version + 1
   from payroll_line f
   where f.payroll_id = $1 and f.order_id is not null and f.state = 'open'
     and l.household_id = f.household_id and l.line_id = f.order_id
     and l.state in ('not-paid', 'partly-paid')
     and exists (
       select 1 from disbursement_instruction i
       where i.payee_id = l.household_id and i.source_id = l.line_id and i.purpose = 'payroll'
         and i.state = 'approved')`,
);

/** Sets the lines back to open that a follow-up has ordered again, on the payrolls where they stand. */
export function moveFollowed(ctx: Context, payrollId: string): Promise<number> {
  return ctx.db.run(FOLLOWED, [payrollId, ctx.now]);
}

const DOUBTFUL = statement(
  'payroll.drop-doubtful',
  `with stopped as (
     update payroll_line l set state = 'cancelled', cancelled_key = key, reason = 'in-doubt',
       updated_at = $2, version = version + 1
     where l.payroll_id = $1 and l.state = 'open' and not exists (
       select 1 from disbursement_instruction i
       where i.payee_id = l.household_id and i.source_id = l.order_id and i.purpose = 'payroll'
         and i.state = 'approved')
     returning l.household_id, l.enrolment_id, l.recipient_id, l.area_id, l.amount_minor),
   noted as (
     insert into payroll_exclusion
       (household_id, exclusion_id, payroll_id, enrolment_id, recipient_id, reason, area_id, at)
     select household_id, gen_random_uuid(), $1, enrolment_id, recipient_id, 'in-doubt', area_id, $2
     from stopped)
   update payroll set lines_count = lines_count - s.n, lines_minor = lines_minor - s.minor,
     excluded_count = excluded_count + s.n
   from (select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as minor from stopped) s
   where payroll_id = $1`,
);

/** Lines of a follow-up for which nothing was ordered: paid meanwhile, under way, or in doubt. */
export async function dropDoubtful(ctx: Context, payrollId: string): Promise<void> {
  await ctx.db.run(DOUBTFUL, [payrollId, ctx.now]);
}

/** Sets a payroll back to approved. */
export async function reopenPayroll(ctx: Context, payroll: PayrollRow): Promise<void> {
  await ctx.db.run(REOPEN, [payroll.payroll_id, ctx.now]);
}

const OF_LINES = statement(
  'payroll.of-lines',
  `select payroll_id, array_agg(line_id)::text[] as lines from payroll_line
   where line_id = any($1::uuid[]) and state in ('not-paid', 'partly-paid') group by payroll_id order by payroll_id`,
);

/** Payrolls of lines that are not paid, or not wholly, with these lines. */
export function payrollsOf(
  ctx: Context,
  lines: readonly string[],
): Promise<{ payroll_id: string; lines: string[] }[]> {
  return ctx.db.query(OF_LINES, [lines]);
}
