/**
 * Indicators of payment: what was due, what was paid and what was not, by reason, and how late.
 *
 * A line is due on the last day of its payment period. It is paid when the provider has confirmed
 * it; everything else that is due is unpaid, with the reason or what it waits for. So DUE = PAID +
 * UNPAID in numbers and to the minor unit, for they are counted by one pass over the same lines; one of
 * which a part is paid is unpaid in number, and its amount is divided. What
 * was paid in the period, whenever it was due, is CASH. Areas are those frozen with the payroll.
 */

import { codeSystem, contribute } from '../../src/sdk/index.ts';
import { NON_PAYMENT_REASONS } from '../disbursement/index.ts';
import {
  type Category,
  type Indicator,
  type IndicatorSource,
  indicatorSource,
} from '../indicators/index.ts';

const CHANNEL: Category = {
  code: 'account-kind',
  title: 'Kind of account',
  system: codeSystem('account-kind'),
  codes: ['mobile', 'bank', 'cash'],
};

/** Reasons why a due line is not paid: the provider's, or what it waits for. */
const UNPAID: Category = {
  code: 'unpaid-reason',
  title: 'Why not paid',
  system: codeSystem('unpaid-reason'),
  codes: [...NON_PAYMENT_REASONS, 'not-sent', 'no-answer'],
};

const EXCLUSION: Category = {
  code: 'exclusion-reason',
  title: 'Why left out',
  system: codeSystem('exclusion-reason'),
  codes: [],
};

const ARREARS: Category = {
  code: 'arrears',
  title: 'Current or arrears',
  system: codeSystem('arrears'),
  codes: ['current', 'arrears'],
};

const LATENESS: Category = {
  code: 'lateness',
  title: 'Days from due to paid',
  system: codeSystem('lateness'),
  codes: ['on-time', '1-7', '8-14', '15-30', '31-60', 'over-60'],
};

function pair(
  code: string,
  title: string,
  means: string,
  category?: Category,
): readonly Indicator[] {
  const splits = [
    ['area'],
    ['sex', 'age'],
    ['scheme'],
    ...(category ? [['category'] as const] : []),
  ] as const;
  const common = { means, kind: 'flow', splits, ...(category && { category }) } as const;
  return [
    { ...common, code: `${code}_N`, title: `${title}: number`, unit: 'count' },
    { ...common, code: `${code}_AMT`, title: `${title}: amount`, unit: 'amount' },
  ];
}

const INDICATORS: readonly Indicator[] = [
  ...pair('DUE', 'Due', 'Lines of approved payrolls that fell due in the period'),
  ...pair('PAID', 'Paid', 'Of what fell due in the period, what is confirmed as paid', CHANNEL),
  ...pair('UNPAID', 'Unpaid', 'Of what fell due in the period, the rest', UNPAID),
  {
    code: 'EXCL_N',
    title: 'Left out',
    means: 'Enrolments left out of approved payrolls that fell due in the period',
    kind: 'flow',
    unit: 'count',
    category: EXCLUSION,
    splits: [['area'], ['sex', 'age'], ['scheme'], ['category']],
  },
  ...pair('CASH', 'Paid out', 'What was paid in the period, whenever it was due', ARREARS),
  {
    code: 'DAYS_SUM',
    title: 'Days to payment: sum',
    means: 'Calendar days from due to paid, summed over what was paid in the period',
    kind: 'flow',
    unit: 'days',
    splits: [['area'], ['scheme']],
  },
  {
    code: 'DAYS_N',
    title: 'Days to payment: number',
    means: 'Payments made in the period, by how late they were',
    kind: 'flow',
    unit: 'count',
    category: LATENESS,
    splits: [['area'], ['scheme'], ['category']],
  },
];

/**
 * $1, $2 first and last day, $3 areas or null, $4 ages at which bands begin.
 *
 * `payroll_due` is entered twice, by the payrolls that end in the period and by the index over
 * paid_at (a day wider on both sides, for the day is that of the scheme's time zone).
 */
