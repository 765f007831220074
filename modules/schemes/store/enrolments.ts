/**
 * Rows of enrolments, kept in step with Coverages.
 *
 * A household has one live enrolment in a scheme: the partial unique index decides, and an INSERT
 * that meets it writes nothing, so that the holder can be named.
 */

import { type Context, problem, statement } from '../../../src/sdk/index.ts';
import type { EnrolmentState } from '../lifecycle.ts';

export interface EnrolmentWrite {
  readonly rid: bigint;
  readonly id: string;
  readonly version: number;
  /** Where the Coverage stands in a Bundle. */
  readonly place: string | undefined;
  readonly householdId: bigint;
  readonly schemeId: bigint;
  readonly recipientId: bigint | null;
  readonly state: EnrolmentState;
  readonly reason: string | null;
  readonly startsOn: string;
  readonly endsOn: string | null;
  /** Place in the ranking, and the score. */
  readonly position: number | null;
  readonly score: string | null;
  readonly recertifiedOn: string | null;
}

/** An enrolment before it changes. */
export interface EnrolmentRow {
  readonly enrolment_id: bigint;
  readonly household_id: bigint;
  readonly scheme_id: bigint;
  readonly state: EnrolmentState;
}

const BEFORE = statement(
  'schemes.enrolments-before',
  `select enrolment_id, household_id, scheme_id, state from enrolment
   where enrolment_id = any($1::bigint[])`,
);

/** Enrolments as they stand, by internal id. */
export async function enrolmentsBefore(
  ctx: Context,
  rids: readonly bigint[],
): Promise<Map<bigint, EnrolmentRow>> {
  if (rids.length === 0) return new Map();
  const rows = await ctx.db.query<EnrolmentRow>(BEFORE, [rids]);
  return new Map(rows.map((row) => [row.enrolment_id, row]));
}

const ROWS = `unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],
     $6::text[], $7::text[], $8::date[], $9::date[], $10::int[], $12::int[], $13::numeric[],
     $14::date[])
     as w(household_id, enrolment_id, fhir_id, scheme_id, recipient_id, state, reason, starts_on,
       ends_on, version, rank_position, score, recertified_on)`;

/**
 * Notes the states that `changed` has come to. A state takes effect from the start of a new
 * enrolment, from the end of an ended one, else from today in the scheme's calendar; and never
 * before the state that it follows, so that order in time is order of effect.
 */
const NOTE = `insert into enrolment_change (household_id, enrolment_id, scheme_id, state_before, state,
       reason, effective_on, changed_at)
     select c.household_id, c.enrolment_id, c.scheme_id, c.state_before, c.state, c.reason,
       greatest(c.starts_on, (select max(p.effective_on) from enrolment_change p
           where p.household_id = c.household_id and p.enrolment_id = c.enrolment_id),
         case when c.state_before is null and c.state in ('applied', 'eligible', 'waiting',
                'enrolled') then c.starts_on
              when c.state in ('graduated', 'exited') and c.ends_on is not null then c.ends_on
              else ($11::timestamptz at time zone s.time_zone)::date end),
       $11
     from changed c join scheme s using (scheme_id)`;

const INSERT = statement(
  'schemes.insert-enrolments',
  `with changed as (
     insert into enrolment (household_id, enrolment_id, fhir_id, scheme_id, recipient_id, state,
       reason, starts_on, ends_on, version, rank_position, score, recertified_on, changed_at)
     select w.*, $11 from ${ROWS}
     order by w.household_id
     on conflict (household_id, scheme_id)
       where state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended')
       do nothing
     returning household_id, enrolment_id, scheme_id, null::text as state_before, state, reason,
       starts_on, ends_on),
   noted as (${NOTE})
   select enrolment_id from changed`,
);

const UPDATE = statement(
  'schemes.update-enrolments',
  `with before as (
     select household_id, enrolment_id, state from enrolment
     where (household_id, enrolment_id) in (select * from unnest($1::bigint[], $2::bigint[]))
     for update),
   written as (
     update enrolment e
     set recipient_id = w.recipient_id, reason = w.reason, starts_on = w.starts_on,
         ends_on = w.ends_on, version = w.version, state = w.state,
         rank_position = w.rank_position, score = w.score,
         recertified_on = w.recertified_on,
         changed_at = case when e.state = w.state then e.changed_at else $11 end
     from ${ROWS}, before b
     where e.household_id = w.household_id and e.enrolment_id = w.enrolment_id
       and b.household_id = w.household_id and b.enrolment_id = w.enrolment_id
     returning e.household_id, e.enrolment_id, e.scheme_id, b.state as state_before, e.state,
       e.reason, e.starts_on, e.ends_on),
   changed as (select * from written where state is distinct from state_before),
   noted as (${NOTE})
   select count(*) as n from written`,
);

