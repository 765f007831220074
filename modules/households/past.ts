/**
 * What households and members were before: kept in the write that changes them, so that a payment
 * period of long ago finds the household of its own day.
 *
 * Who is in which household counts from the day on which it is written, or from the days that
 * Group.member.period states; so do area, characteristics and facts of members. Births, deaths and
 * corrections of a birth date or sex count as they are known now.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import {
  addDays,
  type Context,
  extensionOf,
  type Issue,
  localId,
  Problem,
  type ResourceWrite,
} from '../../src/sdk/index.ts';
import type { Stay } from './household.ts';
import {
  closeStays,
  keepHouseholds,
  keepMembers,
  noteReplaced,
  type StayRow,
  writeStays,
} from './store/past.ts';

const dayIn = (instant: Date): string => instant.toISOString().slice(0, 10);

/** True where a household's members, area or facts may have changed by this write. */
function isChanged({ previous, resource }: ResourceWrite<Group>): boolean {
  return previous === undefined || told(previous) !== told(resource);
}

function told(group: Group | undefined): string {
  if (!group) return '';
  const { active, member, characteristic } = group;
  return JSON.stringify([active, member, characteristic, extensionOf(group, 'household-area')]);
}

/** Those of the households that change, of those that exist. */
export function changedHouseholds(
  writes: readonly ResourceWrite<Group>[],
  existing: ReadonlySet<bigint>,
): bigint[] {
  return writes.filter((each) => existing.has(each.rid) && isChanged(each)).map(({ rid }) => rid);
}

/** Keeps what the households are, before they are written. */
export function keepBefore(ctx: Context, households: readonly bigint[]): Promise<void> {
  return keepHouseholds(ctx, households, dayIn(ctx.now));
}

/** Ends stays of whom the households that change name no longer. */
export function endStays(
  ctx: Context,
  households: readonly bigint[],
  active: Parameters<typeof closeStays>[2],
): Promise<void> {
  return closeStays(ctx, households, active, dayIn(ctx.now));
}

/** Keeps what was known of members whose facts change, before they are written. */
export async function keepFacts(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<void> {
  const today = dayIn(ctx.now);
  // All facts that have a past (disability, characteristics) are extensions.
  const changed = writes.filter(
    ({ previous, resource }) =>
      previous &&
      resource &&
      JSON.stringify(previous.extension) !== JSON.stringify(resource.extension),
  );
  if (changed.length === 0) return;
  const sure = changed.filter(({ previous }) => (previous?.meta?.lastUpdated ?? '') < today);
  // A second change of one day: what was known yesterday still stands, unless there was no yesterday.
  const rest = changed.filter((each) => !sure.includes(each)).map(({ rid }) => rid);
  const midnight = new Date(Date.parse(today) - 1);
  const older = rest.length > 0 ? await ctx.fhir.recorded('Patient', rest, midnight, 'latest') : [];
  await keepMembers(
    ctx,
    [...sure, ...older].map(({ rid }) => rid),
    today,
  );
}

/** FHIR id of the record that a Patient was merged into. */
export function survivorOf(patient: Patient | undefined): string | undefined {
  const link = patient?.link?.find(({ type }) => type === 'replaced-by');
  return localId(link?.other.reference, 'Patient');
}

/** Notes who was merged into whom, and who stands alone again. */
export async function noteMerges(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<void> {
  const changed = writes
    .map(({ rid, resource, previous }) => {
      return { rid, survivor: survivorOf(resource), before: survivorOf(previous) };
    })
    .filter(({ survivor, before }) => survivor !== before);
  if (changed.length === 0) return;
  const ids = [...new Set(changed.flatMap(({ survivor }) => survivor ?? []))];
  const rids = await ctx.fhir.rids('Patient', ids);
  const rows = changed.map(({ rid, survivor }) => {
    return { memberId: rid, replacedBy: rids.get(survivor ?? '') ?? null };
  });
  await noteReplaced(ctx, rows);
}

// ── stated days ──────────────────────────────────────────────────────────────────────────────

/** A household with what it says of days. */
export interface StatedHousehold {
  readonly householdId: bigint;
  readonly isNew: boolean;
  readonly place: string | undefined;
  readonly stays: readonly (Stay & { readonly memberId: bigint })[];
  /** FHIR ids of whom the version before named. */
  readonly before: ReadonlySet<string>;
}

/**
 * Writes the stated days of households; what they state no longer has been ended (`endStays`).
 *
 * @throws Problem `member-days` (409) where somebody would be in two households on a day
 */
export async function noteStays(
  ctx: Context,
  households: readonly StatedHousehold[],
): Promise<void> {
  const rows = households.flatMap((each) => each.stays.map((stay) => rowOf(each, stay)));
  if (rows.length === 0) return;
  refuseTwice(households, rows);
  const overlap = await writeStays(ctx, rows);
  if (!overlap) return;
  const household = rows.find((row) => row.memberId === overlap.member_id)?.householdId;
  const where = overlap.household === null ? 'another household' : `Group/${overlap.household}`;
  throw twoAtOnce(
    households.find((each) => each.householdId === household)?.place,
    `By the days that are stated Patient/${overlap.member} is in ${where} on some of these days; ` +
      'correct the period there first, or in the same transaction.',
  );
}

function rowOf(
  { householdId, isNew, before }: StatedHousehold,
  { id, memberId, startsOn, endsOn, role, position }: StatedHousehold['stays'][number],
): StayRow {
  return {
    ...{ memberId, householdId, startsOn, role, position },
    endsOn: endsOn === null ? null : addDays(endsOn, 1),
    notBefore: isNew || before.has(id),
  };
}

/** Two statements of one write that share days. */
function refuseTwice(households: readonly StatedHousehold[], rows: readonly StayRow[]): void {
  const dated = rows.filter((row) => row.startsOn !== null);
  for (const own of Map.groupBy(dated, (row) => row.memberId).values()) {
    const sorted = own.toSorted((a, b) => (a.startsOn! < b.startsOn! ? -1 : 1));
    for (const [at, row] of sorted.slice(1).entries()) {
      const { endsOn } = sorted[at]!;
      if (endsOn !== null && endsOn <= row.startsOn!) continue;
      throw twoAtOnce(
        households.find((each) => each.householdId === row.householdId)?.place,
        'Two memberships of one person share days; state the days so that each is in one.',
      );
    }
  }
}

function twoAtOnce(place: string | undefined, diagnostics: string): Problem {
  const issue: Issue = {
    severity: 'error',
    kind: 'conflict',
    code: 'member-days',
    expression: 'Group.member.period',
    diagnostics,
  };
  const found = new Problem([issue]);
  return place ? found.within(place) : found;
}
