/**
 * Rows of households: the household, its members, its facts and its accounts, written by one
 * statement for any number of households.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { AccountFacts, HouseholdFacts, MemberLink } from '../household.ts';
import { type Claims, claimColumns, claimText, judgeClaims } from './identifiers.ts';

/** A household about to be written, its references resolved. */
export interface HouseholdWrite {
  readonly rid: bigint;
  readonly version: number;
  readonly facts: HouseholdFacts;
  readonly areaId: bigint | null;
  readonly preferredPayPointId: bigint | null;
  readonly members: readonly ResolvedMember[];
  readonly accounts: readonly (AccountFacts & { readonly provider: bigint })[];
}

/** A membership with the member's internal id. */
export interface ResolvedMember {
  readonly memberId: bigint;
  readonly link: MemberLink;
  /** Written as a member of this household just before; the others are taken if they are free. */
  readonly fresh: boolean;
}

const EXISTING = statement(
  'households.existing',
  'select household_id from household where household_id = any($1::bigint[])',
);

/** Which of these Groups are households already. */
export async function existingHouseholds(
  ctx: Context,
  rids: readonly bigint[],
): Promise<Set<bigint>> {
  if (rids.length === 0) return new Set();
  const rows = await ctx.db.query<{ household_id: bigint }>(EXISTING, [rids]);
  return new Set(rows.map((row) => row.household_id));
}

const CLEAR = statement(
  'households.clear-parts',
  `with members as (delete from household_member where household_id = any($1::bigint[])),
        facts as (delete from household_characteristic where household_id = any($1::bigint[]))
   delete from household_account where household_id = any($1::bigint[])`,
);

const REMOVE = statement(
  'households.remove',
  'delete from household where household_id = any($1::bigint[])',
);

/** Removes members, facts and accounts of households, before they are written anew. */
export async function clearParts(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length > 0) await ctx.db.run(CLEAR, [rids]);
}

/** Removes households with all their parts. */
export async function removeHouseholds(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length === 0) return;
  await clearParts(ctx, rids);
  await ctx.db.run(REMOVE, [rids]);
}

const WRITE = statement(
  'households.write',
  `with written as (
     insert into household (household_id, fhir_id, area_id, preferred_pay_point_id, head_id,
       collector_id, collector_basis, members_count, active, version, dated_facts, registered_at,
       updated_at)
     select w.*, $11, $11
     from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
       $6::bigint[], $7::text[], $8::smallint[], $9::boolean[], $10::int[], $34::jsonb[])
       as w(household_id, fhir_id, area_id, preferred_pay_point_id, head_id, collector_id,
         collector_basis, members_count, active, version, dated_facts)
     order by 1
     on conflict (household_id) do update set
       area_id = excluded.area_id, preferred_pay_point_id = excluded.preferred_pay_point_id,
       head_id = excluded.head_id, collector_id = excluded.collector_id,
       collector_basis = excluded.collector_basis, members_count = excluded.members_count,
       active = excluded.active, version = excluded.version,
       dated_facts = excluded.dated_facts, updated_at = excluded.updated_at
   ), link as materialized (
     select * from unnest($12::bigint[], $13::bigint[], $14::smallint[], $15::text[], $16::text[],
       $17::boolean[], $18::boolean[])
       as l(household_id, member_id, position, role, collector, active, fresh)
   ), taken as (
     update member m set household_id = l.household_id
     from link l
     where l.active and not l.fresh and m.member_id = l.member_id
       and (m.household_id is null or m.household_id = l.household_id)
     returning m.member_id, m.sex, m.birth_date, m.birth_date_last, m.disability, m.deceased,
       m.deceased_on, m.facts
   ), members as (
     insert into household_member (household_id, member_id, position, role, collector, active,
       sex, birth_date, birth_date_last, disability, deceased, deceased_on, facts)
     select l.household_id, l.member_id, l.position, l.role, l.collector, l.active,
            t.sex, t.birth_date, t.birth_date_last, t.disability,
            coalesce(t.deceased, false), t.deceased_on, t.facts
     from link l left join taken t on l.active and t.member_id = l.member_id
     where not l.fresh
     union all
     select l.household_id, l.member_id, l.position, l.role, l.collector, l.active,
            m.sex, m.birth_date, m.birth_date_last, m.disability, m.deceased, m.deceased_on,
            m.facts
     from link l join member m on m.member_id = l.member_id
     where l.fresh
   ), facts as (
     insert into household_characteristic (household_id, code, number_value, code_value,
       boolean_value)
     select * from unnest($19::bigint[], $20::text[], $21::numeric[], $22::text[], $23::boolean[])
   ), accounts as (
     insert into household_account (household_id, kind, provider_id, account_number, holder_name,
       preferred)
     select * from unnest($24::bigint[], $25::text[], $26::bigint[], $27::text[], $28::text[],
       $29::boolean[])
   ), claimed as (${claimText('household', 30)})
   select member_id, null::bigint as hash, null::bigint as holder from taken
   union all select null, hash, holder from claimed`,
);

