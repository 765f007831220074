/**
 * Drafts what is paid besides the entitlement of a period, or again: top-ups, differences, follow-ups.
 * Each line names the one that it adds to, which stays as it is. As in `draft.ts`, ids are the
 * payroll's with a running number, and whoever is left out is listed with the reason.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { EntitlementSelect } from '../../schemes/index.ts';
import { RECIPIENT_REASONS } from './decide.ts';
import { type DraftTotals, type Header, withinArea } from './draft.ts';

// What every kind ends with; `chosen` has the columns of a line, and `why` for who is left out.
const filled = (payroll: string, scheme: string, period: string, now: string): string => `
  lines as (
    insert into payroll_line (household_id, line_id, payroll_id, scheme_id, period_code,
      enrolment_id, recipient_id, amount_minor, area_id,
      pay_point_id, provider_id, account_kind, account_number, updated_at, slot, corrects_id,
      order_id)
    select household_id, id, ${payroll}, ${scheme}, ${period}, enrolment_id, recipient_id,
      amount_minor, area_id, pay_point_id, provider_id, account_kind,
      account_number, ${now}, slot, corrects_id, order_id
    from chosen where why is null returning amount_minor),
  excluded as (
    insert into payroll_exclusion (household_id, exclusion_id, payroll_id, enrolment_id,
      recipient_id, reason, area_id, at)
    select household_id, id, ${payroll}, enrolment_id, recipient_id, why, area_id, ${now}
    from chosen where why is not null
    on conflict do nothing returning 1),
  counted as (select count(*) as lines, coalesce(sum(amount_minor), 0)::bigint as minor from lines)
  select lines, minor, (select count(*) from excluded) as excluded from counted`;

const HELD = `held as materialized (
  select distinct household_id from households_hold where policy = 'hard')`;

const newId = (prefix: string): string =>
  `(${prefix} || lpad(to_hex(row_number() over ()), 12, '0'))::uuid`;

const IN_AREA = (area: string): string => `(${area}::bigint is null or exists (
  select from pay_points_area a where a.area_id = l.area_id and a.path @> array[${area}::bigint]))`;

const COMMON = 'l.household_id, l.enrolment_id, l.recipient_id, l.area_id, l.pay_point_id';

const TOP_UP = statement(
  'payroll.draft-top-up',
  `with ${HELD},
   chosen as materialized (
     select ${newId('$7::text')} as id, ${COMMON}, l.provider_id, l.account_kind, l.account_number,
       $5::bigint as amount_minor, 'top-up:' || $4::text as slot, l.line_id as corrects_id,
       null::uuid as order_id,
       case when h.household_id is not null then 'hold'
            when t.household_id is not null then 'already-paid-period' end as why
     from payroll_line l
     join payroll p on p.payroll_id = l.payroll_id and p.state in ('approved', 'closed')
     left join held h on h.household_id = l.household_id
     left join payroll_line t on t.household_id = l.household_id and t.scheme_id = l.scheme_id
       and t.period_code = l.period_code and t.slot = 'top-up:' || $4::text and t.cancelled_key = 0
     where l.scheme_id = $2 and l.period_code = $3 and l.slot = '' and l.state <> 'cancelled'
       and ${IN_AREA('$6')} order by l.key),
   ${filled('$1::uuid', '$2::bigint', '$3::text', '$8::timestamptz')}`,
);

/** One more amount for each who has a line in the period. */
export function insertTopUp(
  ctx: Context,
  schemeId: bigint,
  header: Header,
  amountMinor: bigint,
): Promise<DraftTotals> {
  const { payrollId, period, label, areaId } = header;
  const values = [payrollId, schemeId, period.code, label, amountMinor, areaId];
  return ctx.db.one<DraftTotals>(TOP_UP, [...values, payrollId.slice(0, 24), ctx.now]);
}

