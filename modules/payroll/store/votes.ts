/**
 * Votes: who may vote at a step, what was voted, and who is still waited for.
 *
 * The keys of `payroll_vote` are the rules: one vote a person and seat, makers written beside them.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { FlowStep } from '../flow-step.ts';
import type { PayrollRow } from './decide.ts';

/** What somebody does about a whole payroll. */
export type VoteAct = 'accept' | 'reject' | 'return';

const CAST = statement(
  'payroll.cast-vote',
  `insert into payroll_vote (payroll_id, round, step, act, actor_id, seat_id, reason, lines_count,
     lines_minor, at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
   on conflict do nothing returning key`,
);

/** Writes a vote; false when the person or the seat has voted, or made the payroll. */
export async function castVote(
  ctx: Context,
  payroll: PayrollRow,
  vote: { act: VoteAct; seat: string; reason: string | null },
): Promise<boolean> {
  const row = await ctx.db.maybe(CAST, [
    payroll.payroll_id,
    payroll.round,
    payroll.step ?? 0,
    vote.act,
    ctx.actor.id,
    vote.seat,
    vote.reason,
    payroll.lines_count,
    payroll.lines_minor,
    ctx.now,
  ]);
  return row !== undefined;
}

const MAKERS = statement(
  'payroll.note-makers',
  `insert into payroll_vote (payroll_id, round, step, act, actor_id, seat_id, at)
   select $1::uuid, $2::int, 0, 'submit', m, m, $4::timestamptz
   from (select $3::text as m union
         select actor_id from payroll_vote where payroll_id = $1 and act = 'submit') m(m)
   on conflict do nothing`,
);

/** Writes into a round who made the payroll: this actor, and those before. */
export async function noteMakers(ctx: Context, payrollId: string, round: number): Promise<void> {
  await ctx.db.run(MAKERS, [payrollId, round, ctx.actor.id, ctx.now]);
}

// The pool of a step: $1 roles, $2 persons, $3 today. Who is absent is represented or left out.
const POOL = `
  select distinct m.actor_id as seat_id, coalesce(d.to_actor, m.actor_id) as owner_id
  from access_member m
  left join lateral (
    select to_actor, true as is_absent from payroll_delegation d
    where d.from_actor = m.actor_id and d.ended_at is null and $3::date between starts_on and ends_on
    order by to_actor nulls last, made_at desc limit 1) d on true
  where (m.role = any($1::text[]) or m.actor_id = any($2::text[]) or m.login = any($2::text[]))
    and (d.is_absent is null or d.to_actor is not null)
  union
  select distinct m.actor_id, m.actor_id from access_member m
  where m.role = any($1::text[]) or m.actor_id = any($2::text[]) or m.login = any($2::text[])`;

const poolValues = (step: FlowStep, today: string): unknown[] => [step.roles, step.actors, today];

const OPEN = statement(
  'payroll.open-step',
  `with moved as (update payroll set step = $6 where payroll_id = $4)
   insert into payroll_seat (payroll_id, round, step, seat_id, owner_id, at)
   select $4, $5, $6, seat_id, owner_id, $7 from (${POOL}) pool
   where not exists (select from payroll_vote v where v.payroll_id = $4 and v.round = $5
     and v.line_id is null and (v.seat_id = pool.seat_id or v.actor_id = pool.owner_id))
   on conflict do nothing`,
);

/** Puts a payroll to a step: whoever may vote there gets a task. */
export async function openStep(
  ctx: Context,
  payroll: { payroll_id: string; round: number },
  step: FlowStep,
  today: string,
): Promise<void> {
  const values = [payroll.payroll_id, payroll.round, step.number, ctx.now];
  await ctx.db.run(OPEN, [...poolValues(step, today), ...values]);
}

const SEATS = statement(
  'payroll.seats-of',
  `select seat_id from (${POOL}) pool where owner_id = $4
   order by (seat_id = owner_id) desc, seat_id`,
);

/** Seats for which the actor may vote at a step: the own one first. */
export async function seatsOf(ctx: Context, step: FlowStep, today: string): Promise<string[]> {
  const rows = await ctx.db.query<{ seat_id: string }>(SEATS, [
    ...poolValues(step, today),
    ctx.actor.id,
  ]);
  return rows.map((row) => row.seat_id);
}

/** How a step stands. */
export interface Standing {
  readonly accepted: bigint;
  /** Seats of who is present, or represented, and has not voted in this round. */
  readonly waiting: bigint;
}

// A seat is waited for until it has voted, or its delegate has accepted; not a maker's, and not that of
// somebody absent without a delegate, who may still come and vote.
const STANDING = statement(
  'payroll.standing',
  `with pool as (${POOL}),
   done as (
     select distinct pool.seat_id from pool join payroll_vote v on v.payroll_id = $4 and v.round = $5
       and v.line_id is null
       and (v.seat_id = pool.seat_id or (v.actor_id = pool.owner_id and v.act = 'accept')))
   select (select count(*) from payroll_vote where payroll_id = $4 and round = $5 and step = $6
             and act = 'accept') as accepted,
     (select count(distinct seat_id) from pool
      where seat_id not in (select seat_id from done)
        and (exists (select from pool o where o.seat_id = pool.seat_id and o.owner_id <> o.seat_id)
          or not exists (select from payroll_delegation d
            where d.from_actor = pool.seat_id and d.to_actor is null and d.ended_at is null
              and $3::date between d.starts_on and d.ends_on))) as waiting`,
);

