/**
 * Households that share people: which members were found alike, and what is suspected of them.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** Two members of two households who may be one person; `one` lives in the household with the smaller id. */
export interface HouseholdTie {
  readonly one_household: bigint;
  readonly other_household: bigint;
  readonly one: string;
  readonly other: string;
  readonly p: number;
  readonly certain: boolean;
}

const P = '(1 / (1 + power(2, -greatest(least(e.log_odds, 60), -60)::float8)))';
const LIVE = (row: string): string =>
  `${row}.active and ${row}.replaced_by is null and ${row}.household_id is not null`;
/** What was decided not to be one person speaks for nothing. */
const UNDECIDED = `not exists (select from match_verdict_last v
     where v.a = e.a and v.b = e.b and v.verdict = 'not-duplicate')`;

const TIES = statement(
  'duplicates.ties-of-households',
  `with tie as (
     select e.a, e.b, ${P} as p, e.grade from match_feature f join match_edge e on e.a = f.patient_id
     where f.household_id = any($1::bigint[]) and ${UNDECIDED}
     union
     select e.a, e.b, ${P}, e.grade from match_feature f join match_edge e on e.b = f.patient_id
     where f.household_id = any($1::bigint[]) and ${UNDECIDED})
   select least(x.household_id, y.household_id) as one_household,
     greatest(x.household_id, y.household_id) as other_household,
     case when x.household_id < y.household_id then x.fhir_id else y.fhir_id end as one,
     case when x.household_id < y.household_id then y.fhir_id else x.fhir_id end as other,
     t.p, t.grade = 'certain' as certain
   from tie t join match_feature x on x.patient_id = t.a join match_feature y on y.patient_id = t.b
   where ${LIVE('x')} and ${LIVE('y')} and x.household_id <> y.household_id
   order by 1, 2, 3, 4`,
);

/** Ties between members of these households and of any others. */
export function tiesOfHouseholds(
  ctx: Context,
  households: readonly bigint[],
): Promise<HouseholdTie[]> {
  return ctx.db.query<HouseholdTie>(TIES, [households]);
}

const TIED = statement(
  'duplicates.tied-households',
  `select least(x.household_id, y.household_id) as household_id
   from match_edge e join match_feature x on x.patient_id = e.a
   join match_feature y on y.patient_id = e.b
   where ${LIVE('x')} and ${LIVE('y')} and x.household_id <> y.household_id
   group by 1, greatest(x.household_id, y.household_id)
   having sum(${P}) >= $1
   union
   select a from match_suspicion where about = 'Group' and state = 'open'
   order by 1`,
);

/**
 * Of households that share people, or are suspected to, those with the smaller id.
 *
 * @param sharedMin  expected members in both
 */
export async function tiedHouseholds(ctx: Context, sharedMin: number): Promise<bigint[]> {
  const rows = await ctx.db.query<{ household_id: bigint }>(TIED, [sharedMin]);
  return rows.map((row) => row.household_id);
}

const SUSPECTED = statement(
  'duplicates.suspected-households',
  `select h.id from unnest($1::bigint[]) as h(id) where exists (
     select from match_suspicion s
     where s.about = 'Group' and s.state = 'open' and (s.a = h.id or s.b = h.id))`,
);

/** Those of these households of which something is suspected. */
export async function suspectedHouseholds(
  ctx: Context,
  households: readonly bigint[],
): Promise<bigint[]> {
  const rows = await ctx.db.query<{ id: bigint }>(SUSPECTED, [households]);
  return rows.map((row) => row.id);
}

/** An open suspicion about two households. */
export interface OpenHouseholds {
  readonly a: bigint;
  readonly b: bigint;
  readonly task_id: string;
  readonly flag_ids: readonly string[];
  readonly grade: string;
  readonly p: number;
  readonly facts: string;
}

const OPEN = statement(
  'duplicates.open-household-suspicions',
  `select a, b, task_id, flag_ids, grade, p, facts from match_suspicion
   where about = 'Group' and state = 'open' and (a = any($1::bigint[]) or b = any($1::bigint[]))
   order by 1, 2`,
);

/** Open suspicions about these households. */
export function openHouseholds(
  ctx: Context,
  households: readonly bigint[],
): Promise<OpenHouseholds[]> {
  return ctx.db.query<OpenHouseholds>(OPEN, [households]);
}

const CHANGE = statement(
  'duplicates.change-household-suspicion',
  `update match_suspicion s set grade = $3, p = $4, facts = $5, harm = null
   where s.a = $1 and s.b = $2 and s.state = 'open'
     and not exists (select from review_lease l where l.task_id = s.task_id)`,
);

/** Says of an open suspicion what is suspected now; false where somebody is looking at it. */
export async function changeHouseholds(
  ctx: Context,
  { a, b }: Pick<OpenHouseholds, 'a' | 'b'>,
  now: { readonly grade: string; readonly p: number; readonly facts: string },
): Promise<boolean> {
  return (await ctx.db.run(CHANGE, [a, b, now.grade, now.p, now.facts])) === 1;
}

const LEASED = statement(
  'duplicates.leased-tasks',
  'select task_id from review_lease where task_id = any($1::text[])',
);

/** Of these Tasks, those that somebody is looking at. */
export async function leasedTasks(
  ctx: Context,
  tasks: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await ctx.db.query<{ task_id: string }>(LEASED, [tasks]);
  return new Set(rows.map((row) => row.task_id));
}
