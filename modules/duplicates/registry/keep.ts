/**
 * Keeps compared facts and keys in step with Patients and the households they live in: a moment
 * after the commit, by the hundred. Writers of one record wait for each other and read what stands
 * then, so that the last to write knows the last version.
 */

import type { Patient } from '@medplum/fhirtypes';
import { type Context, localId } from '../../../src/sdk/index.ts';
import { type HouseholdEvent, PHONE_COUNTRY } from '../../households/index.ts';
import { homesChanged, type PeopleEvent } from '../events.ts';
import { keyReader } from '../matching/keys.ts';
import { registryOf } from '../matching/registry.ts';
import {
  type FeatureRow,
  featuresOf,
  type HomeRow,
  homesOf,
  livesInHouseholds,
  lockPeople,
  removeFeatures,
  type StoredFeature,
  writeFeatures,
} from '../store/features.ts';
import { suspectedHouseholds } from '../store/household-pairs.ts';
import { compareSoon } from '../waiting.ts';
import { factsOf, type Home, personFrom } from './facts.ts';
import { locationArea, personOf } from './person.ts';

/** Records read and written at once. */
const AT_ONCE = 500;

/** Follows Patients that were written. */
export async function keepPatients(ctx: Context, events: readonly PeopleEvent[]): Promise<void> {
  await keep(ctx, new Set(events.flatMap((each) => each.ids.map(BigInt))));
}

/** Follows households: who lives in them now, and who did. */
export async function keepHouseholds(
  ctx: Context,
  events: readonly HouseholdEvent[],
): Promise<void> {
  const households = [...new Set(events.map((each) => BigInt(each.householdId)))];
  await keep(ctx, new Set(await livesInHouseholds(ctx, households)));
  const suspected = await suspectedHouseholds(ctx, households);
  if (suspected.length > 0) ctx.emit(homesChanged, { ids: suspected.map(String) });
}

async function keep(ctx: Context, ids: ReadonlySet<bigint>): Promise<void> {
  const all = [...ids].sort((a, b) => Number(a - b));
  for (let at = 0; at < all.length; at += AT_ONCE) await keepSome(ctx, all.slice(at, at + AT_ONCE));
}

async function keepSome(ctx: Context, ids: readonly bigint[]): Promise<void> {
  await lockPeople(ctx, ids);
  const patients = await ctx.fhir.readByRid<Patient>('Patient', ids);
  const homes = new Map((await homesOf(ctx, ids)).map((row) => [row.member_id, row]));
  const before = new Map((await featuresOf(ctx, ids)).map((row) => [row.patient_id, row]));
  const rows = [...patients].map(([rid, patient]) => ({
    patientId: rid,
    fhirId: patient.id ?? '',
    ...homeOf(homes.get(rid)),
    active: patient.active !== false,
    replacedBy: replacedBy(patient),
    facts: factsOf(personOf(patient, ctx.setting(PHONE_COUNTRY))),
  }));
  const changed = rows.filter((row) => !isSame(row, before.get(row.patientId)));
  const keysOf = keyReader(registryOf(changed.map((row) => personFrom(row.facts, row))));
  await writeFeatures(
    ctx,
    changed.map((row, at): FeatureRow => ({ ...row, keys: keysOf(at) })),
  );
  const gone = ids.filter((id) => before.has(id) && !patients.has(id));
  await removeFeatures(ctx, gone);
  await compareSoon(ctx, [...changed.map((row) => row.patientId), ...gone]);
}

function homeOf(row: HomeRow | undefined): Home {
  const area = row?.area_id ?? null;
  return {
    householdId: row?.household_id ?? null,
    area: area === null ? null : locationArea(String(area)),
  };
}

/** The FHIR id of the Patient that replaces this one. */
function replacedBy(patient: Patient): string | null {
  const link = patient.link?.find(({ type }) => type === 'replaced-by');
  return localId(link?.other?.reference, 'Patient') ?? null;
}

function isSame(row: Omit<FeatureRow, 'keys'>, stood: StoredFeature | undefined): boolean {
  return (
    stood !== undefined &&
    stood.facts === row.facts &&
    stood.household_id === row.householdId &&
    stood.area === row.area &&
    stood.active === row.active &&
    stood.replaced_by === row.replacedBy
  );
}
