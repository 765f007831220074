/**
 * Rows of compared facts and keys, one a Patient, written in the transaction of the Patient.
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
   order by 1
   on conflict (patient_id) do update set
     household_id = excluded.household_id, area = excluded.area, active = excluded.active,
     replaced_by = excluded.replaced_by, keys = excluded.keys, facts = excluded.facts,
     changed_at = excluded.changed_at`,
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

const LOCK = statement(
  'duplicates.lock-features',
  `select ${COLUMNS} from match_feature f where f.patient_id = any($1::bigint[])
   order by 1 for update`,
);

/** Rows of these Patients, held until the end of the transaction. */
export async function lockFeatures(
  ctx: Context,
  patientIds: readonly bigint[],
): Promise<StoredFeature[]> {
  if (patientIds.length === 0) return [];
  return ctx.db.query<StoredFeature>(LOCK, [patientIds]);
}

const MOVED = statement(
  'duplicates.lock-moved-features',
  `select ${COLUMNS}, m.household_id as home
   from households_member m join match_feature f on f.patient_id = m.member_id
   where m.household_id = any($1::bigint[]) order by 1 for update of f`,
);

/** Rows of the members of these households, with the household that each is in now. */
export async function lockMembers(
  ctx: Context,
  householdIds: readonly bigint[],
): Promise<(StoredFeature & { readonly home: bigint })[]> {
  if (householdIds.length === 0) return [];
  return ctx.db.query(MOVED, [householdIds]);
}

const STATE = statement(
  'duplicates.write-feature-states',
  `update match_feature f set active = w.active, replaced_by = w.replaced_by
   from unnest($1::bigint[], $2::boolean[], $3::text[]) as w(patient_id, active, replaced_by)
   where f.patient_id = w.patient_id`,
);

/** Writes whether records are in use and what replaced them; their keys stay. */
export async function writeStates(
  ctx: Context,
  rows: readonly Pick<FeatureRow, 'patientId' | 'active' | 'replacedBy'>[],
): Promise<void> {
  if (rows.length === 0) return;
  await ctx.db.run(STATE, [
    rows.map((row) => row.patientId),
    rows.map((row) => row.active),
    rows.map((row) => row.replacedBy),
  ]);
}

const REMOVE = statement(
  'duplicates.remove-features',
  'delete from match_feature where patient_id = any($1::bigint[])',
);

/** Forgets Patients that were deleted. */
export async function removeFeatures(ctx: Context, patientIds: readonly bigint[]): Promise<void> {
  if (patientIds.length > 0) await ctx.db.run(REMOVE, [patientIds]);
}
