/**
 * Makes instructions from a SELECT of the caller, and again for what was definitively not paid.
 */

import type { Context } from '../../../src/sdk/index.ts';
import { doubtful } from './doubt.ts';

/** What is ordered: a SELECT and its values. See `createInstructions`. */
export interface OrderSelect {
  readonly text: string;
  readonly values: readonly unknown[];
}

const COLUMNS = `payee_id, instruction_id, purpose, source_id, attempt, recipient_id, provider_id,
  account_kind, account_number, pay_point_id, amount_minor, currency, value_on, state, created_at,
  updated_at`;

/** Inserts instructions of a purpose; answers how many and their sum by provider. */
export async function insertInstructions(
  ctx: Context,
  purpose: string,
  orders: OrderSelect,
): Promise<{ count: number; providers: bigint[] }> {
  const at = orders.values.length;
  const rows = await ctx.db.query<{ provider_id: bigint; n: bigint }>(
    `with added as (
       insert into instruction (${COLUMNS})
       select payee_id, disbursement_new_id($${at + 2}), $${at + 1}, source_id, 1, recipient_id, provider_id,
              account_kind, account_number, pay_point_id, amount_minor, currency, value_on,
              'approved', $${at + 2}, $${at + 2}
       from (${orders.text}) o
       returning payee_id, instruction_id, provider_id),
     noted as (
       insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
       select payee_id, instruction_id, $${at + 2}, 'approved', $${at + 3}, 'order' from added)
     select provider_id, count(*) as n from added group by provider_id`,
    [...orders.values, purpose, ctx.now, ctx.actor.id],
  );
  return {
    count: rows.reduce((sum, row) => sum + Number(row.n), 0),
    providers: rows.map((row) => row.provider_id),
  };
}

/** Instructions of sources that cannot be disbursed because their provider may not. */
export async function blockedProviders(ctx: Context, orders: OrderSelect): Promise<bigint[]> {
  const rows = await ctx.db.query<{ provider_id: bigint }>(
    `select distinct o.provider_id from (${orders.text}) o
     left join providers_provider p using (provider_id) where p.disburses is not true`,
    orders.values,
  );
  return rows.map((row) => row.provider_id);
}

/** Locks every attempt of the sources, in the order in which outcomes lock them. */
async function lockAttempts(ctx: Context, purpose: string, orders: OrderSelect): Promise<void> {
  const at = orders.values.length;
  await ctx.db.query(
    `select i.instruction_id from instruction i
     where i.purpose = $${at + 1}
       and (i.payee_id, i.source_id) in (select o.payee_id, o.source_id from (${orders.text}) o)
     order by i.payee_id, i.instruction_id for update`,
    [...orders.values, purpose],
  );
}

/**
 * Orders again, as the next attempt, what was definitively not paid. A source with an attempt that
 * is paid or still under way, or about which an exception is open, is left alone. The attempts are
 * locked first and judged in a second statement, whose snapshot is younger than the locks: a late
 * success that commits meanwhile is seen. Account and provider are those that the caller gives.
 */
export async function insertRetries(
  ctx: Context,
  purpose: string,
  orders: OrderSelect,
): Promise<{ count: number; providers: bigint[] }> {
  await lockAttempts(ctx, purpose, orders);
  const at = orders.values.length;
  const rows = await ctx.db.query<{ provider_id: bigint; n: bigint }>(
    `with attempts as (
       select i.payee_id, i.source_id, max(i.attempt) as attempt,
              bool_and(i.state in ('not-paid', 'cancelled')) as failed,
              bool_or(${doubtful('i')}) as doubtful
       from instruction i join (${orders.text}) o
         on o.payee_id = i.payee_id and o.source_id = i.source_id and i.purpose = $${at + 1}
       group by i.payee_id, i.source_id),
     added as (
       insert into instruction (${COLUMNS})
       select o.payee_id, disbursement_new_id($${at + 2}), $${at + 1}, o.source_id, a.attempt + 1, o.recipient_id,
              o.provider_id, o.account_kind, o.account_number, o.pay_point_id, o.amount_minor,
              o.currency, o.value_on, 'approved', $${at + 2}, $${at + 2}
       from (${orders.text}) o
       join attempts a on a.payee_id = o.payee_id and a.source_id = o.source_id
       where a.failed and not a.doubtful
       returning payee_id, instruction_id, provider_id),
     noted as (
       insert into instruction_event (payee_id, instruction_id, at, state, actor_id, source)
       select payee_id, instruction_id, $${at + 2}, 'approved', $${at + 3}, 'retry' from added)
     select provider_id, count(*) as n from added group by provider_id`,
    [...orders.values, purpose, ctx.now, ctx.actor.id],
  );
  return {
    count: rows.reduce((sum, row) => sum + Number(row.n), 0),
    providers: rows.map((row) => row.provider_id),
  };
}

/** The SELECT by which the ledger reserves what is approved and not yet reserved. */
export function reserveSelect(
  purpose: string,
  fund: bigint,
  paidOut: bigint,
  orders: OrderSelect,
): { text: string; values: unknown[] } {
  const at = orders.values.length;
  return {
    text: `select i.instruction_id as transfer_id, $${at + 1}::bigint as debit_account,
             $${at + 2}::bigint as credit_account, i.amount_minor, i.currency,
             'instruction/' || i.instruction_id as reference
           from instruction i join (${orders.text}) o
             on o.payee_id = i.payee_id and o.source_id = i.source_id
           where i.purpose = $${at + 3} and i.state = 'approved'`,
    values: [...orders.values, fund, paidOut, purpose],
  };
}
