/**
 * From households with a decision by each set of rules to figures: what each would be paid, what
 * changes, and sums by area, sex and age of the recipient, and size of the household.
 *
 * Households are put into cells first, once, and every split is a sum of cells, so that all splits
 * come to the same. Each step is fenced (`offset 0`), or the planner would write out the steps below
 * wherever a step names them, and compute them as often. No GROUPING SETS, for a cluster of servers knows none.
 */

import { addDays, addMonths } from '../../../src/sdk/index.ts';
import type { Side, SimulationQuestion } from './simulation-types.ts';

/** Households of this size and above are one band. */
const SIZE_MAX = 8;

/**
 * The whole text.
 *
 * @param parts  of the WITH clause, the last of which is `placed`
 * @param from  what has a row for each household, after enrolment
 */
export function cellsText(
  question: SimulationQuestion,
  parts: readonly string[],
  from: string,
): string {
  const { top } = question;
  const outcomes = outcomesText(question, from);
  const whole = [
    ...parts,
    `outcomes as ${top > 0 ? 'materialized ' : ''}(${outcomes})`,
    `cells as materialized (${CELLS})`,
  ];
  const splits = [
    splitText('all', `''`),
    splitText('area', `coalesce(a.fhir_id, 'unknown')`, 'a.name', AREA),
    splitText('sex', 'c.sex'),
    splitText('age', 'c.band'),
    splitText('size', 'c.size'),
    ...(top > 0 ? [topText('gain', top), topText('loss', top)] : []),
  ];
  return `with ${whole.join(',\n')}\n${splits.join('\nunion all ')}`;
}

function outcomesText(question: SimulationQuestion, from: string): string {
  const { sides, areas, budgetMinor } = question;
  const reach = areas === 'all' ? 'true' : `area_id = any('{${areas.join(',')}}'::bigint[])`;
  const outcomes = `select household_id, recipient_id, area_id, people, standing,
      ${['now_', 'tried_'].map((of) => outcomeColumns(sides, of as Side['of'])).join(', ')}
    from ${from} where ${reach} offset 0`;
  const paid = `select *,
      case when now_why = 'paid' then now_amount else 0 end as now_minor,
      case when tried_why = 'paid' then tried_amount else 0 end as tried_minor
    from (${outcomes}) o offset 0`;
  // Whoever is enrolled comes first, then by rank, then by registration.
  const order = `(p.standing is not null) desc, p.tried_rank nulls last, p.household_id`;
  const spent = `sum(tried_minor) over (order by ${order} rows unbounded preceding)`;
  const over = budgetMinor === undefined ? 'false' : `${spent} > ${budgetMinor}`;
  return `select p.*, ${over} as beyond,
      least(p.people, ${SIZE_MAX})::int as size_band, coalesce(r.sex, 'unknown') as sex,
      ${ageBand('r.birth_date', 'r.birth_date_last', lastDay(question), question.ages)} as band,
      (tried_minor * ${question.factors.tried_} - now_minor * ${question.factors.now_})::bigint
        as difference,
      coalesce(ar.path[least(${question.areaLevel}, cardinality(ar.path))], p.area_id) as place_id
    from (${paid}) p
    left join households_person r on r.member_id = p.recipient_id
    left join pay_points_area ar on ar.area_id = p.area_id
    offset 0`;
}

/**
 * SQL of the band that `indicators_age_band` gives: the function takes longer for each of a million
 * households than everything else about them.
 *
 * @param ages  at which bands begin, ascending
 */
export function ageBand(
  first: string,
  last: string,
  asOf: string,
  ages: readonly number[],
): string {
  // Who is born on or before such a day is so old; born on 29 February, a year older on 1 March.
  const days = ages.map((age) => addDays(addMonths(asOf, -12 * age), 1)).toReversed();
  const bands = ages.map((age, at) => `P${age}Y--P${ages[at + 1] ?? 9999}Y`);
  const reached = (day: string) =>
    `${ages.length} - width_bucket(${day}, '{${days.join(',')}}'::date[])`;
  return `case when ${last} > date '${asOf}' or ${reached(first)} <> ${reached(last)}
        then 'unknown'
        else coalesce(('{${bands.join(',')}}'::text[])[${reached(last)}], 'unknown') end`;
}

function lastDay({ sides }: SimulationQuestion): string {
  return (sides.at(-1) as Side).period.endsOn;
}

/** `why`, `amount` and `rank` of a household by one set of rules; of none, where there are none. */
function outcomeColumns(sides: readonly Side[], of: Side['of']): string {
  const side = sides.find((each) => each.of === of);
  if (!side) return `'no-rules'::text as ${of}why, 0::bigint as ${of}amount, 0 as ${of}rank`;
  const { period } = side;
  const paid = `coalesce(case ${of}reason
        when 'not-eligible' then 'not-eligible:' || ${of}criterion_failed
        when 'undetermined' then 'undetermined:' || coalesce(${of}criterion_unknown, 0)
        else ${of}reason end, case when held then 'hold' end, 'paid')`;
  const outside = `began_on > date '${period.endsOn}' or ended_on < date '${period.startsOn}'`;
  return `case
      when standing in ('enrolled', 'suspended')
        then case when ${outside} then 'not-in-period' else ${paid} end
      when ${of}place = 'chosen' then ${paid}
      when ${of}place = 'waiting' then 'over-quota'
      when ${of}criterion_failed is not null then 'not-eligible:' || ${of}criterion_failed
      when ${of}criterion_unknown is not null then 'undetermined:' || ${of}criterion_unknown
      when recipient_id is null then 'no-collector'
      when standing is not null then 'not-enrolled'
      else 'no-score' end as ${of}why,
    ${of}amount_minor as ${of}amount, ${of}position as ${of}rank`;
}

const CELLS = `select place_id, sex, band, size_band, now_why, tried_why, beyond,
      case when now_minor = 0 and tried_minor = 0 then 'none' when now_minor = 0 then 'enters'
           when tried_minor = 0 then 'leaves' when difference > 0 then 'more'
           when difference < 0 then 'less' else 'same' end as change,
      count(*) as n, sum(people)::bigint as people, sum(now_minor)::bigint as now_minor,
      sum(tried_minor)::bigint as tried_minor,
      case when size_band = ${SIZE_MAX} then '${SIZE_MAX}+' else size_band::text end as size
    from outcomes group by 1, 2, 3, 4, 5, 6, 7, 8`;

const AREA = 'left join pay_points_area a on a.area_id = c.place_id';

function splitText(split: string, value: string, name = 'null::text', join = ''): string {
  return `select '${split}' as split, ${value} as value, ${name} as name, c.now_why, c.tried_why,
      c.change, c.beyond and c.tried_minor > 0 as over, sum(c.n)::bigint as n,
      sum(c.people)::bigint as people, sum(c.now_minor)::bigint as now_minor,
      sum(c.tried_minor)::bigint as tried_minor
    from cells c ${join} group by 2, 3, 4, 5, 6, 7`;
}

/** Those who gain, or lose, most. */
function topText(split: 'gain' | 'loss', top: number): string {
  const wins = split === 'gain';
  return `select '${split}', h.fhir_id, null, o.now_why, o.tried_why,
      case when o.now_minor = 0 then 'enters' when o.tried_minor = 0 then 'leaves'
           when o.difference > 0 then 'more' else 'less' end,
      false, 1, o.people, o.now_minor, o.tried_minor
    from (select * from outcomes where difference ${wins ? '> 0' : '< 0'}
      order by difference ${wins ? 'desc' : 'asc'}, household_id limit ${top}) o
    join households_household h on h.household_id = o.household_id`;
}
