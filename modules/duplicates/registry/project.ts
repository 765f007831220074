/**
 * Keeps compared facts and keys in step with Patients and the households they live in, in the write
 * that changes them.
 *
 * Keys depend on where a household lives. Of people registered together with their household the
 * row is written once: the Patients' turn already sees the Groups of the same transaction.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  extensionOf,
  idIn,
  localId,
  type ResourceWrite,
} from '../../../src/sdk/index.ts';
import { isHousehold, PHONE_COUNTRY } from '../../households/index.ts';
import { featuresChanged } from '../events.ts';
import { keysOf } from '../matching/keys.ts';
import { registryOf } from '../matching/registry.ts';
import {
  type FeatureRow,
  lockFeatures,
  lockMembers,
  removeFeatures,
  type StoredFeature,
  writeFeatures,
  writeStates,
} from '../store/features.ts';
import { factsOf, type Home, personFrom } from './facts.ts';
import { locationArea, personOf } from './person.ts';

type PatientWrite = ResourceWrite<Patient>;
type GroupWrite = ResourceWrite<Group>;

/** People whom one event names at most: a job takes two hundred events. */
const PEOPLE_PER_EVENT = 10;
const ALONE: Home = { householdId: null, area: null };

/** Patients whose home has been written in a unit of work, by FHIR id. */
const placed = new WeakMap<Context, Set<string>>();

/** Writes rows of people, with their keys, and tells that they are to be compared. */
export async function keep(ctx: Context, rows: readonly Omit<FeatureRow, 'keys'>[]): Promise<void> {
  if (rows.length === 0) return;
  const registry = registryOf(rows.map((row) => personFrom(row.facts, row)));
  const whole = rows.map((row, at): FeatureRow => ({ ...row, keys: keysOf(registry, at) }));
  for (let at = 0; at < rows.length; at += PEOPLE_PER_EVENT) {
    const ids = rows.slice(at, at + PEOPLE_PER_EVENT).map((row) => String(row.patientId));
    ctx.emit(featuresChanged, { ids });
  }
  await writeFeatures(ctx, whole);
}

/** The FHIR id of the Patient that replaces this one. */
export function replacedBy(patient: Patient): string | null {
  const link = patient.link?.find(({ type }) => type === 'replaced-by');
  return localId(link?.other?.reference, 'Patient') ?? null;
}

function rowOf(ctx: Context, { rid, id }: PatientWrite, patient: Patient, home: Home) {
  return {
    patientId: rid,
    fhirId: id,
    ...home,
    active: patient.active !== false,
    replacedBy: replacedBy(patient),
    facts: factsOf(personOf(patient, ctx.setting(PHONE_COUNTRY))),
  };
}

/** Follows Patients. `all` are the writes of the unit of work, Groups among them. */
export async function projectPatients(
  ctx: Context,
  writes: readonly PatientWrite[],
  all: readonly ResourceWrite[] = [],
): Promise<void> {
  const homes = homesIn(all);
  placed.set(ctx, new Set(homes.keys()));
  const homeOf = (id: string): Home | undefined => homes.get(id);
  const rows = writes.flatMap((write) =>
    write.resource ? [rowOf(ctx, write, write.resource, homeOf(write.id) ?? ALONE)] : [],
  );
  const before = new Map(
    writes.flatMap(({ rid, previous }) =>
      previous ? [[rid, factsOf(personOf(previous, ctx.setting(PHONE_COUNTRY)))] as const] : [],
    ),
  );
  const gone = writes.filter(({ resource }) => !resource).map(({ rid }) => rid);
  const fresh = rows.filter(({ patientId }) => !before.has(patientId));
  const changed = rows.filter(({ patientId, facts }) => {
    const earlier = before.get(patientId);
    return earlier !== undefined && earlier !== facts;
  });
  const same = rows.filter(({ patientId, facts }) => before.get(patientId) === facts);
  const stood = await lockFeatures(
    ctx,
    changed.map(({ patientId }) => patientId),
  );
  const known = new Map(stood.map((row) => [row.patient_id, row]));
  await keep(ctx, [
    ...fresh,
    ...changed.map((row) => ({ ...row, ...(homeOf(row.fhirId) ?? livedAt(known, row)) })),
  ]);
  await writeStates(
    ctx,
    same.filter((row) => stateChanged(writes, row)),
  );
  await removeFeatures(ctx, gone);
}

