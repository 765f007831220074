/**
 * Rows of what households and members were until a change, and of memberships whose days are stated.
 * They are written beside the plain tables, which hold the present, and only where something changes.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const KEEP_HOUSEHOLDS = statement(
  'households.keep-past',
  `insert into household_past (household_id, until_on, area_id, members, characteristics, recorded_at)
   select h.household_id, $2::date, h.area_id,
     coalesce((select jsonb_agg(jsonb_build_object('id', m.member_id, 'at', m.position, 'role', m.role))
       from household_member m where m.household_id = h.household_id and m.active), '[]'),
     coalesce((select jsonb_agg(to_jsonb(c) - 'household_id')
       from household_characteristic c where c.household_id = h.household_id), '[]'),
     $3
   from household h
   where h.household_id = any($1::bigint[])
     and (h.registered_at at time zone 'UTC')::date < $2::date
   on conflict do nothing`,
);

/**
 * Keeps what households are before a change of today: the first change of a day counts, and what was
 * registered today has no yesterday.
 */
export async function keepHouseholds(
  ctx: Context,
  households: readonly bigint[],
  today: string,
): Promise<void> {
  if (households.length > 0) await ctx.db.run(KEEP_HOUSEHOLDS, [households, today, ctx.now]);
}

const KEEP_MEMBERS = statement(
  'households.keep-members-past',
  `insert into member_past (member_id, until_on, disability, facts, recorded_at)
   select member_id, $2::date, disability, facts, $3 from member
   where member_id = any($1::bigint[])
   on conflict do nothing`,
);

/** Keeps what is known of members before a change of today. */
export async function keepMembers(
  ctx: Context,
  members: readonly bigint[],
  today: string,
): Promise<void> {
  if (members.length > 0) await ctx.db.run(KEEP_MEMBERS, [members, today, ctx.now]);
}

const NOTE_REPLACED = statement(
  'households.note-replaced',
  `update member m set replaced_by = w.replaced_by
   from unnest($1::bigint[], $2::bigint[]) as w(member_id, replaced_by)
   where m.member_id = w.member_id and m.replaced_by is distinct from w.replaced_by`,
);

/** Notes which records stand for others that were merged into them; null: by itself. */
export async function noteReplaced(
  ctx: Context,
  rows: readonly { readonly memberId: bigint; readonly replacedBy: bigint | null }[],
): Promise<void> {
  await ctx.db.run(NOTE_REPLACED, [
    rows.map((each) => each.memberId),
    rows.map((each) => each.replacedBy),
  ]);
}

// ── stated days ──────────────────────────────────────────────────────────────────────────────

/** A membership of which a Group says the days. */
export interface StayRow {
  readonly memberId: bigint;
  readonly householdId: bigint;
  readonly startsOn: string | null;
  /** The day after the last. */
  readonly endsOn: string | null;
  /** The household named the member before, without a day. */
  readonly notBefore: boolean;
  readonly role: string | null;
  readonly position: number;
}

const CLOSE = statement(
  'households.close-stays',
  `update member_stay s set
     ends_on = case when a.member_id is null and s.ends_on is null
       then greatest($4::date, s.starts_on) else s.ends_on end,
     rejoined_on = case when a.member_id is not null and s.ends_on <= $4::date
       then coalesce(s.rejoined_on, $4::date) else s.rejoined_on end
   from member_stay o
   left join unnest($2::bigint[], $3::bigint[]) as a(household_id, member_id)
     on a.household_id = o.household_id and a.member_id = o.member_id
   where o.household_id = any($1::bigint[]) and o.replaced_at is null
     and s.member_id = o.member_id and s.stay_no = o.stay_no
     and (a.member_id is null and s.ends_on is null
       or a.member_id is not null and s.ends_on <= $4::date and s.rejoined_on is null)`,
);

/**
 * Ends stays of members whom these households no longer name, on the day of writing; and notes who
 * is back after an end that was stated.
 *
 * @param active  who is a member now
 */
export async function closeStays(
  ctx: Context,
  households: readonly bigint[],
  active: readonly { readonly householdId: bigint; readonly memberId: bigint }[],
  today: string,
): Promise<void> {
  if (households.length === 0) return;
  await ctx.db.run(CLOSE, [
    households,
    active.map((each) => each.householdId),
    active.map((each) => each.memberId),
    today,
  ]);
}

const STATED = `unnest($1::bigint[], $2::bigint[], $3::date[], $4::date[])
  as w(member_id, household_id, starts_on, ends_on)`;

const SAME = `(s.household_id, s.starts_on, s.ends_on) is not distinct from
  (w.household_id, w.starts_on, w.ends_on)`;

const REPLACE = statement(
  'households.replace-stays',
  `update member_stay s set replaced_at = $5
   from ${STATED}
   where s.member_id = w.member_id and s.household_id = w.household_id and s.replaced_at is null
     and (s.starts_on is not distinct from w.starts_on
       or daterange(s.starts_on, s.ends_on) && daterange(w.starts_on, w.ends_on))
     and not exists (select from unnest($1::bigint[], $2::bigint[], $3::date[], $4::date[])
       as w(member_id, household_id, starts_on, ends_on)
       where w.member_id = s.member_id and ${SAME})`,
);

