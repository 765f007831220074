/**
 * Makes instructions from a SELECT of the caller, and again for what was definitively not paid.
 */

import type { Context } from '../../../src/sdk/index.ts';

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
       select payee_id, gen_random_uuid(), $${at + 1}, source_id, 1, recipient_id, provider_id,
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

/**
 * Orders again, as the next attempt, what was definitively not paid; sources with a live or paid
 * instruction are left alone. Account and provider are those that the caller gives, as corrected.
 */
export async function insertRetries(
  ctx: Context,
  purpose: string,
  orders: OrderSelect,
): Promise<{ count: number; providers: bigint[] }> {
  const at = orders.values.length;
  const rows = await ctx.db.query<{ provider_id: bigint; n: bigint }>(
    `with last as (
       select distinct on (i.payee_id, i.source_id) i.payee_id, i.source_id, i.attempt, i.state
       from instruction i join (${orders.text}) o
         on o.payee_id = i.payee_id and o.source_id = i.source_id and i.purpose = $${at + 1}
       order by i.payee_id, i.source_id, i.attempt desc),
     added as (
       insert into instruction (${COLUMNS})
       select o.payee_id, gen_random_uuid(), $${at + 1}, o.source_id, l.attempt + 1, o.recipient_id,
              o.provider_id, o.account_kind, o.account_number, o.pay_point_id, o.amount_minor,
              o.currency, o.value_on, 'approved', $${at + 2}, $${at + 2}
       from (${orders.text}) o
       join last l on l.payee_id = o.payee_id and l.source_id = o.source_id
       where l.state in ('not-paid', 'cancelled')
       on conflict (payee_id, purpose, source_id, attempt) do nothing
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
