/**
 * Indicators of enrolment: who is enrolled at the end of a period, and who came and left in it.
 *
 * A state counts from the day on which it takes effect, not from when it was recorded. A household
 * in two schemes is one enrolled household (HH_ENR) and two enrolments (HH_STATUS), so that
 * HH_STATUS(enrolled) = HH_ENR holds within one scheme; and for each scheme HH_STATUS(enrolled) =
 * that of the period before + HH_NEW + HH_REACT − HH_SUSP − HH_EXIT.
 */

import { codeSystem, contribute } from '../../src/sdk/index.ts';
import {
  type Category,
  type Indicator,
  type IndicatorSource,
  indicatorSource,
} from '../indicators/index.ts';
import { enrolmentLifecycle } from './lifecycle.ts';

const STATE: Category = {
  code: 'enrolment-state',
  title: 'State of the enrolment',
  system: codeSystem('enrolment-state'),
  codes: enrolmentLifecycle.states,
};

const REASON: Category = {
  code: 'enrolment-reason',
  title: 'Reason of the change',
  system: codeSystem('enrolment-reason'),
  codes: [],
};

function flow(code: string, title: string, means: string): Indicator {
  return {
    code,
    title,
    means,
    kind: 'flow',
    unit: 'count',
    category: REASON,
    splits: [['area'], ['scheme'], ['category']],
  };
}

const INDICATORS: readonly Indicator[] = [
  {
    code: 'HH_ENR',
    title: 'Enrolled households',
    means: 'Households enrolled in any scheme at the end of the period; sex and age of the head',
    kind: 'stock',
    unit: 'count',
    splits: [['area'], ['sex', 'age']],
  },
  {
    code: 'MEM_ENR',
    title: 'Members of enrolled households',
    means: 'Living members of households enrolled in any scheme at the end of the period',
    kind: 'stock',
    unit: 'count',
    splits: [['area'], ['sex', 'age']],
  },
  {
    code: 'HH_STATUS',
    title: 'Enrolments by state',
    means: 'Enrolments by the state they have at the end of the period',
    kind: 'stock',
    unit: 'count',
    category: STATE,
    splits: [['area'], ['category'], ['scheme', 'category']],
  },
  flow('HH_NEW', 'Newly enrolled', 'Enrolments that became enrolled for the first time'),
  flow('HH_REACT', 'Enrolled again', 'Suspended enrolments that were reinstated'),
  flow('HH_SUSP', 'Suspended', 'Enrolments that were suspended'),
  flow('HH_EXIT', 'Left', 'Enrolled ones that graduated or exited, for good'),
];

/** The state before the first change of an enrolment that counts. */
const STATES = `
  state as (
    select distinct on (c.household_id, c.enrolment_id) c.household_id, c.scheme_id, c.state
    from schemes_enrolment_change c where c.effective_on <= $2::date
    order by c.household_id, c.enrolment_id, c.effective_on desc, c.change_no desc)`;

/** $1, $2 first and last day, $3 areas or null, $4 ages at which bands begin. */
const SELECT = `
  with home as (
    select household_id, area_id, head_id from households_household
    where $3::bigint[] is null or area_id = any($3)),
  ${STATES},
  enrolled as (
    select h.household_id, h.area_id, h.head_id from home h
    join (select distinct household_id from state where state = 'enrolled') e using (household_id)),
  ordered as (
    select c.household_id, c.enrolment_id, c.scheme_id, c.state, c.reason, c.effective_on,
      lag(c.state) over w as before,
      bool_or(c.state = 'enrolled') over (w rows between unbounded preceding and 1 preceding)
        as enrolled_before
    from schemes_enrolment_change c
    window w as (partition by c.household_id, c.enrolment_id
                 order by c.effective_on, c.change_no)),
  move as (
    select o.household_id, o.scheme_id, coalesce(o.reason, '') as reason, case
        when o.state = 'enrolled' and o.enrolled_before is not true then 'HH_NEW'
        when o.state = 'enrolled' and o.before <> 'enrolled' then 'HH_REACT'
        when o.state = 'suspended' and o.before = 'enrolled' then 'HH_SUSP'
        when o.state in ('graduated', 'exited') and o.before = 'enrolled' then 'HH_EXIT'
      end as indicator
    from ordered o where o.effective_on between $1::date and $2::date)
  select 'HH_ENR' as indicator, e.area_id, null::bigint as scheme_id,
    coalesce(m.sex, 'unknown') as sex,
    indicators_age_band(m.birth_date, m.birth_date_last, $2::date, $4::int[]) as age_band,
    '' as category, null::text as currency, count(*) as count, count(*) as value
  from enrolled e
  left join households_member m on m.household_id = e.household_id and m.member_id = e.head_id
  group by 1, 2, 3, 4, 5
  union all
  select 'MEM_ENR', e.area_id, null::bigint, coalesce(m.sex, 'unknown'),
    indicators_age_band(m.birth_date, m.birth_date_last, $2::date, $4::int[]), '', null,
    count(*), count(*)
  from enrolled e
  join households_member m on m.household_id = e.household_id
  where (m.birth_date is null or m.birth_date <= $2::date)
    and (not m.deceased or m.deceased_on > $2::date)
  group by 1, 2, 3, 4, 5
  union all
  select 'HH_STATUS', h.area_id, s.scheme_id, 'unknown', 'unknown', s.state, null,
    count(*), count(*)
  from state s join home h using (household_id) group by 1, 2, 3, 6
  union all
  select m.indicator, h.area_id, m.scheme_id, 'unknown', 'unknown', m.reason, null,
    count(*), count(*)
  from move m join home h using (household_id) where m.indicator is not null
  group by 1, 2, 3, 6`;

const source: IndicatorSource = {
  measure: 'enrolment',
  indicators: INDICATORS,
  select: ({ startsOn, endsOn, areas, ageBounds }) => ({
    text: SELECT,
    values: [startsOn, endsOn, areas, ageBounds],
  }),
};

/** What the room brings to the indicators. */
export const measures = [contribute(indicatorSource, source)];
