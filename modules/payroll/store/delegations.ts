/**
 * Delegations: who votes for whom on which days, and who is absent.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A delegation; without `to` an absence. */
export interface Delegation {
  readonly from: string;
  readonly to: string | null;
  readonly startsOn: string;
  readonly endsOn: string;
  readonly reason: string;
}

const FIND = statement(
  'payroll.find-actor',
  'select distinct actor_id from access_member where actor_id = $1 or login = $1 limit 1',
);

/** The id of an active actor by id or login. */
export async function findActor(ctx: Context, name: string): Promise<string | undefined> {
  return (await ctx.db.maybe<{ actor_id: string }>(FIND, [name]))?.actor_id;
}

// What already waits for the absent is put to the delegate as well.
const ADD = statement(
  'payroll.add-delegation',
  `with seated as (
     insert into payroll_seat (payroll_id, round, step, seat_id, owner_id, at)
     select s.payroll_id, s.round, s.step, s.seat_id, $3::text, $8::timestamptz
     from payroll_seat s join payroll p on p.payroll_id = s.payroll_id and p.state = 'drafted'
       and p.round = s.round and p.step = s.step
     where s.owner_id = $2 and s.seat_id = $2 and $3::text is not null
       and $8::timestamptz::date between $4::date and $5::date
     on conflict do nothing)
   insert into payroll_delegation (delegation_id, from_actor, to_actor, starts_on, ends_on, reason,
     made_by, made_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** Keeps a delegation; answers its id. */
export async function addDelegation(ctx: Context, each: Delegation): Promise<string> {
  const id = ctx.newId();
  const { from, to, startsOn, endsOn, reason } = each;
  await ctx.db.run(ADD, [id, from, to, startsOn, endsOn, reason, ctx.actor.id, ctx.now]);
  return id;
}

const END = statement(
  'payroll.end-delegation',
  `update payroll_delegation set ended_by = $2, ended_at = $3
   where delegation_id::text = $1 and ended_at is null and ($4 or from_actor = $2)`,
);

/** Ends a delegation: one's own, or anybody's; false when there is none. */
export async function endDelegation(ctx: Context, id: string, anybodys: boolean): Promise<boolean> {
  return (await ctx.db.run(END, [id, ctx.actor.id, ctx.now, anybodys])) > 0;
}

/** A delegation that is not ended. */
export interface DelegationRow {
  readonly delegation_id: string;
  readonly from_actor: string;
  readonly to_actor: string | null;
  readonly starts_on: string;
  readonly ends_on: string;
  readonly reason: string;
}

const LIST = statement(
  'payroll.delegations',
  `select delegation_id::text, from_actor, to_actor, starts_on, ends_on, reason
   from payroll_delegation where ended_at is null and ends_on >= $1::timestamptz::date
   order by starts_on, delegation_id limit 1000`,
);

/** Delegations that are in force or will be. */
export function delegations(ctx: Context): Promise<DelegationRow[]> {
  return ctx.db.query<DelegationRow>(LIST, [ctx.now]);
}