const FOLLOW_UP = statement(
  'payroll.draft-follow-up',
  `with ${HELD},
   chosen as materialized (
     select ${newId('$6::text')} as id, ${COMMON},
       coalesce(t.provider_id, l.provider_id) as provider_id,
       coalesce(t.kind, l.account_kind) as account_kind,
       case when t.kind is null then l.account_number else t.account_number end as account_number,
       l.amount_minor - coalesce(l.paid_minor, 0) as amount_minor,
       'follow-up:' || 1 + (select count(*) from payroll_line f
         where f.household_id = l.household_id and f.scheme_id = l.scheme_id
           and f.period_code = l.period_code and f.slot like 'follow-up:%')
         + row_number() over (partition by l.household_id order by l.key) - 1 as slot,
       l.line_id as corrects_id, l.line_id as order_id,
       case when h.household_id is not null then 'hold'
            when l.reason = any($7::text[]) and (t.account_number is null
              or (t.provider_id, t.account_number) = (l.provider_id, l.account_number))
              then 'not-corrected' end as why
     from payroll_line l
     join payroll p on p.payroll_id = l.payroll_id and p.state in ('approved', 'closed')
     left join held h on h.household_id = l.household_id
     left join (select a.household_id, a.provider_id, a.kind, a.account_number
                from households_account a join providers_provider v using (provider_id)
                where a.preferred and v.disburses) t
       on t.household_id = l.household_id and l.account_kind <> 'cash'
     where l.scheme_id = $2 and l.period_code = $3 and l.order_id is null
       and l.state in ('not-paid', 'partly-paid')
       and ${IN_AREA('$4')} order by l.key),
   ${filled('$1::uuid', '$2::bigint', '$3::text', '$5::timestamptz')}`,
);

/** What is owed of lines of the period that were not paid, or not wholly, each to the account of today. */
export function insertFollowUp(
  ctx: Context,
  schemeId: bigint,
  { payrollId, period, areaId }: Header,
): Promise<DraftTotals> {
  const values = [payrollId, schemeId, period.code, areaId, ctx.now, payrollId.slice(0, 24)];
  return ctx.db.one<DraftTotals>(FOLLOW_UP, [...values, RECIPIENT_REASONS]);
}

/**
 * What is due by the rules and facts of now, less what was granted for the period: the rest as a line,
 * too much as an exclusion. Who has no line in the period is left to back-pay.
 */
export function insertDifferences(
  ctx: Context,
  { payrollId, period, areaId }: Header,
  due: EntitlementSelect,
): Promise<DraftTotals> {
  const at = due.values.length;
  const [id, code, now] = [`$${at + 1}::uuid`, `$${at + 2}::text`, `$${at + 3}::timestamptz`];
  return ctx.db.one<DraftTotals>(
    `with ${HELD},
     granted as materialized (
       select l.household_id, l.scheme_id, sum(l.amount_minor)::bigint as minor,
         (array_agg(l.line_id) filter (where l.slot = ''))[1] as line_id
       from payroll_line l
       join payroll p on p.payroll_id = l.payroll_id and p.state in ('approved', 'closed')
       where l.period_code = ${code} and (l.slot = '' or l.slot like 'difference:%')
         and l.state <> 'cancelled' and l.scheme_id = p.scheme_id
       group by l.household_id, l.scheme_id),
     compared as (
       select e.*, g.line_id as corrects_id,
         case e.decision when 'ineligible' then 0 when 'undetermined' then null
           else e.amount_minor end - g.minor as rest
       from (${withinArea(due.text, areaId)}) e
       join granted g on g.household_id = e.household_id and g.scheme_id = e.scheme_id
       where g.line_id is not null),
     chosen as materialized (
       select ${newId(`$${at + 4}::text`)} as id, c.household_id, c.scheme_id, c.enrolment_id,
         c.recipient_id, c.area_id, c.pay_point_id, c.provider_id, c.account_kind,
         c.account_number, c.rest as amount_minor,
         'difference:' || 1 + (select count(*) from payroll_line f
           where f.household_id = c.household_id and f.scheme_id = c.scheme_id
             and f.period_code = ${code} and f.slot like 'difference:%') as slot,
         c.corrects_id, null::uuid as order_id,
         case when c.rest is null then 'undetermined' when c.rest < 0 then 'overpaid'
              when c.reason_code is not null then c.reason_code
              when h.household_id is not null then 'hold' end as why
       from compared c left join held h on h.household_id = c.household_id
       where c.rest is distinct from 0),
     ${filled(id, 'scheme_id', code, now)}`,
    [...due.values, payrollId, period.code, ctx.now, payrollId.slice(0, 24)],
  );
}
