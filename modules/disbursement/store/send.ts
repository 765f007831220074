/**
 * Claims instructions for sending and finds those to enquire after.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Known } from '../instruction.ts';
import type { LimitColumns } from '../limits.ts';
import { doubtful } from './doubt.ts';

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

// Whether the provider can pay an order; $1 all, $2 currencies, $3 least, $4 most, $5 multiples of.
const PAYABLE = `($1::boolean or exists (
  select 1 from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) l(currency, lo, hi, step)
  where l.currency = i.currency and i.amount_minor between l.lo and l.hi
    and i.amount_minor % l.step = 0))`;

const CLAIM = statement(
  'disbursement.claim',
  `with chosen as (
     select payee_id, instruction_id from instruction i
     where provider_id = $6 and state = 'approved' and value_on <= $9 and ${PAYABLE}
       and not ${doubtful('i')}
     order by key limit $7 for update skip locked),
   sent as (
     update instruction i set state = 'sent', sent_at = $8::timestamptz, updated_at = $8::timestamptz,
       version = version + 1, batch_id = $11, enquiries_count = 0,
       enquire_at = $8::timestamptz + $12 * interval '1 second'
     from chosen c where i.payee_id = c.payee_id and i.instruction_id = c.instruction_id
     returning i.payee_id, i.instruction_id, i.amount_minor, i.currency, i.account_kind,
       i.account_number, i.value_on, i.key),
   noted as (
     insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
     select payee_id, instruction_id, $8::timestamptz, 'sent', $10, 'send' from sent)
   select *, disbursement_transaction_number(key) as transaction_number from sent order by key`,
);

/** What is claimed for a batch. */
export interface Claim {
  readonly providerId: bigint;
  readonly batchId: string;
  readonly limit: number;
  /** Orders of later days wait. */
  readonly today: string;
  readonly limits: LimitColumns;
  /** Seconds until they are asked for should the sender die. */
  readonly askAfter: number;
}

/** Marks approved instructions of a provider as sent, before anything is sent. */
export function claim(ctx: Context, wanted: Claim): Promise<SendRow[]> {
  return ctx.db.query<SendRow>(CLAIM, [
    ...limitValues(wanted.limits),
    wanted.providerId,
    wanted.limit,
    ctx.now,
    wanted.today,
    ctx.actor.id,
    wanted.batchId,
    wanted.askAfter,
  ]);
}

function limitValues({ all, currencies, min, max, step }: LimitColumns): unknown[] {
  return [all, currencies, min, max, step];
}

const UNPAYABLE = statement(
  'disbursement.unpayable',
  `select i.payee_id, i.instruction_id, disbursement_transaction_number(i.key) as transaction_number,
          i.provider_id, i.purpose, i.source_id, i.attempt, i.state, i.amount_minor, i.currency, i.account_number,
          null::timestamptz as silent_since, i.currency = any($2::text[]) as currency_is_paid
   from instruction i
   where i.provider_id = $6 and i.state = 'approved' and i.value_on <= $8 and not ${PAYABLE}
   order by i.payee_id, i.instruction_id limit $7 for update`,
);

/** Approved instructions that a provider cannot pay, locked. */
export function unpayable(
  ctx: Context,
  providerId: bigint,
  limits: LimitColumns,
  today: string,
  limit: number,
): Promise<(KnownRow & { currency_is_paid: boolean })[]> {
  return ctx.db.query(UNPAYABLE, [...limitValues(limits), providerId, limit, today]);
}

// Nothing is asked for while its batch may still leave.
const DUE = statement(
  'disbursement.due-enquiries',
  `with due as (
     select i.payee_id, i.instruction_id from instruction i
     left join disbursement_batch b using (batch_id)
     where i.state in ('sent', 'unknown') and i.enquire_at <= $1::timestamptz
       and coalesce(b.ended_at, b.leased_until, '-infinity') <= $1::timestamptz
     order by i.enquire_at limit $2 for update of i skip locked),
   asked as (
     update instruction i set enquiries_count = enquiries_count + 1, updated_at = $1::timestamptz,
       state = 'unknown', version = version + 1,
       enquire_at = case when enquiries_count + 1 >= 16 then null
         else $1::timestamptz + (array[60, 300, 900, 3600, 21600])[least(enquiries_count + 2, 5)]
                   * interval '1 second' end
     from due d where i.payee_id = d.payee_id and i.instruction_id = d.instruction_id
     returning i.provider_id, i.key, i.payee_id, i.instruction_id,
       i.enquiries_count),
   noted as (
     insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
     select payee_id, instruction_id, $1::timestamptz, 'unknown', $3, 'no-answer' from asked
     where enquiries_count = 1)
   select provider_id, disbursement_transaction_number(key) as transaction_number from asked`,
);

/**
 * Instructions whose fate must be asked for now; what had no answer becomes unknown. The pauses are
 * 1, 5, 15 and 60 minutes, then 6 hours, up to three days; then a person must decide.
 */
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

/** A return as JSON, which holds no bigint. */
interface ReturnText {
  readonly key: string;
  readonly minor: string;
}

const LOCK = statement(
  'disbursement.lock',
  `select i.payee_id, i.instruction_id, disbursement_transaction_number(i.key) as transaction_number,
          i.provider_id, i.purpose, i.source_id, i.attempt, i.state, i.amount_minor, i.currency, i.account_number,
          coalesce(b.ended_at, b.leased_until, i.sent_at) as silent_since,
          case when i.returned_minor is null then '[]'::json else (
            select json_agg(json_build_object('key', r.return_key, 'minor', r.amount_minor::text))
            from disbursement_return r where r.instruction_id = i.instruction_id
              and r.payee_id = i.payee_id) end as returns
   from instruction i left join disbursement_batch b using (batch_id)
   where i.key = any(disbursement_transaction_keys($1::text[]))
   order by i.payee_id, i.instruction_id for update of i`,
);

/** Locks the instructions of keys, in one order. */
export async function lockByKeys(ctx: Context, keys: readonly string[]): Promise<KnownRow[]> {
  const rows = await ctx.db.query<Omit<KnownRow, 'returns'> & { returns: ReturnText[] }>(LOCK, [
    keys,
  ]);
  return rows.map((row) => ({
    ...row,
    returns: row.returns.map(({ key, minor }) => ({ key, minor: BigInt(minor) })),
  }));
}
