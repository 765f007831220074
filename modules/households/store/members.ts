/**
 * Rows of members, and the one household each of them is in.
 *
 * `member.household_id` is taken by compare-and-set under the row's lock: that is the constraint
 * "a member in one household at a time". The copy of a member's facts in `household_member` is
 * written by whoever changes either side while holding that lock, so it cannot go stale.
 */

import { type Context, type Problem, problem, statement } from '../../../src/sdk/index.ts';
import type { MemberFacts } from '../member.ts';
import { type Claims, claimColumns, claimText, judgeClaims } from './identifiers.ts';

/** A Patient about to be written as a member. */
export interface MemberWrite {
  readonly rid: bigint;
  readonly version: number;
  /** Where the Patient stands in a Bundle. */
  readonly place: string | undefined;
  readonly facts: MemberFacts;
  /** The household of somebody who was not a member before. */
  readonly householdId?: bigint;
}

/** Parameters of the facts of members, see `factColumns`. */
const COLUMNS = `$1::bigint[], $2::text[], $3::text[], $4::date[], $5::date[], $6::text[],
     $7::boolean[], $8::boolean[], $9::date[], $10::boolean[], $11::text[], $12::int[],
     $13::jsonb[]`;

const UPSERT = statement(
  'households.upsert-members',
  `with claimed as (${claimText('member', 16)}), written as (
   insert into member (member_id, fhir_id, sex, birth_date, birth_date_last,
     birth_date_precision, disability, deceased, deceased_on, active, phone, version, facts,
     household_id, updated_at)
   select w.*, $15
   from unnest(${COLUMNS}, $14::bigint[])
     as w(member_id, fhir_id, sex, birth_date, birth_date_last, birth_date_precision, disability,
       deceased, deceased_on, active, phone, version, facts, household_id)
   order by 1
   on conflict (member_id) do update set
     sex = excluded.sex, birth_date = excluded.birth_date,
     birth_date_last = excluded.birth_date_last,
     birth_date_precision = excluded.birth_date_precision, disability = excluded.disability,
     deceased = excluded.deceased, deceased_on = excluded.deceased_on, active = excluded.active,
     facts = excluded.facts, phone = excluded.phone, version = excluded.version,
     updated_at = excluded.updated_at
   returning member_id, household_id)
   select member_id, household_id, null::bigint as hash, null::bigint as holder from written
   union all select null, null, hash, holder from claimed`,
);

const COPY_FACTS = statement(
  'households.copy-member-facts',
  `update household_member h
   set sex = m.sex, birth_date = m.birth_date, birth_date_last = m.birth_date_last,
       disability = m.disability, deceased = m.deceased, deceased_on = m.deceased_on,
       facts = m.facts
   from member m
   where m.member_id = any($1::bigint[]) and h.household_id = any($2::bigint[])
     and h.household_id = m.household_id and h.member_id = m.member_id
     and (h.sex, h.birth_date, h.birth_date_last, h.disability, h.deceased, h.deceased_on, h.facts)
       is distinct from (m.sex, m.birth_date, m.birth_date_last, m.disability, m.deceased,
         m.deceased_on, m.facts)`,
);

/** Either a member who was written, or an identifier and its holder. */
interface UpsertRow {
  readonly member_id: bigint | null;
  readonly household_id: bigint | null;
  readonly hash: bigint | null;
  readonly holder: bigint | null;
}

/**
 * Inserts or updates members with their identifiers, and carries their facts into their
 * households.
 *
 * @throws Problem `identifier-taken`
 */
export async function writeMembers(
  ctx: Context,
  writes: readonly MemberWrite[],
  claims: Claims,
): Promise<void> {
  if (writes.length === 0) return;
  const rows = await ctx.db.query<UpsertRow>(UPSERT, [
    ...factColumns(writes),
    writes.map((write) => write.householdId ?? null),
    ctx.now,
    ...claimColumns(claims),
  ]);
  const held = rows.flatMap(({ hash, holder }) => (hash && holder ? [{ hash, holder }] : []));
  await judgeClaims(ctx, 'member', claims, held);
  // Who is new in a household has no facts there to be brought up to date.
  const fresh = new Set(writes.flatMap((write) => (write.householdId ? [write.rid] : [])));
  const inside = rows.flatMap(({ member_id: memberId, household_id: householdId }) =>
    memberId !== null && householdId !== null && !fresh.has(memberId)
      ? [{ memberId, householdId }]
      : [],
  );
  await copyFacts(ctx, inside);
}

function factColumns(writes: readonly MemberWrite[]): unknown[][] {
  return [
    writes.map((write) => write.rid),
    writes.map((write) => write.facts.id),
    writes.map((write) => write.facts.sex),
    writes.map((write) => write.facts.birthDate),
    writes.map((write) => write.facts.birthDateLast),
    writes.map((write) => write.facts.birthDatePrecision),
    writes.map((write) => write.facts.disability),
    writes.map((write) => write.facts.deceased),
    writes.map((write) => write.facts.deceasedOn),
    writes.map((write) => write.facts.active),
    writes.map((write) => write.facts.phone),
    writes.map((write) => write.version),
    writes.map((write) => write.facts.facts && JSON.stringify(write.facts.facts)),
  ];
}