/** How many have accepted at a step, and how many could still. */
export function standing(
  ctx: Context,
  payroll: PayrollRow,
  step: FlowStep,
  today: string,
): Promise<Standing> {
  return ctx.db.one<Standing>(STANDING, [
    ...poolValues(step, today),
    payroll.payroll_id,
    payroll.round,
    step.number,
  ]);
}

const UNDECIDED = statement(
  'payroll.undecided-lines',
  `select count(*) as n from payroll_line l where l.payroll_id = $1 and l.state = 'open'
     and not exists (select from payroll_vote v where v.payroll_id = $1 and v.round = $2
       and v.step = $3 and v.line_id = l.line_id)`,
);

/** Lines that nobody has decided on at the step. */
export async function undecidedLines(ctx: Context, payroll: PayrollRow): Promise<bigint> {
  const { payroll_id: id, round, step } = payroll;
  return (await ctx.db.one<{ n: bigint }>(UNDECIDED, [id, round, step])).n;
}

const ACCEPT_LINES = statement(
  'payroll.accept-lines',
  `insert into payroll_vote (payroll_id, round, step, act, actor_id, seat_id, household_id, line_id,
     at)
   select $1, $2, $3, 'accept-line', $4, $5, household_id, line_id, $7
   from payroll_line where payroll_id = $1 and line_id = any($6::uuid[]) and state = 'open'
   order by line_id on conflict do nothing`,
);

const REJECT_LINES = statement(
  'payroll.reject-lines',
  `with stopped as (
     update payroll_line set state = 'cancelled', cancelled_key = key, reason = 'line-rejected',
       updated_at = $7, version = version + 1
     where payroll_id = $1 and line_id = any($6::uuid[]) and state = 'open'
     returning household_id, line_id, enrolment_id, recipient_id, area_id, amount_minor),
   voted as (
     insert into payroll_vote (payroll_id, round, step, act, actor_id, seat_id, household_id, line_id,
       reason, at)
     select $1, $2, $3, 'reject-line', $4, $5, household_id, line_id, $8, $7 from stopped),
   noted as (
     insert into payroll_exclusion
       (household_id, exclusion_id, payroll_id, enrolment_id, recipient_id, reason, area_id, at)
     select household_id, gen_random_uuid(), $1, enrolment_id, recipient_id, 'line-rejected',
       area_id, $7 from stopped)
   update payroll set lines_count = lines_count - s.n, lines_minor = lines_minor - s.minor,
     excluded_count = excluded_count + s.n, updated_at = $7, version = version + 1
   from (select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as minor from stopped) s
   where payroll_id = $1`,
);

const OPEN_LINES = statement(
  'payroll.open-lines',
  `select line_id::text from payroll_line
   where payroll_id = $1 and line_id = any($2::uuid[]) and state = 'open' order by line_id for update`,
);

/** Of these lines, those that are open on the payroll, locked. */
export async function openLines(
  ctx: Context,
  payrollId: string,
  lines: readonly string[],
): Promise<string[]> {
  const rows = await ctx.db.query<{ line_id: string }>(OPEN_LINES, [payrollId, lines]);
  return rows.map((row) => row.line_id);
}

/** Decides on lines: a rejected one leaves the payroll and stays off it. */
export async function decideLines(
  ctx: Context,
  payroll: PayrollRow,
  seat: string,
  lines: readonly string[],
  reason: string | null,
): Promise<void> {
  const { payroll_id: id, round, step } = payroll;
  const values = [id, round, step ?? 0, ctx.actor.id, seat, lines, ctx.now];
  if (reason === null) await ctx.db.run(ACCEPT_LINES, values);
  else await ctx.db.run(REJECT_LINES, [...values, reason]);
}

const IS_MAKER = statement(
  'payroll.is-maker',
  `select 1 as n from payroll_vote where payroll_id = $1 and act = 'submit' and actor_id = $2 limit 1`,
);

/** True when this actor has made or submitted the payroll. */
export async function isMaker(ctx: Context, payrollId: string): Promise<boolean> {
  return (await ctx.db.maybe(IS_MAKER, [payrollId, ctx.actor.id])) !== undefined;
}

/** A row of the ledger of votes. */
export interface VoteRow {
  readonly round: number;
  readonly step: number;
  readonly act: string;
  readonly actor_id: string;
  readonly seat_id: string;
  readonly line_id: string | null;
  readonly reason: string | null;
  readonly at: Date;
}

const VOTES = statement(
  'payroll.votes',
  `select round, step, act, actor_id, seat_id, line_id::text, reason, at from payroll_vote
   where payroll_id = $1 order by key limit $2`,
);

/** What was voted on a payroll, oldest first. */
export function votesOf(ctx: Context, payrollId: string, limit: number): Promise<VoteRow[]> {
  return ctx.db.query<VoteRow>(VOTES, [payrollId, limit]);
}
