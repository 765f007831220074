/**
 * Rows of compared facts and keys, one a Patient, and what they are made from: homes.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** What is kept of one Patient. */
export interface FeatureRow {
  readonly patientId: bigint;
  readonly fhirId: string;
  readonly householdId: bigint | null;
  readonly area: string | null;
  readonly active: boolean;
  readonly replacedBy: string | null;
  readonly keys: readonly number[];
  readonly facts: string;
}

const WRITE = statement(
  'duplicates.write-features',
  `insert into match_feature (patient_id, fhir_id, household_id, area, active, replaced_by, keys,
     facts, changed_at)
   select w.patient_id, w.fhir_id, w.household_id, w.area, w.active, w.replaced_by,
     w.keys::int4[], w.facts, $9
   from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::text[],
     $7::text[], $8::text[])
     as w(patient_id, fhir_id, household_id, area, active, replaced_by, keys, facts)
   on conflict (patient_id) do update set
     household_id = excluded.household_id, area = excluded.area, active = excluded.active,
     replaced_by = excluded.replaced_by, keys = excluded.keys, facts = excluded.facts,
     changed_at = excluded.changed_at, fresh = true`,
);

/** Writes rows, new or changed. */
export async function writeFeatures(ctx: Context, rows: readonly FeatureRow[]): Promise<void> {
  if (rows.length === 0) return;
  await ctx.db.run(WRITE, [
    rows.map((row) => row.patientId),
    rows.map((row) => row.fhirId),
    rows.map((row) => row.householdId),
    rows.map((row) => row.area),
    rows.map((row) => row.active),
    rows.map((row) => row.replacedBy),
    rows.map((row) => `{${row.keys.join(',')}}`),
    rows.map((row) => row.facts),
    ctx.now,
  ]);
}

/** A row as it stands. */
export interface StoredFeature {
  readonly patient_id: bigint;
  readonly fhir_id: string;
  readonly household_id: bigint | null;
  readonly area: string | null;
  readonly active: boolean;
  readonly replaced_by: string | null;
  readonly facts: string;
}

const COLUMNS = `f.patient_id, f.fhir_id, f.household_id, f.area, f.active, f.replaced_by, f.facts`;

const READ = statement(
  'duplicates.read-features',
  `select ${COLUMNS} from match_feature f where f.patient_id = any($1::bigint[])`,
);

/** Rows of these Patients. */
export async function featuresOf(
  ctx: Context,
  patientIds: readonly bigint[],
): Promise<StoredFeature[]> {
  return ctx.db.query<StoredFeature>(READ, [patientIds]);
}

/** Class of our advisory locks. */
const LOCKS = 130;

const LOCK = statement(
  'duplicates.lock-people',
  `select pg_advisory_xact_lock(${LOCKS}, w.bucket) from (
     select distinct (id & 63)::int as bucket from unnest($1::bigint[]) as i(id) order by 1) w`,
);

/** Keeps others from writing rows of these Patients until the end of the transaction. */
export async function lockPeople(ctx: Context, patientIds: readonly bigint[]): Promise<void> {
  await ctx.db.query(LOCK, [patientIds]);
}

const HOMES = statement(
  'duplicates.homes',
  `select p.member_id, p.household_id, h.area_id
   from households_person p join households_household h using (household_id)
   where p.member_id = any($1::bigint[])`,
);

/** The household of a Patient, and where it is. */
export interface HomeRow {
  readonly member_id: bigint;
  readonly household_id: bigint;
  readonly area_id: bigint | null;
}

/** Homes of those of these Patients who live in a household. */
export async function homesOf(ctx: Context, patientIds: readonly bigint[]): Promise<HomeRow[]> {
  return ctx.db.query<HomeRow>(HOMES, [patientIds]);
}

const INSIDE = statement(
  'duplicates.lives-in-households',
  `select member_id from households_member where household_id = any($1::bigint[])
   union select patient_id from match_feature where household_id = any($1::bigint[])`,
);

/** Patients who live in these households, or did when last we looked. */
export async function livesInHouseholds(
  ctx: Context,
  householdIds: readonly bigint[],
): Promise<bigint[]> {
  const rows = await ctx.db.query<{ member_id: bigint }>(INSIDE, [householdIds]);
  return rows.map((row) => row.member_id);
}

const REMOVE = statement(
  'duplicates.remove-features',
  'delete from match_feature where patient_id = any($1::bigint[])',
);

/** Forgets Patients that were deleted. */
export async function removeFeatures(ctx: Context, patientIds: readonly bigint[]): Promise<void> {
  if (patientIds.length > 0) await ctx.db.run(REMOVE, [patientIds]);
}

const FRESH = statement(
  'duplicates.fresh-features',
  'select count(*)::int as people from (select from match_feature where fresh limit $1) f',
);

/** People whose keys stand in the small index; counts no further than `most`. */
export async function freshPeople(ctx: Context, most: number): Promise<number> {
  return (await ctx.db.one<{ people: number }>(FRESH, [most])).people;
}

const MEMORY = statement(
  'duplicates.memory-for-keys',
  `select set_config('maintenance_work_mem', '256MB', true)`,
);
const MOVE = statement(
  'duplicates.move-keys',
  `update match_feature set fresh = false where patient_id in (
     select patient_id from match_feature where fresh limit $1 for update skip locked)`,
);
const ENTER = statement(
  'duplicates.enter-keys',
  `select gin_clean_pending_list('match_feature_keys'::regclass)`,
);

/**
 * Moves keys of some people from the small index to those that wait for the large one: `enterKeys` next.
 *
 * @returns of how many people
 */
export async function moveKeys(ctx: Context, people: number): Promise<number> {
  return ctx.db.run(MOVE, [people]);
}

/** Enters keys that wait into the large index, in the order of its pages. */
export async function enterKeys(ctx: Context): Promise<void> {
  await ctx.db.query(MEMORY);
  await ctx.db.query(ENTER);
}
