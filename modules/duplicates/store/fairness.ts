/**
 * What the matching does to groups of people, counted over what the last runs left: pairs with their
 * probabilities, what was raised, who is held, and what reviewers have decided.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** Sums of one group of people; of pairs, those that one or both records of the group are in. */
export interface GroupRow {
  readonly dimension: string;
  readonly grp: string;
  readonly people: number;
  /** Duplicate pairs: reviewed ones as decided, others by their probability. */
  readonly pairs: number;
  /** Those of them that were raised for review. */
  readonly found: number;
  /** People held within the year, and how many of them wrongly, as decided or as expected. */
  readonly held: number;
  readonly held_wrongly: number;
  /** People of an open suspicion, and the days that they have waited together. */
  readonly waiting: number;
  readonly waited_days: number;
}

/** Names of the groupings, in the order of the array that a person's groups stand in. */
export const EVERYBODY = 'everybody';
const DIMENSIONS = [EVERYBODY, 'sex', 'age', 'area', 'script', 'identifier', 'phone', 'birth date'];

/*
 * The groups of a person. Facts are read where `factsOf` put them; areas are those of the lowest level
 * of which there are at most two hundred, so that a group is large enough to be judged.
 */
const PEOPLE = `
  level as (
    select coalesce(max(deep), 1) as deep from (
      select deep from pay_points_area a cross join generate_series(1, 8) as deep
      where a.path[deep] is not null group by deep having count(distinct a.path[deep]) <= 200) l),
  fact as materialized (
    select f.patient_id, f.household_id, f.facts::jsonb as fact, f.active and f.replaced_by is null as live
    from match_feature f),
  person as materialized (
    select f.patient_id, f.live, array[
      'all',
      case f.fact ->> 5 when '1' then 'male' when '2' then 'female' else 'unknown' end,
      case when b.born = 0 then 'unknown' when $2 - b.born / 10000 < 5 then '0-4'
        when $2 - b.born / 10000 < 18 then '5-17' when $2 - b.born / 10000 < 60 then '18-59'
        else '60+' end,
      coalesce(top.name, 'unknown'),
      case f.fact ->> 3 when '1' then 'other' else 'Latin' end,
      case when f.fact -> 8 = '[]' then 'without' else 'with' end,
      case when f.fact -> 6 = '[]' then 'without' else 'with' end,
      case when b.born = 0 then 'missing' when b.born % 10000 = 0 then 'year only' else 'whole' end
    ] as groups
    from fact f cross join level
    cross join lateral (select (f.fact ->> 4)::int as born) b
    left join households_household h on h.household_id = f.household_id
    left join pay_points_area a on a.area_id = h.area_id
    left join pay_points_area top on top.area_id = coalesce(a.path[level.deep], a.area_id))`;

/*
 * Pairs with what they count as: 1 or 0 where somebody has decided within the year, else the
 * probability. Merged records are no people any more, and their pairs are the duplicates found.
 */
const PAIRS = `
  verdict as materialized (
    select a, b, case verdict when 'duplicate' then 1.0 else 0.0 end as p
    from match_verdict_last where verdict <> 'field-check' and decided_at > $1::timestamptz),
  pair as materialized (
    select coalesce(v.a, e.a) as a, coalesce(v.b, e.b) as b,
      coalesce(v.p, 1 / (1 + power(2.0, least(60, -e.log_odds)))) as p,
      v.a is not null or s.a is not null as found
    from match_edge e full join verdict v on v.a = e.a and v.b = e.b
    left join match_suspicion s on s.a = coalesce(v.a, e.a) and s.b = coalesce(v.b, e.b))`;

/* The hold of a pair stands on the record registered later, which is the second. */
const FATES = `
  held as (
    select s.b as patient_id, min(1 - coalesce(v.p, s.p)) as wrongly
    from match_suspicion s left join verdict v on v.a = s.a and v.b = s.b
    where cardinality(s.flag_ids) > 0 and s.opened_at > $1::timestamptz group by 1),
  waiting as (
    select id as patient_id, max(extract(epoch from $3::timestamptz - s.opened_at)) / 86400 as days
    from match_suspicion s cross join unnest(array[s.a, s.b]) as id where s.state = 'open' group by 1)`;

const GROUPS = statement(
  'duplicates.fairness-of-groups',
  `with ${PEOPLE}, ${PAIRS}, ${FATES},
   cell as (
     select p.groups, count(*) as people, count(h.patient_id) as held, sum(h.wrongly) as wrongly,
       count(w.patient_id) as waiting, sum(w.days) as days
     from person p left join held h using (patient_id) left join waiting w using (patient_id)
     where p.live group by 1),
   of_people as (
     select g.dimension, g.grp, sum(c.people) as people, sum(c.held) as held, sum(c.wrongly) as wrongly,
       sum(c.waiting) as waiting, sum(c.days) as days
     from cell c cross join unnest(c.groups) with ordinality as g(grp, dimension) group by 1, 2),
   of_pairs as (
     select g.dimension, g.grp, sum(p.p) as pairs, sum(p.p) filter (where p.found) as found
     from pair p join person x on x.patient_id = p.a join person y on y.patient_id = p.b
     cross join lateral (
       select grp, dimension from unnest(x.groups) with ordinality as t(grp, dimension)
       union select grp, dimension from unnest(y.groups) with ordinality as t(grp, dimension)) g
     group by 1, 2)
   select ($4::text[])[o.dimension] as dimension, o.grp, o.people::int,
     coalesce(q.pairs, 0)::float8 as pairs, coalesce(q.found, 0)::float8 as found, o.held::int,
     coalesce(o.wrongly, 0)::float8 as held_wrongly, o.waiting::int,
     coalesce(o.days, 0)::float8 as waited_days
   from of_people o left join of_pairs q using (dimension, grp) order by o.dimension, o.grp`,
);

/** The groups of people in use of the registry. @param since from which instant decisions count */
export function fairnessRows(ctx: Context, since: Date): Promise<GroupRow[]> {
  const { now } = ctx;
  return ctx.db.query<GroupRow>(GROUPS, [since, now.getUTCFullYear(), now, DIMENSIONS]);
}
