/**
 * What is printed and counted of a payroll: its payment list by place, and planned against paid.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A line to print, with the number of its newest attempt. */
export interface PaperLine {
  readonly transaction_number: string;
  readonly recipient_id: bigint;
  readonly household: string;
  readonly amount_minor: bigint;
  readonly account_kind: string;
  readonly account_number: string | null;
  readonly pay_point_id: bigint | null;
  readonly pay_point: string | null;
  readonly provider: string;
  /** False where the household has moved beyond the reach of who prints. */
  readonly is_seen: boolean;
}

/** Areas to which who asks is limited; null: none. */
function areasOf({ actor }: Context): readonly bigint[] | null {
  const { reach, breakGlass } = actor;
  return reach.areas === 'all' || breakGlass !== undefined ? null : reach.areas;
}

const LINES = statement(
  'payroll.paper-lines',
  `select i.transaction_number, l.recipient_id, h.fhir_id as household, l.amount_minor,
     l.account_kind, l.account_number, l.pay_point_id, q.name as pay_point, v.name as provider,
     $4::bigint[] is null or coalesce(h.area_id = any($4::bigint[]), false) as is_seen
   from payroll_line l
   join lateral (
     select transaction_number from disbursement_instruction i
     where i.source_id = coalesce(l.order_id, l.line_id) and i.payee_id = l.household_id
       and i.purpose = 'payroll' order by attempt desc limit 1) i on true
   join households_household h on h.household_id = l.household_id
   join providers_provider v on v.provider_id = l.provider_id
   left join pay_points_pay_point q on q.pay_point_id = l.pay_point_id
   where l.payroll_id = $1 and l.state <> 'cancelled'
     and ($2::bigint is null or l.pay_point_id = $2)
     and ($4::bigint[] is null or l.area_id = any($4::bigint[]))
   order by q.name nulls last, l.pay_point_id, v.name, l.key limit $3`,
);

/** Lines of a payroll, within reach, in the order of a printed list; one more than `limit` where there are more. */
export function paperLines(
  ctx: Context,
  payrollId: string,
  payPoint: bigint | null,
  limit: number,
): Promise<PaperLine[]> {
  return ctx.db.query<PaperLine>(LINES, [payrollId, payPoint, limit + 1, areasOf(ctx)]);
}

/** Planned against paid, of lines that have everything in common that a report splits by. */
export interface ReportRow {
  readonly area_id: bigint | null;
  readonly area: string | null;
  readonly area_fhir_id: string | null;
  readonly sex: string;
  readonly age_band: string;
  /** `paid`, `waiting`, or why it is not paid; of an exclusion why it was left out. */
  readonly what: 'paid' | 'waiting' | 'not-paid' | 'excluded';
  readonly reason: string;
  readonly n: bigint;
  readonly minor: bigint;
}

// A line of which a part is paid counts where its rest is, and its part among what is paid.
const REPORT = statement(
  'payroll.report',
  `with counted as (
     select l.area_id, l.recipient_id, 1 as n,
       case when l.state = 'paid' then 'paid' when l.state in ('not-paid', 'partly-paid')
         then 'not-paid' else 'waiting' end as what,
       case when l.state in ('not-paid', 'partly-paid') then coalesce(l.reason, 'other') else '' end
         as reason,
       l.amount_minor - coalesce(l.paid_minor, 0) as amount_minor
     from payroll_line l where l.payroll_id = $1 and l.state <> 'cancelled'
       and ($4::bigint[] is null or l.area_id = any($4::bigint[]))
     union all
     select l.area_id, l.recipient_id, 0, 'paid', '', l.paid_minor
     from payroll_line l where l.payroll_id = $1 and l.state <> 'cancelled' and l.paid_minor > 0
       and ($4::bigint[] is null or l.area_id = any($4::bigint[]))
     union all
     select e.area_id, e.recipient_id, 1, 'excluded', e.reason, 0 from payroll_exclusion e
     where e.payroll_id = $1 and ($4::bigint[] is null or e.area_id = any($4::bigint[])))
   select c.area_id, a.name as area, a.fhir_id as area_fhir_id, coalesce(m.sex, 'unknown') as sex,
     indicators_age_band(m.birth_date, m.birth_date_last, $2::date, $3::int[]) as age_band,
     c.what, c.reason, sum(c.n) as n, sum(c.amount_minor)::bigint as minor
   from counted c
   left join households_person m on m.member_id = c.recipient_id
   left join pay_points_area a on a.area_id = c.area_id
   group by 1, 2, 3, 4, 5, 6, 7 order by 2 nulls last, 1, 4, 5, 6, 7`,
);

/** Planned against paid by area, sex and age of the recipient, and reason. */
export function reportRows(
  ctx: Context,
  payrollId: string,
  asOf: string,
  ages: readonly number[],
): Promise<ReportRow[]> {
  return ctx.db.query<ReportRow>(REPORT, [payrollId, asOf, ages, areasOf(ctx)]);
}