const REFRESH = statement(
  'households.refresh-members',
  `update member m set
     sex = w.sex, birth_date = w.birth_date, birth_date_last = w.birth_date_last,
     birth_date_precision = w.birth_date_precision, disability = w.disability,
     deceased = w.deceased, deceased_on = w.deceased_on, active = w.active, facts = w.facts,
     phone = w.phone, version = w.version, updated_at = $14
   from unnest(${COLUMNS})
     as w(member_id, fhir_id, sex, birth_date, birth_date_last, birth_date_precision, disability,
       deceased, deceased_on, active, phone, version, facts)
   where m.member_id = w.member_id
   returning m.member_id, m.household_id`,
);

/**
 * Updates those of these Patients who are members, whose identifiers stay as they are; what rules
 * ask is not carried into households (see `copyFacts`).
 *
 * @returns household (null: none) by member, of those who are members
 */
export async function refreshMembers(
  ctx: Context,
  writes: readonly MemberWrite[],
): Promise<Map<bigint, bigint | null>> {
  if (writes.length === 0) return new Map();
  const rows = await ctx.db.query<{ member_id: bigint; household_id: bigint | null }>(REFRESH, [
    ...factColumns(writes),
    ctx.now,
  ]);
  return new Map(rows.map((row) => [row.member_id, row.household_id]));
}

/** Copies facts of members into the households they are in. */
export async function copyFacts(ctx: Context, memberships: readonly Membership[]): Promise<void> {
  if (memberships.length === 0) return;
  await ctx.db.run(COPY_FACTS, [
    memberships.map((each) => each.memberId),
    memberships.map((each) => each.householdId),
  ]);
}

const KNOWN = statement(
  'households.known-members',
  'select member_id from member where member_id = any($1::bigint[])',
);

/** Members among these Patients, by internal id. */
export async function knownMembers(ctx: Context, rids: readonly bigint[]): Promise<Set<bigint>> {
  if (rids.length === 0) return new Set();
  const rows = await ctx.db.query<{ member_id: bigint }>(KNOWN, [rids]);
  return new Set(rows.map((row) => row.member_id));
}

const CLAIM = statement(
  'households.claim-members',
  `update member m set household_id = p.household_id
   from unnest($1::bigint[], $2::bigint[]) as p(member_id, household_id)
   where m.member_id = p.member_id
     and (m.household_id is null or m.household_id = p.household_id)
   returning m.member_id`,
);

/** A member who is to be in a household. */
export interface Membership {
  readonly memberId: bigint;
  readonly householdId: bigint;
}

/** Takes members into households; answers those taken. Absent ones are in another or unknown. */
export async function claimMembers(
  ctx: Context,
  wanted: readonly Membership[],
): Promise<Set<bigint>> {
  const sorted = wanted.toSorted((a, b) => Number(a.memberId - b.memberId));
  const rows = await ctx.db.query<{ member_id: bigint }>(CLAIM, [
    sorted.map((each) => each.memberId),
    sorted.map((each) => each.householdId),
  ]);
  return new Set(rows.map((row) => row.member_id));
}

const RELEASE = statement(
  'households.release-members',
  `update member m set household_id = null
   from household_member h
   where h.household_id = any($1::bigint[]) and h.active
     and m.member_id = h.member_id and m.household_id = h.household_id
     and not exists (
       select from unnest($2::bigint[], $3::bigint[]) as stays(member_id, household_id)
       where stays.member_id = h.member_id and stays.household_id = h.household_id)`,
);

/** Lets go of members that these households no longer name. */
export async function releaseMembers(
  ctx: Context,
  households: readonly bigint[],
  stays: readonly Membership[],
): Promise<void> {
  if (households.length === 0) return;
  await ctx.db.run(RELEASE, [
    households,
    stays.map((each) => each.memberId),
    stays.map((each) => each.householdId),
  ]);
}

const ELSEWHERE = statement(
  'households.members-elsewhere',
  `select m.member_id, m.fhir_id, h.fhir_id as household_fhir_id
   from member m join household h on h.household_id = m.household_id
   where m.member_id = any($1::bigint[]) order by 1 limit 1`,
);

/** A member who is in a household already. */
export interface Placed {
  readonly member_id: bigint;
  readonly fhir_id: string;
  readonly household_fhir_id: string;
}

/** The first of these members who is in a household. */
export async function elsewhere(
  ctx: Context,
  rids: readonly bigint[],
): Promise<Placed | undefined> {
  return ctx.db.maybe<Placed>(ELSEWHERE, [rids]);
}

/** Says that a member is in another household, and how to move one. */
export function inAnother(member: string, household: string): Problem {
  return problem(
    'duplicate',
    'member-in-another-household',
    `Patient/${member} is a member of Group/${household}. End that membership first ` +
      '(inactive = true), or send both households in one transaction.',
    'Group.member',
  );
}

const REMOVE = statement(
  'households.remove-members',
  'delete from member where member_id = any($1::bigint[]) and household_id is null',
);

/**
 * Forgets members whose Patient has been deleted.
 *
 * @throws Problem `member-in-household` when one of them is still in a household
 */
export async function removeMembers(ctx: Context, rids: readonly bigint[]): Promise<void> {
  const known = await knownMembers(ctx, rids);
  if (known.size === 0) return;
  const removed = await ctx.db.run(REMOVE, [[...known]]);
  if (removed < known.size) {
    throw problem(
      'conflict',
      'member-in-household',
      'A Patient that is a member of a household cannot be deleted; end the membership first.',
    );
  }
}
