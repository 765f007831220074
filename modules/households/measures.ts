/**
 * Indicators of the registry: registered households and members, as they stand.
 *
 * Households carry no history of area and membership here, so that a stock of the past is told by
 * the facts of today, without those who were registered later; a closed period keeps what it found.
 */

import { contribute } from '../../src/sdk/index.ts';
import { type Indicator, type IndicatorSource, indicatorSource } from '../indicators/index.ts';

const INDICATORS: readonly Indicator[] = [
  {
    code: 'HH_REG',
    title: 'Registered households',
    means: 'Active households registered by the end of the period; sex and age of the head',
    kind: 'stock',
    unit: 'count',
    splits: [['area'], ['sex', 'age']],
  },
  {
    code: 'MEM_REG',
    title: 'Registered members',
    means: 'Living members of active households registered by the end of the period',
    kind: 'stock',
    unit: 'count',
    splits: [['area'], ['sex', 'age']],
  },
];

/** $1 last day, $2 areas or null, $3 ages at which bands begin. */
const SELECT = `
  with home as (
    select household_id, area_id, head_id from households_household
    where active and registered_at < ($1::date + 1) and ($2::bigint[] is null or area_id = any($2)))
  select 'HH_REG' as indicator, h.area_id, null::bigint as scheme_id,
    coalesce(m.sex, 'unknown') as sex,
    indicators_age_band(m.birth_date, m.birth_date_last, $1::date, $3::int[]) as age_band,
    '' as category, null::text as currency, count(*) as count, count(*) as value
  from home h
  left join households_member m on m.household_id = h.household_id and m.member_id = h.head_id
  group by 1, 2, 3, 4, 5
  union all
  select 'MEM_REG', h.area_id, null::bigint, coalesce(m.sex, 'unknown'),
    indicators_age_band(m.birth_date, m.birth_date_last, $1::date, $3::int[]), '', null,
    count(*), count(*)
  from home h
  join households_member m on m.household_id = h.household_id
  where (m.birth_date is null or m.birth_date <= $1::date)
    and (not m.deceased or m.deceased_on > $1::date)
  group by 1, 2, 3, 4, 5`;

const source: IndicatorSource = {
  measure: 'registration',
  indicators: INDICATORS,
  select: ({ endsOn, areas, ageBounds }) => ({ text: SELECT, values: [endsOn, areas, ageBounds] }),
};

/** What the room brings to the indicators. */
export const measures = [contribute(indicatorSource, source)];
