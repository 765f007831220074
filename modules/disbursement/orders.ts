/**
 * Orders to pay: made set-based from a SELECT of the caller, with the money reserved in the same
 * transaction; retried as the next attempt after a definitive failure; cancelled before they leave.
 */

import { type Context, problem } from '../../src/sdk/index.ts';
import { ensureAccount, findAccount, reserve } from '../ledger/index.ts';
import { cancelWaiting } from './cancel.ts';
import { instructionMoved } from './events.ts';
import { ORDER_CANCELLED } from './instruction.ts';
import { startSending } from './send.ts';
import {
  blockedProviders,
  insertInstructions,
  insertRetries,
  lockWaiting,
  type Ordered,
  type OrderSelect,
  reserveSelect,
} from './store/create.ts';

/** What to pay. */
export interface Orders {
  /** Names the caller's kind of thing, e.g. `payroll`. */
  readonly purpose: string;
  /** Ledger account that pays, by code. */
  readonly fund: string;
  readonly currency: string;
  /**
   * SELECT with the columns payee_id bigint, source_id uuid, recipient_id bigint, provider_id
   * bigint, account_kind text, account_number text, pay_point_id bigint, amount_minor bigint,
   * currency text, value_on date.
   */
  readonly select: OrderSelect;
}

/**
 * Orders payments and reserves their money.
 *
 * @returns how many were ordered
 * @throws Problem fund-unknown, insufficient-funds, provider-not-registered
 */
export async function createInstructions(ctx: Context, orders: Orders): Promise<number> {
  return carryOut(ctx, orders, await insertOnce(ctx, orders));
}

async function insertOnce(ctx: Context, orders: Orders): Promise<Ordered> {
  try {
    return await insertInstructions(ctx, orders.purpose, orders.select);
  } catch (error) {
    if ((error as { constraint?: string }).constraint !== 'instruction_attempt_once') throw error;
    const found = problem(
      'conflict',
      'already-ordered',
      'Some of these payments are ordered already; order each once, and retry what failed.',
    );
    found.cause = error;
    throw found;
  }
}

/** Orders again what was definitively not paid, as the next attempt. Raises as above. */
export async function retryInstructions(ctx: Context, orders: Orders): Promise<number> {
  return carryOut(ctx, orders, await insertRetries(ctx, orders.purpose, orders.select));
}

/** Orders cancelled at once, so that memory does not grow with a payroll. */
const CANCELLED_AT_ONCE = 5000;

/**
 * Cancels orders that have not left, and sets their money free; what is sent is left alone.
 *
 * @param select  SELECT with the columns payee_id bigint and source_id uuid
 * @returns how many were cancelled
 */
export async function cancelOrders(
  ctx: Context,
  purpose: string,
  select: OrderSelect,
  why: string,
): Promise<number> {
  for (let cancelled = 0; ; ) {
    const waiting = await lockWaiting(ctx, purpose, select, CANCELLED_AT_ONCE);
    const done = await cancelWaiting(ctx, waiting, {
      reason: ORDER_CANCELLED,
      reasonText: why,
      source: 'cancelled',
    });
    for (const each of waiting) {
      ctx.emit(instructionMoved, {
        purpose,
        sourceId: each.source_id,
        payeeId: each.payee_id.toString(),
        instructionId: each.instruction_id,
        attempt: each.attempt,
        state: 'cancelled',
        reason: ORDER_CANCELLED,
      });
    }
    cancelled += done.size;
    if (waiting.length < CANCELLED_AT_ONCE) return cancelled;
  }
}

/** What follows from rows that were inserted; a refusal here takes them back. */
async function carryOut(ctx: Context, orders: Orders, ordered: Ordered): Promise<number> {
  if (ordered.count === 0) return 0;
  await refuseBlocked(ctx, ordered.providers);
  await reserveOrders(ctx, orders, ordered);
  for (const providerId of ordered.providers) startSending(ctx, providerId);
  return ordered.count;
}

async function refuseBlocked(ctx: Context, providers: readonly bigint[]): Promise<void> {
  const blocked = await blockedProviders(ctx, providers);
  if (blocked.length === 0) return;
  throw problem(
    'business-rule',
    'provider-not-registered',
    `${blocked.length} provider(s) of these payments are not registered, active and connected; ` +
      'only such providers disburse.',
  );
}

async function reserveOrders(ctx: Context, orders: Orders, ordered: Ordered): Promise<void> {
  const { currency } = orders;
  const fund = await findAccount(ctx, orders.fund);
  if (!fund || fund.currency !== currency) {
    throw problem(
      'business-rule',
      'fund-unknown',
      `There is no account "${orders.fund}" in ${currency}; record funding for it first.`,
    );
  }
  const paidOut = await ensureAccount(ctx, {
    code: `paid-out:${currency.toLowerCase()}`,
    name: `Paid out, ${currency}`,
    currency,
  });
  const { text, values } = reserveSelect(ordered, fund.account_id, paidOut.account_id);
  const accounts = [fund.account_id, paidOut.account_id];
  await reserve(ctx, { text, values, accounts, fresh: true });
}