const SELECT = `
  with line as (
    select d.*, true as is_due, coalesce(d.paid_on between $1::date and $2::date, false) as is_cash
    from payroll_due d where d.due_on between $1::date and $2::date
    union all
    select d.*, false, true
    from payroll_due d
    where d.paid_at >= $1::date - 1 and d.paid_at < $2::date + 2
      and d.paid_on between $1::date and $2::date
      and d.due_on not between $1::date and $2::date),
  person as (
    select l.area_id, l.scheme_id, l.currency, l.amount_minor, l.paid_minor, l.is_due, l.is_cash, l.account_kind,
      l.due_on < $1::date as is_arrears, l.paid_on - l.due_on as days, l.state = 'paid' as is_paid,
      case when l.state in ('approved') then 'not-sent' when l.state in ('sent', 'unknown')
           then 'no-answer' else coalesce(l.reason, 'other') end as why,
      coalesce(m.sex, 'unknown') as sex,
      indicators_age_band(m.birth_date, m.birth_date_last, $2::date, $4::int[]) as age_band
    from line l left join households_person m on m.member_id = l.recipient_id
    where $3::bigint[] is null or l.area_id = any($3)),
  summed as (
    select area_id, scheme_id, sex, age_band, currency, is_due, is_cash, is_paid, is_arrears,
      account_kind, why,
      case when days <= 0 then 'on-time' when days <= 7 then '1-7' when days <= 14 then '8-14'
           when days <= 30 then '15-30' when days <= 60 then '31-60'
           when days > 60 then 'over-60' end as late,
      count(*) as count, sum(amount_minor)::bigint as minor,
      sum(paid_minor)::bigint as paid_minor, coalesce(sum(days), 0) as days
    from person group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
  select v.indicator, s.area_id, s.scheme_id, s.sex, s.age_band, v.category, v.currency,
    sum(s.count)::bigint as count, sum(v.value)::bigint as value
  from summed s cross join lateral (values
    ('DUE_N', '', null, s.count, s.is_due),
    ('DUE_AMT', '', s.currency, s.minor, s.is_due),
    ('PAID_N', s.account_kind, null, s.count, s.is_due and s.is_paid),
    ('PAID_AMT', s.account_kind, s.currency, s.paid_minor, s.is_due and s.paid_minor > 0),
    ('UNPAID_N', s.why, null, s.count, s.is_due and not s.is_paid),
    ('UNPAID_AMT', s.why, s.currency, s.minor - s.paid_minor, s.is_due and not s.is_paid),
    ('CASH_N', case when s.is_arrears then 'arrears' else 'current' end, null, s.count, s.is_cash),
    ('CASH_AMT', case when s.is_arrears then 'arrears' else 'current' end, s.currency,
      s.paid_minor, s.is_cash),
    ('DAYS_SUM', '', null, s.days, s.is_cash),
    ('DAYS_N', s.late, null, s.count, s.is_cash)
  ) v(indicator, category, currency, value, applies)
  where v.applies
  group by 1, 2, 3, 4, 5, 6, 7
  union all
  select 'EXCL_N', e.area_id, e.scheme_id, coalesce(m.sex, 'unknown'),
    indicators_age_band(m.birth_date, m.birth_date_last, $2::date, $4::int[]), e.reason, null,
    count(*), count(*)
  from payroll_excluded e
  left join households_person m on m.member_id = e.recipient_id
  where e.due_on between $1::date and $2::date and ($3::bigint[] is null or e.area_id = any($3))
  group by 1, 2, 3, 4, 5, 6`;

const source: IndicatorSource = {
  measure: 'payment',
  indicators: INDICATORS,
  select: ({ startsOn, endsOn, areas, ageBounds }) => ({
    text: SELECT,
    values: [startsOn, endsOn, areas, ageBounds],
  }),
};

/** What the room brings to the indicators. */
export const measures = [contribute(indicatorSource, source)];
