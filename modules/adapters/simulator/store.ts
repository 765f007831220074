/**
 * The simulated provider's own books.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import { type Behaviour, HONEST } from './behaviour.ts';

/** A row of its books. */
export interface BookRow {
  readonly order_key: string;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly account: string | null;
  readonly result: 'paid' | 'not-paid' | 'pending';
  readonly reason: string | null;
  readonly receipt: string | null;
}

const BEHAVIOUR = statement(
  'simulator.behaviour',
  'select * from simulator_behaviour where provider_id = $1',
);

/** How a provider is to behave. */
export async function behaviourOf(ctx: Context, providerId: bigint): Promise<Behaviour> {
  return (await ctx.db.maybe<Behaviour>(BEHAVIOUR, [providerId])) ?? HONEST;
}

const SET = statement(
  'simulator.set-behaviour',
  `insert into simulator_behaviour values ($1, $2, $3, $4, $5, $6, $7)
   on conflict (provider_id) do update set seed = excluded.seed,
     refuse_per_mille = excluded.refuse_per_mille, delay_per_mille = excluded.delay_per_mille,
     lose_before_per_mille = excluded.lose_before_per_mille,
     lose_after_per_mille = excluded.lose_after_per_mille,
     wrong_amount_per_mille = excluded.wrong_amount_per_mille`,
);

/** Tells a provider how to behave. */
export async function setBehaviour(
  ctx: Context,
  providerId: bigint,
  behaviour: Behaviour,
): Promise<void> {
  await ctx.db.run(SET, [
    providerId,
    behaviour.seed,
    behaviour.refuse_per_mille,
    behaviour.delay_per_mille,
    behaviour.lose_before_per_mille,
    behaviour.lose_after_per_mille,
    behaviour.wrong_amount_per_mille,
  ]);
}

const BOOK = statement(
  'simulator.book',
  `insert into simulator_order
     (provider_id, order_key, amount_minor, currency, account, result, reason, receipt, executed_at)
   select $1, o.key, o.amount, o.currency, o.account, o.result, o.reason, o.receipt,
          case when o.result = 'paid' then $9::timestamptz end
   from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
     o(key, amount, currency, account, result, reason, receipt)
   on conflict (provider_id, order_key) do nothing
   returning order_key`,
);

/** Books orders; a key that is booked already is refused (left out of the answer). */
export async function book(
  ctx: Context,
  providerId: bigint,
  rows: readonly BookRow[],
): Promise<Set<string>> {
  const booked = await ctx.db.query<{ order_key: string }>(BOOK, [
    providerId,
    rows.map((row) => row.order_key),
    rows.map((row) => row.amount_minor),
    rows.map((row) => row.currency),
    rows.map((row) => row.account),
    rows.map((row) => row.result),
    rows.map((row) => row.reason),
    rows.map((row) => row.receipt),
    ctx.now,
  ]);
  return new Set(booked.map((row) => row.order_key));
}

const READ = statement(
  'simulator.read',
  `update simulator_order set asked_count = asked_count + 1,
     result = case when result = 'pending' and asked_count >= 1 then 'paid' else result end,
     receipt = case when result = 'pending' and asked_count >= 1 then 'R' || order_key
                    else receipt end,
     executed_at = case when result = 'pending' and asked_count >= 1 then $3 else executed_at end
   where provider_id = $1 and order_key = any($2::text[])
   returning order_key, amount_minor, currency, account, result, reason, receipt`,
);

/** Looks keys up; a pending order is executed when it is asked for the second time. */
export function look(
  ctx: Context,
  providerId: bigint,
  keys: readonly string[],
): Promise<BookRow[]> {
  return ctx.db.query<BookRow>(READ, [providerId, keys, ctx.now]);
}

const STATEMENT = statement(
  'simulator.statement',
  `select order_key, amount_minor, currency, account, result, reason, receipt, executed_at
   from simulator_order where provider_id = $1 and result = 'paid'
     and executed_at >= $2 and executed_at < $3 order by order_key`,
);

/** What it executed in a span of time. */
export function executed(
  ctx: Context,
  providerId: bigint,
  from: Date,
  to: Date,
): Promise<(BookRow & { executed_at: Date })[]> {
  return ctx.db.query(STATEMENT, [providerId, from, to]);
}