/** Either a member who was taken into a household, or an identifier and its holder. */
interface WriteRow {
  readonly member_id: bigint | null;
  readonly hash: bigint | null;
  readonly holder: bigint | null;
}

/**
 * Writes households and their parts, takes their members, and claims their identifiers; parts from
 * before must have been cleared, and members let go of.
 *
 * @returns the active members who were taken; others are in another household, or no members yet
 * @throws Problem `identifier-taken`
 */
export async function writeHouseholds(
  ctx: Context,
  writes: readonly HouseholdWrite[],
  claims: Claims,
): Promise<Set<bigint>> {
  if (writes.length === 0) return new Set();
  const rows = await ctx.db.query<WriteRow>(WRITE, [
    ...householdColumns(writes),
    ctx.now,
    ...memberColumns(writes),
    ...characteristicColumns(writes),
    ...accountColumns(writes),
    ...claimColumns(claims),
    writes.map(({ facts }) => datedText(facts.datedFacts)),
  ]);
  const held = rows.flatMap(({ hash, holder }) => (hash && holder ? [{ hash, holder }] : []));
  await judgeClaims(ctx, 'household', claims, held);
  return new Set(rows.map((row) => row.member_id).filter((id) => id !== null));
}

/** Stated values as `households_characteristic_on` reads them. */
function datedText(facts: HouseholdFacts['datedFacts']): string | null {
  if (facts.length === 0) return null;
  return JSON.stringify(
    facts.map(({ code, number, value, boolean, startsOn, endsOn }) => ({
      ...{ code, number_value: number, code_value: value, boolean_value: boolean },
      ...{ starts_on: startsOn, ends_on: endsOn },
    })),
  );
}

function householdColumns(writes: readonly HouseholdWrite[]): unknown[][] {
  const rows = writes.map((write) => {
    const head = write.members.find((each) => each.link.active && each.link.role === 'head');
    const declared = write.members.find(
      (each) => each.link.active && each.link.collector === 'primary',
    );
    const collector = declared ?? head;
    return {
      write,
      headId: head?.memberId ?? null,
      collectorId: collector?.memberId ?? null,
      basis: declared ? 'declared' : head ? 'head' : null,
    };
  });
  return [
    rows.map(({ write }) => write.rid),
    rows.map(({ write }) => write.facts.id),
    rows.map(({ write }) => write.areaId),
    rows.map(({ write }) => write.preferredPayPointId),
    rows.map(({ headId }) => headId),
    rows.map(({ collectorId }) => collectorId),
    rows.map(({ basis }) => basis),
    rows.map(({ write }) => write.members.filter((each) => each.link.active).length),
    rows.map(({ write }) => write.facts.active),
    rows.map(({ write }) => write.version),
  ];
}

function memberColumns(writes: readonly HouseholdWrite[]): unknown[][] {
  const rows = writes
    .flatMap(({ rid, members }) => members.map((member) => ({ rid, ...member })))
    // One order for all writers, so that two who take the same members do not wait in a ring.
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  return [
    rows.map(({ rid }) => rid),
    rows.map(({ memberId }) => memberId),
    rows.map(({ link }) => link.position),
    rows.map(({ link }) => link.role),
    rows.map(({ link }) => (link.active ? link.collector : null)),
    rows.map(({ link }) => link.active),
    rows.map(({ fresh }) => fresh),
  ];
}

function characteristicColumns(writes: readonly HouseholdWrite[]): unknown[][] {
  const rows = writes.flatMap(({ rid, facts }) =>
    facts.characteristics.map((each) => ({ rid, ...each })),
  );
  return [
    rows.map(({ rid }) => rid),
    rows.map(({ code }) => code),
    rows.map(({ number }) => number),
    rows.map(({ value }) => value),
    rows.map(({ boolean }) => boolean),
  ];
}

function accountColumns(writes: readonly HouseholdWrite[]): unknown[][] {
  const rows = writes.flatMap(({ rid, accounts }) => accounts.map((each) => ({ rid, ...each })));
  return [
    rows.map(({ rid }) => rid),
    rows.map(({ kind }) => kind),
    rows.map(({ provider }) => provider),
    rows.map(({ number }) => number),
    rows.map(({ holderName }) => holderName),
    rows.map(({ preferred }) => preferred),
  ];
}