function livedAt(
  known: ReadonlyMap<bigint, StoredFeature>,
  { patientId }: { readonly patientId: bigint },
): Home {
  const stood = known.get(patientId);
  return stood ? { householdId: stood.household_id, area: stood.area } : ALONE;
}

function stateChanged(
  writes: readonly PatientWrite[],
  row: { readonly patientId: bigint; readonly active: boolean; readonly replacedBy: string | null },
): boolean {
  const { previous } = writes.find(({ rid }) => rid === row.patientId) ?? {};
  if (!previous) return false;
  return (previous.active !== false) !== row.active || replacedBy(previous) !== row.replacedBy;
}

/** Where the members of the households among these writes live. */
function homesIn(writes: readonly ResourceWrite[]): Map<string, Home> {
  const homes = new Map<string, Home>();
  for (const write of writes) {
    if (write.type !== 'Group' || !isHousehold(write.resource as Group | undefined)) continue;
    const home = homeOfGroup(write as GroupWrite);
    for (const id of memberIds(write.resource as Group)) homes.set(id, home);
  }
  return homes;
}

function homeOfGroup({ rid, resource }: GroupWrite): Home {
  const location = idIn(extensionOf(resource, 'household-area'), 'Location');
  return { householdId: rid, area: location === undefined ? null : locationArea(location) };
}

/** FHIR ids of the members of a household who are in it now. */
function memberIds(group: Group | undefined): string[] {
  if (!group || group.active === false || !isHousehold(group)) return [];
  return (group.member ?? [])
    .filter(({ inactive }) => inactive !== true)
    .flatMap(({ entity }) => localId(entity?.reference, 'Patient') ?? []);
}

const placeOf = (group: Group | undefined): string =>
  JSON.stringify([group?.active, group?.member, extensionOf(group, 'household-area')]);

/** Follows households: who lives in which now, and where. */
export async function projectGroups(ctx: Context, writes: readonly GroupWrite[]): Promise<void> {
  const done = placed.get(ctx) ?? new Set<string>();
  const moved = writes.filter(({ resource, previous }) => {
    const now = memberIds(resource);
    if (previous === undefined) return now.some((id) => !done.has(id));
    return placeOf(resource) !== placeOf(previous);
  });
  if (moved.length === 0) return;
  const homes = new Map(moved.map((write) => [write.rid, homeOfGroup(write)]));
  const left = moved.flatMap(({ resource, previous }) => {
    const stays = new Set(memberIds(resource));
    return memberIds(previous).filter((id) => !stays.has(id));
  });
  const leavers = left.length === 0 ? [] : [...(await ctx.fhir.rids('Patient', left)).values()];
  const found = new Map<bigint, { readonly row: StoredFeature; readonly home: Home }>();
  for (const row of await lockFeatures(ctx, leavers)) {
    if (row.household_id !== null && homes.has(row.household_id)) {
      found.set(row.patient_id, { row, home: ALONE });
    }
  }
  for (const row of await lockMembers(ctx, [...homes.keys()])) {
    found.set(row.patient_id, { row, home: homes.get(row.home) ?? ALONE });
  }
  const differ = [...found.values()].filter(
    ({ row, home }) => row.household_id !== home.householdId || row.area !== home.area,
  );
  await keep(
    ctx,
    differ.map(({ row, home }) => ({
      patientId: row.patient_id,
      fhirId: row.fhir_id,
      ...home,
      active: row.active,
      replacedBy: row.replaced_by,
      facts: row.facts,
    })),
  );
}
