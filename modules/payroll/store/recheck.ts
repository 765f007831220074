/**
 * Lines of households whose facts have changed since the draft, judged again.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { EntitlementSelect } from '../../schemes/index.ts';
import type { PayrollRow } from './decide.ts';
import { withoutLoops } from './loops.ts';

const CHANGED = statement(
  'payroll.changed-households',
  `select distinct l.household_id
   from (select household_id from households_changed where updated_at >= $2::timestamptz
         union all
         select household_id from schemes_enrolment where changed_at >= $2::timestamptz) c
   join payroll_line l on l.household_id = c.household_id
   where l.payroll_id = $1 and l.state = 'open' limit $3`,
);

/** Households on the payroll whose facts have changed since its draft, at most `limit`. */
export async function changedHouseholds(
  ctx: Context,
  payroll: PayrollRow,
  limit: number,
): Promise<bigint[]> {
  const values = [payroll.payroll_id, payroll.drafted_at, limit];
  const rows = await withoutLoops(ctx, () =>
    ctx.db.query<{ household_id: bigint }>(CHANGED, values),
  );
  return rows.map((row) => row.household_id);
}

/**
 * SELECT of these households. Written out, so that the planner knows how many they are: a sub-select
 * would be taken for one row, and judged by loops within loops.
 */
export function amongHouseholds(households: readonly bigint[]): string {
  return `select unnest('{${households.join(',')}}'::bigint[])`;
}

/**
 * Takes lines off whose household is due no more, with the reason that stands now.
 *
 * @param households  who was judged; null: everybody
 */
export function takeOff(
  ctx: Context,
  payroll: PayrollRow,
  now: EntitlementSelect,
  households: readonly bigint[] | null,
): Promise<{ n: bigint; minor: bigint }> {
  const at = now.values.length;
  const [id, instant] = [`$${at + 1}::uuid`, `$${at + 2}::timestamptz`];
  const among = households ? `and l.household_id in (${amongHouseholds(households)})` : '';
  const run = (): Promise<{ n: bigint; minor: bigint }> =>
    ctx.db.one(
      `with judged as materialized (${now.text}),
     gone as materialized (
       select l.household_id, l.line_id, j.criterion_number,
         case when j.enrolment_id is null then 'not-enrolled' else j.reason_code end as why
       from payroll_line l
       left join judged j
         on j.household_id = l.household_id and j.enrolment_id = l.enrolment_id
       where l.payroll_id = ${id} and l.state = 'open' ${among}
         and (j.enrolment_id is null or j.reason_code is not null)),
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
  return households ? run() : withoutLoops(ctx, run);
}