// An end that nobody stated yields to a start that is: whoever moves is in one household on any day.
const CLIP = statement(
  'households.clip-stays',
  `with clipped as (
     update member_stay s set replaced_at = $5
     from ${STATED}
     where s.member_id = w.member_id and s.household_id <> w.household_id and s.replaced_at is null
       and s.starts_on < w.starts_on and s.ends_on > w.starts_on and not s.ends_stated
     returning s.*, w.starts_on as clipped_on)
   insert into member_stay (member_id, household_id, starts_on, ends_on, ends_stated, not_before,
     role, position, recorded_at)
   select member_id, household_id, starts_on, clipped_on, false, not_before, role, position, $5
   from clipped`,
);

const OVERLAP = statement(
  'households.overlapping-stay',
  `select w.member_id, m.fhir_id as member, h.fhir_id as household
   from ${STATED}
   join member_stay s on s.member_id = w.member_id and s.household_id <> w.household_id
     and s.replaced_at is null and s.starts_on is not null and w.starts_on is not null
     and daterange(s.starts_on, s.ends_on) && daterange(w.starts_on, w.ends_on)
   join member m on m.member_id = w.member_id
   left join household h on h.household_id = s.household_id
   order by 1 limit 1`,
);

const INSERT = statement(
  'households.insert-stays',
  `insert into member_stay (member_id, household_id, starts_on, ends_on, ends_stated, not_before,
     role, position, recorded_at)
   select w.member_id, w.household_id, w.starts_on, w.ends_on, w.ends_on is not null, w.not_before,
     w.role, w.position, $5
   from unnest($1::bigint[], $2::bigint[], $3::date[], $4::date[], $6::boolean[], $7::text[],
     $8::smallint[])
     as w(member_id, household_id, starts_on, ends_on, not_before, role, position)
   where not exists (select from member_stay s where s.member_id = w.member_id
     and s.replaced_at is null and ${SAME})`,
);

/** A stay that shares days with one that is stated elsewhere. */
export interface Overlap {
  readonly member_id: bigint;
  readonly member: string;
  readonly household: string | null;
}

/**
 * Writes stays as Groups state them now; those that stand as stated stay untouched.
 *
 * @returns a stay that shares days with one in another household: nothing is written then
 */
export async function writeStays(
  ctx: Context,
  stays: readonly StayRow[],
): Promise<Overlap | undefined> {
  const stated = [
    stays.map((each) => each.memberId),
    stays.map((each) => each.householdId),
    stays.map((each) => each.startsOn),
    stays.map((each) => each.endsOn),
  ];
  await ctx.db.run(REPLACE, [...stated, ctx.now]);
  await ctx.db.run(CLIP, [...stated, ctx.now]);
  const overlap = await ctx.db.maybe<Overlap>(OVERLAP, stated);
  if (overlap) return overlap;
  await ctx.db.run(INSERT, [
    ...stated,
    ctx.now,
    stays.map((each) => each.notBefore),
    stays.map((each) => each.role),
    stays.map((each) => each.position),
  ]);
  return undefined;
}

// ── computed again ───────────────────────────────────────────────────────────────────────────

const STAYS_AT = statement(
  'households.stays-at',
  `with stood as materialized (
     select s as stay from member_stay s
     where (s.household_id = any($1::bigint[]) or s.member_id = any($3::bigint[]))
       and s.recorded_at <= $5::timestamptz
       and (s.replaced_at is null or s.replaced_at > $5::timestamptz))
   select w.household_id, w.member_id, false as stays, null::text as role, 0::smallint as position
   from unnest($2::bigint[], $3::bigint[]) as w(household_id, member_id)
   where exists (select from stood where (stay).member_id = w.member_id
     and households_stay_speaks(stay, w.household_id, $4::date))
   union all
   select (stay).household_id, (stay).member_id, true, (stay).role, (stay).position from stood
   where (stay).household_id = any($1::bigint[]) and (stay).starts_on <= $4::date
     and ((stay).ends_on is null or $4::date < (stay).ends_on)`,
);

/** What stated days say of a member and a household on a day. */
export interface StayFound {
  readonly household_id: bigint;
  readonly member_id: bigint;
  /** True: a member of it on that day; false: whatever was written does not count. */
  readonly stays: boolean;
  readonly role: string | null;
  readonly position: number;
}

/**
 * What had been stated by an instant of memberships on a day.
 *
 * @param named  memberships by what was written
 */
export function staysAt(
  ctx: Context,
  households: readonly bigint[],
  named: readonly { readonly householdId: bigint; readonly memberId: bigint }[],
  day: string,
  until: Date,
): Promise<StayFound[]> {
  return ctx.db.query<StayFound>(STAYS_AT, [
    households,
    named.map((each) => each.householdId),
    named.map((each) => each.memberId),
    day,
    until,
  ]);
}

const MEMBERS_ON = statement(
  'households.members-on',
  `select member_id, household_id from households_member_on($2::date)
   where member_id = any($1::bigint[])`,
);

/** The household of each of these members on a day, as it is known now. */
export async function householdsOf(
  ctx: Context,
  members: readonly bigint[],
  day: string,
): Promise<ReadonlyMap<bigint, bigint>> {
  if (members.length === 0) return new Map();
  const rows = await ctx.db.query<{ member_id: bigint; household_id: bigint }>(MEMBERS_ON, [
    members,
    day,
  ]);
  return new Map(rows.map((row) => [row.member_id, row.household_id]));
}
