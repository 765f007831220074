/**
 * Makes instructions from a SELECT of the caller, and again for what was definitively not paid.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import { doubtful } from './doubt.ts';

/** What is ordered: a SELECT and its values. See `createInstructions`. */
export interface OrderSelect {
  readonly text: string;
  readonly values: readonly unknown[];
}

const COLUMNS = `payee_id, instruction_id, key, purpose, source_id, attempt, recipient_id, provider_id,
  account_kind, account_number, pay_point_id, amount_minor, currency, value_on, state, created_at,
  updated_at, ordered_by`;

/** What was ordered by one statement. */
export interface Ordered {
  readonly count: number;
  readonly providers: readonly bigint[];
  /** First half of the ids that it made; see `rangeOf`. */
  readonly base: string;
}

/**
 * Ids of one statement are a version 7 UUID with its last 48 bits replaced by the orders' own running
 * number: rows go to the right end of every index, and what was made is found again by a range.
 */
function rangeOf(base: string): [first: string, last: string] {
  return [`${base}000000000000`, `${base}ffffffffffff`];
}

/** 2^47: what begins with it is twelve digits long, for all numbers there will ever be. */
const TWELVE_DIGITS = 140737488355328n;

const NEW_ID = (prefix: string) => `(${prefix} || to_hex(${TWELVE_DIGITS} + o.key))::uuid`;

/** What is ordered, each with the number of its order. */
const numbered = (text: string) =>
  `(select o.*, nextval('disbursement_transaction') as key from (${text}) o offset 0)`;

async function insert(
  ctx: Context,
  orders: OrderSelect,
  purpose: string,
  text: (at: { id: string; purpose: string; now: string; actor: string }) => string,
): Promise<Ordered> {
  const at = orders.values.length;
  const base = ctx.newId().slice(0, 24);
  const rows = await ctx.db.query<{ provider_id: bigint; n: bigint }>(
    text({
      id: NEW_ID(`$${at + 1}::text`),
      purpose: `$${at + 2}::text`,
      now: `$${at + 3}::timestamptz`,
      actor: `$${at + 4}::text`,
    }),
    [...orders.values, base, purpose, ctx.now, ctx.actor.id],
  );
  return {
    count: rows.reduce((sum, row) => sum + Number(row.n), 0),
    providers: rows.map((row) => row.provider_id),
    base,
  };
}

/** Inserts instructions of a purpose; answers how many, and their providers. */
export function insertInstructions(
  ctx: Context,
  purpose: string,
  orders: OrderSelect,
): Promise<Ordered> {
  return insert(
    ctx,
    orders,
    purpose,
    (at) => `with added as (
       insert into instruction (${COLUMNS})
       select payee_id, ${at.id}, key, ${at.purpose}, source_id, 1, recipient_id, provider_id,
              account_kind, account_number, pay_point_id, amount_minor, currency, value_on,
              'approved', ${at.now}, ${at.now}, ${at.actor}
       from ${numbered(orders.text)} o
       returning provider_id)
     select provider_id, count(*) as n from added group by provider_id`,
  );
}

const BLOCKED = statement(
  'disbursement.blocked-providers',
  `select x.provider_id from unnest($1::bigint[]) x(provider_id)
   left join providers_provider p using (provider_id) where p.disburses is not true`,
);

/** Which of the providers may not disburse. */
export async function blockedProviders(
  ctx: Context,
  providers: readonly bigint[],
): Promise<bigint[]> {
  const rows = await ctx.db.query<{ provider_id: bigint }>(BLOCKED, [providers]);
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
 * Orders again, as the next attempt, what was definitively not paid, or what is left of it where a
 * part was paid or came back; the amount of the SELECT is all that is owed for the source. A source
 * with an attempt that is still under way, or about which an exception is open, is left alone, and so
 * is one of which everything is paid. The attempts are
 * locked first and judged in a second statement, whose snapshot is younger than the locks: a late
 * success that commits meanwhile is seen. Account and provider are those that the caller gives.
 */
export async function insertRetries(
  ctx: Context,
  purpose: string,
  orders: OrderSelect,
): Promise<Ordered> {
  await lockAttempts(ctx, purpose, orders);
  return insert(
    ctx,
    orders,
    purpose,
    (at) => `with attempts as (
       select i.payee_id, i.source_id, max(i.attempt) as attempt,
              bool_and(i.state in ('not-paid', 'cancelled', 'returned')
                or (i.state = 'paid' and i.returned_minor is not null)) as failed,
              coalesce(sum(i.amount_minor - coalesce(i.returned_minor, 0))
                filter (where i.state = 'paid'), 0)::bigint as kept,
              bool_or(${doubtful('i')}) as doubtful
       from instruction i join (${orders.text}) o
         on o.payee_id = i.payee_id and o.source_id = i.source_id and i.purpose = ${at.purpose}
       group by i.payee_id, i.source_id),
     added as (
       insert into instruction (${COLUMNS})
       select o.payee_id, ${at.id}, o.key, ${at.purpose}, o.source_id, o.attempt, o.recipient_id,
              o.provider_id, o.account_kind, o.account_number, o.pay_point_id, o.owed, o.currency,
              o.value_on, 'approved', ${at.now}, ${at.now}, ${at.actor}
       from ${numbered(`select o.*, a.attempt + 1 as attempt, o.amount_minor - a.kept as owed
         from (${orders.text}) o
         join attempts a on a.payee_id = o.payee_id and a.source_id = o.source_id
         where a.failed and not a.doubtful and o.amount_minor > a.kept`)} o
       returning provider_id)
     select provider_id, count(*) as n from added group by provider_id`,
  );
}

/** An order that has not left. */
export interface WaitingRow {
  readonly payee_id: bigint;
  readonly instruction_id: string;
  readonly source_id: string;
  readonly attempt: number;
}

/** Orders of sources that have not left, locked in the order in which outcomes lock them. */
export function lockWaiting(
  ctx: Context,
  purpose: string,
  select: OrderSelect,
  limit: number,
): Promise<WaitingRow[]> {
  const at = select.values.length;
  return ctx.db.query<WaitingRow>(
    `select i.payee_id, i.instruction_id, i.source_id, i.attempt from instruction i
     join (${select.text}) o on o.payee_id = i.payee_id and o.source_id = i.source_id
     where i.purpose = $${at + 1} and i.state = 'approved'
     order by i.payee_id, i.instruction_id limit $${at + 2} for update of i`,
    [...select.values, purpose, limit],
  );
}

/** The SELECT by which the ledger reserves what one statement has ordered. */
export function reserveSelect(
  ordered: Ordered,
  fund: bigint,
  paidOut: bigint,
): { text: string; values: unknown[] } {
  return {
    text: `select instruction_id as transfer_id, $1::bigint as debit_account,
             $2::bigint as credit_account, amount_minor, currency, 'instruction' as reference
           from instruction where instruction_id between $3::uuid and $4::uuid`,
    values: [fund, paidOut, ...rangeOf(ordered.base)],
  };
}
