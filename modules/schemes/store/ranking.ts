/**
 * The ranking of eligible households within their groups, set-based: a temporary table for one unit
 * of work, from which pages are read. Who is on the waiting list competes anew; who is enrolled
 * holds a place.
 */

import { type Context, periodNear } from '../../../src/sdk/index.ts';
import { compileRules } from '../rules/compiled.ts';
import type { Ranking } from '../rules/types.ts';
import { type EligibilityQuestion, HELD } from './eligibility.ts';
import { layered, onlyAdult, verdictColumns } from './model.ts';

/** A household in its place. */
export interface RankedHousehold {
  readonly household_id: bigint;
  readonly household_fhir_id: string;
  readonly recipient_fhir_id: string;
  /** FHIR id of the Coverage by which it waits; null: it has none. */
  readonly waiting_fhir_id: string | null;
  readonly position: number;
  readonly score: string;
  readonly has_place: boolean;
}

/** How many hold a place, and how many could take one, by group ('' where there is none). */
export interface GroupCount {
  readonly code: string;
  readonly enrolled: bigint;
  readonly candidates: bigint;
  readonly unscored: bigint;
}

/** Judges and scores all households of the question into `ranking_candidate`. */
export async function gatherCandidates(
  ctx: Context,
  question: EligibilityQuestion,
  ranking: Ranking,
): Promise<GroupCount[]> {
  await ctx.db.run('drop table if exists ranking_candidate');
  await ctx.db.run(
    `create temporary table ranking_candidate on commit drop as ${candidatesText(question, ranking)}`,
  );
  return ctx.db.query<GroupCount>(
    `select code, count(*) filter (where state in ('enrolled', 'suspended')) as enrolled,
       count(*) filter (where eligible and r0 is not null) as candidates,
       count(*) filter (where eligible and r0 is null) as unscored
     from ranking_candidate group by code order by code`,
  );
}

function candidatesText(
  { schemeId, rules, asOf, areaId }: EligibilityQuestion,
  ranking: Ranking,
): string {
  const compiled = compileRules(rules, periodNear(rules, asOf), asOf);
  const inArea =
    areaId === undefined
      ? ''
      : `and h.area_id in (select area_id from pay_points_area where ${areaId} = any(path))`;
  const ground = {
    plan: compiled.plan,
    asOf,
    schemeId,
    among: undefined,
    columns: [
      'h.household_id',
      'h.fhir_id',
      `coalesce(h.collector_id, ${onlyAdult(asOf)}) as recipient_id`,
      `${HELD} as held`,
      'e.state',
      'e.fhir_id as coverage_id',
    ],
    from: `from households_household h
    left join schemes_enrolment e on e.household_id = h.household_id
      and e.scheme_id = ${schemeId}
      and e.state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended')`,
    where: `h.active ${inArea}`,
  };
  const ranks = compiled.ranks.map((sql, index) => `${sql} as r${index}`);
  return `
    select household_id, fhir_id, recipient_id, state, coverage_id, coalesce(code, '') as code,
      ${compiled.ranks.map((_, index) => `r${index}`).join(', ')},
      criterion_failed is null and criterion_unknown is null and recipient_id is not null
        and not held and (state is null or state = 'waiting') as eligible
    from (${layered(ground, compiled.at, [
      'l.household_id',
      'l.fhir_id',
      'l.recipient_id',
      'l.held',
      'l.state',
      'l.coverage_id',
      ...verdictColumns(compiled.criteria),
      ...ranks,
      `${compiled.group ?? "''::text"} as code`,
    ])}
    ) facts
    where ${ranking.within === null ? 'true' : 'code is not null'}`;
}

/** Puts candidates in order; the first of each group take the places that are free. */
export async function rankCandidates(
  ctx: Context,
  ranking: Ranking,
  free: ReadonlyMap<string, number>,
): Promise<void> {
  const direction = ranking.direction === 'ascending' ? 'asc' : 'desc';
  const ties = ranking.tieBreakers.map((_, index) => `c.r${index + 1} nulls last, `).join('');
  await ctx.db.run('drop table if exists ranking_place');
  await ctx.db.run(
    `create temporary table ranking_place on commit drop as
     select c.household_id, c.fhir_id, c.recipient_id, c.coverage_id, c.r0 as score, ranked.position,
       ranked.position <= coalesce(p.free, 0) as has_place
     from ranking_candidate c
     join (select c.household_id, row_number() over (
             partition by c.code order by c.r0 ${direction}, ${ties}c.household_id)::int as position
           from ranking_candidate c where c.eligible and c.r0 is not null) ranked
       on ranked.household_id = c.household_id
     left join unnest($1::text[], $2::int[]) as p(code, free) on p.code = c.code`,
    [[...free.keys()], [...free.values()]],
  );
}

// Not prepared: a temporary table is another table in each unit of work.
const COUNT = `select count(*) filter (where has_place) as places, count(*) filter (where not has_place) as waiting
   from ranking_place`;

/** How many take a place, and how many wait. */
export function countPlaces(ctx: Context): Promise<{ places: bigint; waiting: bigint }> {
  return ctx.db.one(COUNT);
}

const PAGE = `select r.household_id, r.fhir_id as household_fhir_id, p.fhir_id as recipient_fhir_id,
     r.coverage_id as waiting_fhir_id, r.position, r.score::text as score, r.has_place
   from ranking_place r join households_person p on p.member_id = r.recipient_id
   where r.household_id > $1 and (r.has_place or r.coverage_id is null)
   order by r.household_id limit $2`;

/** Households to enrol or to put on the waiting list, page by page. */
export function rankedPage(ctx: Context, after: bigint, size: number): Promise<RankedHousehold[]> {
  return ctx.db.query<RankedHousehold>(PAGE, [after, size]);
}
