/**
 * Lines of households whose facts have changed since the draft, judged again.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { EntitlementSelect } from '../../schemes/index.ts';
import type { PayrollRow } from './decide.ts';

/** Households of the payroll that have changed; `id` and `since` are SQL. */
const changed = (id: string, since: string): string => `
  select l.household_id from payroll_line l
  where l.payroll_id = ${id} and l.state = 'open' and l.household_id in (
    select household_id from households_changed where updated_at >= ${since}
    union all
    select household_id from schemes_enrolment where changed_at >= ${since})`;

const ANY = statement(
  'payroll.any-changed',
  `select 1 as n from (${changed('$1::uuid', '$2::timestamptz')}) c limit 1`,
);

/** True when facts of somebody on the payroll have changed since the draft. */
export async function anyChanged(ctx: Context, payroll: PayrollRow): Promise<boolean> {
  const row = await ctx.db.maybe(ANY, [payroll.payroll_id, payroll.drafted_at]);
  return row !== undefined;
}

/** SELECT of the households that have changed, without parameters: both are ours, not a caller's. */
export function changedSince({ payroll_id: id, drafted_at: since }: PayrollRow): string {
  return changed(`'${id}'::uuid`, `'${since.toISOString()}'::timestamptz`);
}

/** Takes lines off whose household is due no more, with the reason that stands now. */
export function takeOff(
  ctx: Context,
  payroll: PayrollRow,
  now: EntitlementSelect,
): Promise<{ n: bigint; minor: bigint }> {
  const at = now.values.length;
  const [id, instant] = [`$${at + 1}::uuid`, `$${at + 2}::timestamptz`];
  return ctx.db.one(
    `with judged as materialized (${now.text}),
     gone as materialized (
       select l.household_id, l.line_id, j.criterion_number,
         case when j.enrolment_id is null then 'not-enrolled' else j.reason_code end as why
       from (${changedSince(payroll)}) c
       join payroll_line l on l.household_id = c.household_id and l.payroll_id = ${id}
       left join judged j on j.household_id = l.household_id and j.enrolment_id = l.enrolment_id
       where l.state = 'open' and (j.enrolment_id is null or j.reason_code is not null)),
     stopped as (
       update payroll_line l set state = 'cancelled', cancelled_key = key, reason = g.why,
         updated_at = ${instant}, version = version + 1
       from gone g where l.household_id = g.household_id and l.line_id = g.line_id
       returning l.household_id, l.enrolment_id, l.recipient_id, l.area_id, l.amount_minor, g.why,
         g.criterion_number),
     noted as (
       insert into payroll_exclusion (household_id, exclusion_id, payroll_id, enrolment_id,
         recipient_id, reason, criterion_number, area_id, at)
       select household_id, gen_random_uuid(), ${id}, enrolment_id, recipient_id, why,
         criterion_number, area_id, ${instant} from stopped)
     select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as minor from stopped`,
    [...now.values, payroll.payroll_id, ctx.now],
  );
}
