/**
 * Keeps typed facts in step with Groups and Patients, in the write that changes them.
 *
 * Order matters in one place: households let go of members before any takes one, so that a
 * transaction may move a member from one household to another.
 *
 * What must hold is in the tables (`migrations/0060–0063`); here it is said in words when broken.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  inOrder,
  inPlace,
  localId,
  Problem,
  problem,
  type ResourceWrite,
} from '../../src/sdk/index.ts';
import {
  householdChanged,
  householdRegistered,
  type MemberEvent,
  memberChanged,
} from './events.ts';
import { type HouseholdFacts, isHousehold, readHousehold } from './household.ts';
import { declaresMember, readMember, sameClaims, sameForRules } from './member.ts';
import {
  changedHouseholds,
  endStays,
  keepBefore,
  keepFacts,
  noteMerges,
  noteStays,
} from './past.ts';
import { PHONE_COUNTRY } from './settings.ts';
import {
  clearParts,
  existingHouseholds,
  type HouseholdWrite,
  removeHouseholds,
  writeHouseholds,
} from './store/households.ts';
import {
  type Claimant,
  type Claims,
  gatherClaims,
  releaseIdentifiers,
  releaseOthers,
} from './store/identifiers.ts';
import {
  claimMembers,
  copyFacts,
  elsewhere,
  inAnother,
  knownMembers,
  type Membership,
  type MemberWrite,
  refreshMembers,
  releaseMembers,
  removeMembers,
  writeMembers,
} from './store/members.ts';

// ── members ──────────────────────────────────────────────────────────────────────────────────

/** Projects Patients that declare the member profile or are members already. */
export async function projectPatients(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<void> {
  rememberPatients(ctx, writes);
  await keepFacts(ctx, writes);
  await projectMembers(ctx, writes);
  await noteMerges(ctx, writes);
}

async function projectMembers(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<void> {
  const others = await refresh(ctx, writes);
  if (others.length === 0) return;
  const older = others.filter((write) => write.action !== 'create').map((write) => write.rid);
  const known = await knownMembers(ctx, older);
  const gone = others.filter((write) => write.resource === undefined).map((write) => write.rid);
  const kept = others.flatMap((write) =>
    write.resource && (known.has(write.rid) || declaresMember(write.resource))
      ? [memberWrite(ctx, write, write.resource)]
      : [],
  );
  await writeMembersWithClaims(ctx, kept, older);
  if (gone.length > 0) {
    await removeMembers(ctx, gone);
    await releaseIdentifiers(ctx, 'member', gone);
  }
}

/**
 * Most changes leave identifiers as they are: of those the members' rows are updated by one
 * statement, and what rules ask is carried into households only where it differs.
 *
 * @returns the writes that take the long way
 */
async function refresh(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<readonly ResourceWrite<Patient>[]> {
  const light = writes.flatMap((write) => lightWrite(ctx, write) ?? []);
  if (light.length === 0) return writes;
  const found = await refreshMembers(ctx, light);
  const done = new Set<bigint>();
  const carried: Membership[] = [];
  for (const { rid, resource, previous } of writes) {
    const householdId = found.get(rid);
    if (householdId === undefined) continue;
    done.add(rid);
    ctx.emit(memberChanged, { memberId: String(rid), id: resource!.id! });
    if (householdId === null || sameForRules(previous!, resource!)) continue;
    carried.push({ memberId: rid, householdId });
  }
  await copyFacts(ctx, carried);
  const plain = new Set(light.filter(({ rid }) => !found.has(rid)).map(({ rid }) => rid));
  return writes.filter(
    ({ rid, resource }) => !done.has(rid) && !(plain.has(rid) && !declaresMember(resource!)),
  );
}

/** What a change of a Patient whose identifiers stay comes to; undefined for any other. */
function lightWrite(ctx: Context, write: ResourceWrite<Patient>): MemberWrite | undefined {
  const { action, resource, previous } = write;
  if (action !== 'update' || !resource || !previous || !sameClaims(previous, resource)) return;
  try {
    return memberWrite(ctx, write, resource);
  } catch (error) {
    // A fault of a member; whether it is one is asked on the long way.
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

function memberWrite(
  ctx: Context,
  { rid, version, place }: Pick<ResourceWrite, 'rid' | 'version' | 'place'>,
  patient: Patient,
): MemberWrite {
  const facts = inPlace(place, () =>
    readMember(patient, ctx.setting(PHONE_COUNTRY), ctx.now.toISOString().slice(0, 10)),
  );
  return { rid, version, place, facts };
}

async function writeMembersWithClaims(
  ctx: Context,
  writes: readonly MemberWrite[],
  older: readonly bigint[],
): Promise<void> {
  if (writes.length === 0) return;
  const rids = new Set(writes.map((write) => write.rid));
  const claims = gatherClaims('member', writes.map(claimant));
  const known = older.filter((rid) => rids.has(rid));
  await releaseOthers(ctx, 'member', known, claims);
  await writeMembers(ctx, writes, claims);
  for (const each of writes) ctx.emit(memberChanged, memberEvent(each));
}

function memberEvent({ rid, facts }: MemberWrite): MemberEvent {
  return { memberId: String(rid), id: facts.id };
}

/** Who claims the identifiers that a resource carries. */
function claimant({ rid, place, facts }: MemberWrite | Incoming): Claimant {
  return { rid, id: facts.id, place, identifiers: facts.identifiers };
}

// ── households ───────────────────────────────────────────────────────────────────────────────

/** A household being written, with its references still as FHIR ids. */
interface Incoming {
  readonly rid: bigint;
  readonly version: number;
  /** Where the Group stands in a Bundle. */
  readonly place: string | undefined;
  readonly facts: HouseholdFacts;
}

/** Projects Groups that are households; forgets those that are so no longer. */
export async function projectGroups(
  ctx: Context,
  writes: readonly ResourceWrite<Group>[],
): Promise<void> {
  const older = writes.filter((write) => write.action !== 'create').map((write) => write.rid);
  const incoming = writes.flatMap((write) =>
    write.resource && isHousehold(write.resource) ? [incomingOf(ctx, write, write.resource)] : [],
  );
  const [existing, refer] = await Promise.all([
    existingHouseholds(ctx, older),
    resolve(ctx, incoming),
  ]);
  const stays = new Set(incoming.map((each) => each.rid));
  const gone = [...existing].filter((rid) => !stays.has(rid));
  if (incoming.length === 0 && gone.length === 0) return;
  await write(ctx, { incoming, refer, existing, gone, writes });
  for (const { rid, facts } of incoming) {
    const event = existing.has(rid) ? householdChanged : householdRegistered;
    ctx.emit(event, { householdId: String(rid), id: facts.id });
  }
  for (const { rid, id } of writes.filter((each) => gone.includes(each.rid))) {
    ctx.emit(householdChanged, { householdId: String(rid), id });
  }
}

function incomingOf(
  ctx: Context,
  { rid, version, place }: ResourceWrite<Group>,
  group: Group,
): Incoming {
  const today = ctx.now.toISOString().slice(0, 10);
  const country = ctx.setting(PHONE_COUNTRY);
  return { rid, version, place, facts: inPlace(place, () => readHousehold(group, today, country)) };
}

/** Groups to be written, and what is known of them. */
interface Coming {
  readonly incoming: readonly Incoming[];
  readonly refer: Refer;
  readonly existing: ReadonlySet<bigint>;
  readonly gone: readonly bigint[];
  readonly writes: readonly ResourceWrite<Group>[];
}

async function write(ctx: Context, coming: Coming): Promise<void> {
  const { incoming, refer, existing, gone, writes } = coming;
  const wanted = incoming.flatMap((each) =>
    each.facts.members
      .filter((member) => member.active)
      .map((member) => ({
        householdId: each.rid,
        memberId: inPlace(each.place, () => refer('Patient', member.id, entityOf(member))),
        id: member.id,
        household: each.facts.id,
        place: each.place,
      })),
  );
  refuseTwoHouseholds(wanted);
  const fresh = freshMembers(ctx, wanted);
  const freshIds = new Set(fresh.map((each) => each.rid));
  const rows = incoming.map((each) => inPlace(each.place, () => resolved(each, refer, freshIds)));
  const claims = gatherClaims('household', incoming.map(claimant));
  const known = [...existing].filter((rid) => !gone.includes(rid));
  const changed = changedHouseholds(writes, existing);
  // Sent one behind the other, without waiting for what only has to be done before.
  const taken = await sendWrites(ctx, {
    wanted,
    existing,
    gone,
    known,
    changed,
    fresh,
    rows,
    claims,
  });
  await takeOthers(
    ctx,
    wanted.filter((each) => !taken.has(each.memberId) && !freshIds.has(each.memberId)),
  );
  await noteStays(ctx, statedHouseholds(coming));
}

/** What the Groups say of days, with internal ids. */
function statedHouseholds({ incoming, refer, existing, writes }: Coming) {
  const stating = incoming.filter(({ facts }) => facts.stays.length > 0);
  return stating.map(({ rid, place, facts }) => {
    const { previous } = writes.find((each) => each.rid === rid)!;
    const rids = <Member extends { id: string; position: number }>(member: Member) =>
      inPlace(place, () => refer('Patient', member.id, entityOf(member)));
    return {
      householdId: rid,
      place,
      isNew: !existing.has(rid),
      stays: facts.stays.map((stay) => ({ ...stay, memberId: rids(stay) })),
      before: new Set(
        previous?.member?.map(({ entity }) => localId(entity.reference, 'Patient') ?? ''),
      ),
    };
  });
}

interface Sent {
  readonly wanted: readonly WantedMember[];
  readonly existing: ReadonlySet<bigint>;
  readonly gone: readonly bigint[];
  readonly known: readonly bigint[];
  /** Those whose members, area or facts change. */
  readonly changed: readonly bigint[];
  readonly fresh: readonly MemberWrite[];
  readonly rows: readonly HouseholdWrite[];
  readonly claims: Claims;
}

/** Sends the statements of a write in their order, each without waiting for the one before. */
async function sendWrites(ctx: Context, sent: Sent): Promise<Set<bigint>> {
  const { wanted, existing, gone, known, changed, fresh, rows, claims } = sent;
  const memberClaims = gatherClaims('member', fresh.map(claimant));
  const taken = new Set<bigint>();
  const write = async (): Promise<void> => {
    for (const id of await writeHouseholds(ctx, rows, claims)) taken.add(id);
  };
  await inOrder([
    keepBefore(ctx, changed),
    releaseMembers(ctx, [...existing], wanted),
    clearParts(ctx, [...existing]),
    removeHouseholds(ctx, gone),
    releaseIdentifiers(ctx, 'household', gone),
    releaseOthers(ctx, 'household', known, claims),
    writeMembers(ctx, fresh, memberClaims),
    write(),
    endStays(ctx, changed, wanted),
  ]);
  for (const each of fresh) ctx.emit(memberChanged, memberEvent(each));
  return taken;
}

type Refer = (type: string, id: string, expression: string) => bigint;

/** Patients written in a unit of work, which need not be looked up again in it. */
const writtenPatients = new WeakMap<Context, Map<string, ResourceWrite<Patient>>>();

function rememberPatients(ctx: Context, writes: readonly ResourceWrite<Patient>[]): void {
  const known = writtenPatients.get(ctx) ?? new Map<string, ResourceWrite<Patient>>();
  writtenPatients.set(ctx, known);
  for (const write of writes) {
    if (write.resource) known.set(write.id, write);
    else known.delete(write.id);
  }
}

/** Patients created in this unit of work as no members, whom a household now makes its own. */
function freshMembers(ctx: Context, wanted: readonly WantedMember[]): MemberWrite[] {
  const written = writtenPatients.get(ctx);
  return wanted.flatMap(({ id, householdId }) => {
    const write = written?.get(id);
    if (write?.action !== 'create' || !write.resource || declaresMember(write.resource)) return [];
    written!.set(id, { ...write, action: 'update' });
    return [{ ...memberWrite(ctx, write, write.resource), householdId }];
  });
}

/** Looks up the internal ids of everything these households refer to, once per type. */
async function resolve(ctx: Context, incoming: readonly Incoming[]): Promise<Refer> {
  const facts = incoming.map((each) => each.facts);
  const wanted: Readonly<Record<string, readonly string[]>> = {
    Patient: facts.flatMap((each) => each.members.map((member) => member.id)),
    Location: facts
      .flatMap((each) => [each.areaId, each.preferredPayPointId])
      .filter((id) => id !== undefined),
    Organization: facts.flatMap((each) => each.accounts.map((account) => account.providerId)),
  };
  const found = new Map<string, ReadonlyMap<string, bigint>>();
  const written = [...(writtenPatients.get(ctx) ?? [])];
  found.set('Patient', new Map(written.map(([id, { rid }]) => [id, rid])));
  for (const [type, ids] of Object.entries(wanted)) {
    const known = found.get(type);
    const missing = new Set(ids.filter((id) => known?.has(id) !== true));
    if (missing.size === 0) continue;
    found.set(type, new Map([...(known ?? []), ...(await ctx.fhir.rids(type, [...missing]))]));
  }
  return (type, id, expression) => {
    const rid = found.get(type)?.get(id);
    if (rid !== undefined) return rid;
    throw problem(
      'unprocessable-reference',
      'reference-unknown',
      `${type}/${id} is not known here; send it first or in the same transaction.`,
      expression,
    );
  };
}

function resolved(each: Incoming, refer: Refer, fresh: ReadonlySet<bigint>): HouseholdWrite {
  const { facts } = each;
  return {
    ...each,
    areaId:
      facts.areaId === undefined
        ? null
        : refer('Location', facts.areaId, `Group.extension('household-area')`),
    preferredPayPointId:
      facts.preferredPayPointId === undefined
        ? null
        : refer('Location', facts.preferredPayPointId, `Group.extension('preferred-pay-point')`),
    members: facts.members.map((link) => {
      const memberId = refer('Patient', link.id, entityOf(link));
      return { memberId, link, fresh: link.active && fresh.has(memberId) };
    }),
    accounts: facts.accounts.map((account) => ({
      ...account,
      provider: refer('Organization', account.providerId, `Group.extension('payment-account')`),
    })),
  };
}

function entityOf(link: { readonly position: number }): string {
  return `Group.member[${link.position}].entity`;
}

interface WantedMember extends Membership {
  readonly id: string;
  readonly household: string;
  readonly place: string | undefined;
}

/**
 * Takes members who were not free at once: Patients that were no members yet become so, and those
 * who are in another household are refused.
 */
async function takeOthers(ctx: Context, wanted: readonly WantedMember[]): Promise<void> {
  if (wanted.length === 0) return;
  await refuseElsewhere(ctx, wanted);
  await adopt(
    ctx,
    wanted.map((each) => each.memberId),
  );
  const adopted = await claimMembers(ctx, wanted);
  const late = wanted.filter((each) => !adopted.has(each.memberId));
  if (late.length > 0) {
    await refuseElsewhere(ctx, late);
    throw vanished(late[0]!.id);
  }
  await copyFacts(ctx, wanted);
}

async function refuseElsewhere(ctx: Context, wanted: readonly WantedMember[]): Promise<void> {
  const found = await elsewhere(
    ctx,
    wanted.map((each) => each.memberId),
  );
  const place = wanted.find((each) => each.memberId === found?.member_id)?.place;
  if (found) throw placed(place, inAnother(found.fhir_id, found.household_fhir_id));
}

function placed(place: string | undefined, found: Problem): Problem {
  return place ? found.within(place) : found;
}

function refuseTwoHouseholds(wanted: readonly WantedMember[]): void {
  const seen = new Map<bigint, WantedMember>();
  for (const each of wanted) {
    const other = seen.get(each.memberId);
    if (other) throw placed(each.place, inAnother(each.id, other.household));
    seen.set(each.memberId, each);
  }
}

/** Makes plain Patients members, for a household has named them. */
async function adopt(ctx: Context, rids: readonly bigint[]): Promise<void> {
  const patients = await ctx.fhir.readByRid<Patient>('Patient', rids);
  const writes = [...patients].map(([rid, patient]) =>
    memberWrite(ctx, { rid, version: Number(patient.meta?.versionId ?? 1) }, patient),
  );
  await writeMembersWithClaims(ctx, writes, []);
}

function vanished(id: string): Problem {
  return problem(
    'unprocessable-reference',
    'reference-unknown',
    `Patient/${id} cannot be read; it may have been deleted.`,
    'Group.member',
  );
}