const HOLDER = statement(
  'schemes.live-enrolment',
  `select e.fhir_id, h.fhir_id as household_fhir_id
   from enrolment e join households_household h on h.household_id = e.household_id
   where e.household_id = $1 and e.scheme_id = $2
     and e.state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended')`,
);

function columnsOf(ctx: Context, writes: readonly EnrolmentWrite[]): unknown[] {
  return [
    writes.map((write) => write.householdId),
    writes.map((write) => write.rid),
    writes.map((write) => write.id),
    writes.map((write) => write.schemeId),
    writes.map((write) => write.recipientId),
    writes.map((write) => write.state),
    writes.map((write) => write.reason),
    writes.map((write) => write.startsOn),
    writes.map((write) => write.endsOn),
    writes.map((write) => write.version),
    ctx.now,
    writes.map((write) => write.position),
    writes.map((write) => write.score),
    writes.map((write) => write.recertifiedOn),
  ];
}

/**
 * Inserts new enrolments.
 *
 * @throws Problem `already-enrolled` (409), naming the live enrolment
 */
export async function insertEnrolments(
  ctx: Context,
  writes: readonly EnrolmentWrite[],
): Promise<void> {
  if (writes.length === 0) return;
  const rows = await ctx.db.query<{ enrolment_id: bigint }>(INSERT, columnsOf(ctx, writes));
  if (rows.length === writes.length) return;
  const inserted = new Set(rows.map((row) => row.enrolment_id));
  const refused = writes.find((write) => !inserted.has(write.rid)) as EnrolmentWrite;
  const holder = await ctx.db.maybe<{ fhir_id: string; household_fhir_id: string }>(HOLDER, [
    refused.householdId,
    refused.schemeId,
  ]);
  const found = problem(
    'duplicate',
    'already-enrolled',
    `Group/${holder?.household_fhir_id} has a live enrolment in this scheme, ` +
      `Coverage/${holder?.fhir_id}; change that one, or end it first.`,
    'Coverage',
  );
  throw refused.place ? found.within(refused.place) : found;
}

/** Updates enrolments, whose household and scheme never change. */
export async function updateEnrolments(
  ctx: Context,
  writes: readonly EnrolmentWrite[],
): Promise<void> {
  if (writes.length > 0) await ctx.db.query(UPDATE, columnsOf(ctx, writes));
}

const STRANGERS = statement(
  'schemes.enrolment-strangers',
  `select w.n::int as n, s.scheme_id is null as scheme
   from unnest($1::bigint[], $2::bigint[]) with ordinality as w(household_id, scheme_id, n)
   left join households_household h on h.household_id = w.household_id
   left join scheme s on s.scheme_id = w.scheme_id
   where h.household_id is null or s.scheme_id is null
   limit 1`,
);

/**
 * Checks that each enrolment is of a household in a scheme, not of any Group in any plan.
 *
 * @throws Problem `enrolment-stranger`
 */
export async function refuseStrangers(
  ctx: Context,
  writes: readonly EnrolmentWrite[],
): Promise<void> {
  const stranger = await ctx.db.maybe<{ n: number; scheme: boolean }>(STRANGERS, [
    writes.map((write) => write.householdId),
    writes.map((write) => write.schemeId),
  ]);
  if (!stranger) return;
  const found = problem(
    'business-rule',
    'enrolment-stranger',
    stranger.scheme
      ? 'The InsurancePlan is no scheme: it has no scheme-rules.'
      : 'The Group is no household; see what makes a Group one.',
    stranger.scheme
      ? `Coverage.extension('enrolment-scheme')`
      : `Coverage.extension('enrolment-household')`,
  );
  const { place } = writes[stranger.n - 1] as EnrolmentWrite;
  throw place ? found.within(place) : found;
}

const REMOVE = statement(
  'schemes.remove-enrolments',
  'delete from enrolment where enrolment_id = any($1::bigint[])',
);

/** Forgets enrolments whose Coverage has been deleted. */
export async function removeEnrolments(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length > 0) await ctx.db.run(REMOVE, [rids]);
}
