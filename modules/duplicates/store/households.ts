/**
 * Households as matching sees them: id and size.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A registered household. */
export interface HouseholdRow {
  readonly household_id: bigint;
  readonly fhir_id: string;
  /** Members who are in it now. */
  readonly members_count: number;
  readonly active: boolean;
  /** FHIR id of the head, where one is named. */
  readonly head: string | null;
}

const READ = statement(
  'duplicates.households',
  `select h.household_id, h.fhir_id, h.members_count::int, h.active, p.fhir_id as head
   from households_household h left join households_person p on p.member_id = h.head_id
   where h.household_id = any($1::bigint[])`,
);

/** Households of these internal ids. */
export async function householdsOf(
  ctx: Context,
  householdIds: readonly bigint[],
): Promise<HouseholdRow[]> {
  if (householdIds.length === 0) return [];
  return ctx.db.query<HouseholdRow>(READ, [householdIds]);
}

const HOMES = statement(
  'duplicates.homes-of',
  `select p.fhir_id, h.fhir_id as home from households_person p
   join households_household h on h.household_id = p.household_id
   where p.member_id = any($1::bigint[])`,
);

/** In which household people are now, as `Group/id`, by FHIR id; those in none are left out. */
export async function homesOf(
  ctx: Context,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rids = await ctx.fhir.rids('Patient', [...new Set(ids)]);
  const rows = await ctx.db.query<{ fhir_id: string; home: string }>(HOMES, [[...rids.values()]]);
  return new Map(rows.map((row) => [row.fhir_id, `Group/${row.home}`]));
}

/** Two members of two households who may be one person; FHIR ids. */
export interface MemberTie {
  readonly one: string;
  readonly other: string;
  readonly p: number;
}

const P = '1 / (1 + power(2, -greatest(least(e.log_odds, 60), -60)::float8))';

const BETWEEN = statement(
  'duplicates.ties-between-households',
  `select x.fhir_id as one, y.fhir_id as other, ${P} as p
   from match_feature x join match_edge e on e.a = x.patient_id
   join match_feature y on y.patient_id = e.b
   where x.household_id = $1 and y.household_id = $2 and x.active and y.active
   union all
   select x.fhir_id, y.fhir_id, ${P}
   from match_feature x join match_edge e on e.b = x.patient_id
   join match_feature y on y.patient_id = e.a
   where x.household_id = $1 and y.household_id = $2 and x.active and y.active
   order by p desc, one, other limit 50`,
);

/** Members of two households who were found alike, the likeliest first. */
export function tiesBetween(ctx: Context, source: bigint, target: bigint): Promise<MemberTie[]> {
  return ctx.db.query<MemberTie>(BETWEEN, [source, target]);
}
