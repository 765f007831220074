/**
 * Exclusions of those who are not enrolled: on the waiting list, or gone since the payroll before. They
 * could have been on the payroll, so that their absence is listed and not silent.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Header } from './draft.ts';

const LIST = statement(
  'payroll.list-not-enrolled',
  `with since as (
     select least($4::date, coalesce(max(starts_on), $4::date)) as day from payroll
     where scheme_id = $2 and kind = 'regular' and state in ('approved', 'closed')
       and starts_on < $4::date),
   listed as (
     insert into payroll_exclusion (household_id, exclusion_id, payroll_id, enrolment_id, recipient_id,
       reason, area_id, at)
     select distinct on (e.household_id) e.household_id, gen_random_uuid(), $1::uuid, e.enrolment_id,
       coalesce(e.recipient_id, h.collector_id),
       case e.state when 'waiting' then 'waiting-list' else e.state end, h.area_id, $7::timestamptz
     from schemes_enrolment e
     left join households_household h on h.household_id = e.household_id
     where e.scheme_id = $2 and e.state in ('waiting', 'exited', 'graduated')
       and e.starts_on <= $5::date
       and (e.state = 'waiting'
         or coalesce(e.ends_on, e.changed_at::date) >= (select day from since))
       and ($6::bigint is null or exists (select from pay_points_area a
         where a.area_id = h.area_id and a.path @> array[$6::bigint]))
       and not exists (select from payroll_line l where l.household_id = e.household_id
         and l.scheme_id = e.scheme_id and l.period_code = $3 and l.slot = '' and l.cancelled_key = 0)
       and not exists (select from payroll_exclusion x where x.household_id = e.household_id
         and x.payroll_id = $1::uuid)
     order by e.household_id, e.state = 'waiting' desc, e.changed_at desc
     returning 1)
   select count(*) as n from listed`,
);

/** Lists who waits, or has left, without a line in the period; answers how many. */
export async function listNotEnrolled(
  ctx: Context,
  schemeId: bigint,
  { payrollId, period, areaId }: Header,
): Promise<bigint> {
  const values = [
    payrollId,
    schemeId,
    period.code,
    period.startsOn,
    period.endsOn,
    areaId,
    ctx.now,
  ];
  return (await ctx.db.one<{ n: bigint }>(LIST, values)).n;
}
