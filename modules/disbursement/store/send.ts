/**
 * Claims instructions for sending and finds those to enquire after.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Known } from '../instruction.ts';

/** An instruction on its way out. */
export interface SendRow {
  readonly payee_id: bigint;
  readonly instruction_id: string;
  readonly transaction_number: string;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly account_kind: 'mobile' | 'bank' | 'cash';
  readonly account_number: string | null;
  readonly value_on: string;
}

const CLAIM = statement(
  'disbursement.claim',
  `with chosen as (
     select payee_id, instruction_id from instruction
     where provider_id = $1 and state = 'approved' and value_on <= $4
       and not exists (select 1 from disbursement_exception e
         where e.instruction_id = instruction.instruction_id and e.closed_at is null)
     order by key limit $2 for update skip locked),
   sent as (
     update instruction i set state = 'sent', sent_at = $3::timestamptz, updated_at = $3::timestamptz,
       version = version + 1, enquire_at = $3::timestamptz + interval '1 minute'
     from chosen c where i.payee_id = c.payee_id and i.instruction_id = c.instruction_id
     returning i.payee_id, i.instruction_id, i.transaction_number, i.amount_minor, i.currency,
       i.account_kind, i.account_number, i.value_on, i.key),
   noted as (
     insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
     select payee_id, instruction_id, $3::timestamptz, 'sent', $5, 'send' from sent)
   select * from sent order by key`,
);

/** Marks up to `limit` approved instructions of a provider as sent, before anything is sent. */
export function claim(
  ctx: Context,
  providerId: bigint,
  limit: number,
  today: string,
): Promise<SendRow[]> {
  return ctx.db.query<SendRow>(CLAIM, [providerId, limit, ctx.now, today, ctx.actor.id]);
}

const DUE = statement(
  'disbursement.due-enquiries',
  `with due as (
     select payee_id, instruction_id from instruction
     where state in ('sent', 'unknown') and enquire_at <= $1::timestamptz
     order by enquire_at limit $2 for update skip locked),
   asked as (
     update instruction i set enquiries_count = enquiries_count + 1, updated_at = $1::timestamptz,
       state = 'unknown', version = version + 1,
       enquire_at = case when enquiries_count + 1 >= 16 then null
         else $1::timestamptz + (array[60, 300, 900, 3600, 21600])[least(enquiries_count + 2, 5)]
                   * interval '1 second' end
     from due d where i.payee_id = d.payee_id and i.instruction_id = d.instruction_id
     returning i.provider_id, i.transaction_number, i.payee_id, i.instruction_id,
       i.enquiries_count),
   noted as (
     insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
     select payee_id, instruction_id, $1::timestamptz, 'unknown', $3, 'no-answer' from asked
     where enquiries_count = 1)
   select provider_id, transaction_number from asked`,
);

/** Instructions whose fate must be asked for now; what had no answer becomes unknown. */
export function dueEnquiries(
  ctx: Context,
  limit: number,
): Promise<{ provider_id: bigint; transaction_number: string }[]> {
  return ctx.db.query(DUE, [ctx.now, limit, ctx.actor.id]);
}

/** Whether a provider may be sent to, and through which channel. */
export interface Sendable {
  readonly provider_id: bigint;
  readonly name: string;
  readonly channel: string | null;
  readonly disburses: boolean;
  readonly paused: boolean;
}

const SENDABLE = statement(
  'disbursement.sendable',
  `select p.provider_id, p.name, p.channel, p.disburses, coalesce(d.paused, false) as paused
   from providers_provider p left join disbursement_provider d using (provider_id)
   where p.provider_id = $1`,
);

/** The provider of an id. */
export function sendable(ctx: Context, providerId: bigint): Promise<Sendable | undefined> {
  return ctx.db.maybe<Sendable>(SENDABLE, [providerId]);
}

const PAUSE = statement(
  'disbursement.pause',
  `insert into disbursement_provider (provider_id, paused, paused_why, changed_at)
   values ($1, $2, $3, $4)
   on conflict (provider_id) do update set paused = $2, paused_why = $3, changed_at = $4`,
);

/** Pauses or resumes sending to a provider. */
export async function setPaused(
  ctx: Context,
  providerId: bigint,
  paused: boolean,
  why: string | null,
): Promise<void> {
  await ctx.db.run(PAUSE, [providerId, paused, why, ctx.now]);
}

const WAITING = statement(
  'disbursement.waiting',
  `select distinct provider_id from instruction where state = 'approved' and value_on <= $1`,
);

/** Providers for which approved instructions wait. */
export async function waitingProviders(ctx: Context, today: string): Promise<bigint[]> {
  const rows = await ctx.db.query<{ provider_id: bigint }>(WAITING, [today]);
  return rows.map((row) => row.provider_id);
}

/** An instruction as an outcome finds it. */
export interface KnownRow extends Known {
  readonly payee_id: bigint;
  readonly instruction_id: string;
  readonly transaction_number: string;
  readonly provider_id: bigint;
  readonly purpose: string;
  readonly source_id: string;
  readonly attempt: number;
}

const LOCK = statement(
  'disbursement.lock',
  `select payee_id, instruction_id, transaction_number, provider_id, purpose, source_id, attempt,
          state, amount_minor, currency, account_number
   from instruction where transaction_number = any($1::text[])
   order by payee_id, instruction_id for update`,
);

/** Locks the instructions of keys, in one order. */
export function lockByKeys(ctx: Context, keys: readonly string[]): Promise<KnownRow[]> {
  return ctx.db.query<KnownRow>(LOCK, [keys]);
}
