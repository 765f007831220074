/**
 * Simulator: a payment provider that exists only here. It pays, refuses, delays and loses answers,
 * by seed, and keeps its own books, against which ours are checked.
 */

import {
  type Context,
  contribute,
  formatAmount,
  handle,
  job,
  type Module,
} from '../../../src/sdk/index.ts';
import {
  type NonPaymentReason,
  type OrderToPay,
  type Outcome,
  type PaymentProviderAdapter,
  paymentProvider,
} from '../../disbursement/index.ts';
import { type Behaviour, deedOf } from './behaviour.ts';
import { readCallback } from './callback.ts';
import { type BookRow, behaviourOf, book, look, setBehaviour } from './store.ts';

export { type Behaviour, HONEST } from './behaviour.ts';
export { executed, setBehaviour } from './store.ts';

function rowOf(behaviour: Behaviour, order: OrderToPay): BookRow | undefined {
  const deed = deedOf(behaviour, order.key);
  const base = {
    order_key: order.key,
    amount_minor: order.amountMinor,
    currency: order.currency,
    account: order.accountNumber,
    reason: null,
    receipt: null,
  };
  switch (deed.kind) {
    case 'lose-before':
      return undefined;
    case 'refuse':
      return { ...base, result: 'not-paid', reason: deed.reason };
    case 'delay':
      return { ...base, result: 'pending' };
    default:
      return { ...base, result: 'paid', receipt: `R${order.key}` };
  }
}

function outcomeOf(row: BookRow, amountMinor = row.amount_minor): Outcome {
  const key = row.order_key;
  if (row.result === 'pending') return { key, result: 'accepted' };
  if (row.result === 'not-paid') {
    return { key, result: 'not-paid', reason: row.reason as NonPaymentReason };
  }
  return {
    key,
    result: 'paid',
    providerReference: row.receipt ?? undefined,
    amountMinor,
    currency: row.currency,
  };
}

/** Seconds after which its books show what it was sent. */
const BOOKED_WITHIN_SECONDS = 60;

/** An order as it goes over the wire. */
function said(order: OrderToPay): Record<string, string | null> {
  const { key, currency, accountNumber, valueOn } = order;
  const amount = formatAmount({ minor: order.amountMinor, currency });
  return { key, amount, currency, account: accountNumber, on: valueOn };
}

const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each));

/** Executes orders in the provider's books and answers what it would say of them. */
async function execute(
  ctx: Context,
  providerId: bigint,
  orders: readonly OrderToPay[],
): Promise<Outcome[]> {
  const behaviour = await behaviourOf(ctx, providerId);
  const rows = orders.flatMap((order) => rowOf(behaviour, order) ?? []);
  const booked = await book(ctx, providerId, rows);
  return rows.flatMap((row): Outcome[] => {
    const deed = deedOf(behaviour, row.order_key);
    if (!booked.has(row.order_key)) return [{ key: row.order_key, result: 'unknown' }];
    if (deed.kind === 'lose-after') return [];
    if (deed.kind === 'wrong-amount') return [outcomeOf(row, row.amount_minor + 1n)];
    return [outcomeOf(row)];
  });
}

/** The adapter. */
export const simulatorAdapter: PaymentProviderAdapter = {
  channel: 'simulator',
  batchMax: 500,
  refusesRepeatedKeys: true,
  notFoundFinalAfterSeconds: BOOKED_WITHIN_SECONDS,
  async send(orders, { providerId, wire }, units) {
    const keys = orders.map((order) => order.key);
    const request = await wire.request({ keys, body: toJson(orders.map(said)) });
    const outcomes = await units.run((ctx) => execute(ctx, providerId, orders));
    await wire.answer(request, toJson(outcomes));
    return outcomes;
  },
  async enquire(keys, { providerId, wire }, units) {
    const request = await wire.request({ keys, body: toJson({ ask: keys }) });
    const rows = await units.run((ctx) => look(ctx, providerId, keys));
    const found = new Set(rows.map((row) => row.order_key));
    const outcomes = [
      ...rows.map((row) => outcomeOf(row)),
      ...keys
        .filter((key) => !found.has(key))
        .map((key): Outcome => ({ key, result: 'not-found' })),
    ];
    await wire.answer(request, toJson(outcomes));
    return outcomes;
  },
  parseCallback: readCallback,
};

const behave = job<{ providerId: string; behaviour: Behaviour }>(
  'simulator.behave',
  'tells a simulated provider how to behave',
);

/** The simulator as a module. */
export const simulator: Module = {
  name: 'simulator',
  title: 'Simulated payment provider',
  dependsOn: ['disbursement'],
  contributes: [contribute(paymentProvider, simulatorAdapter)],
  jobs: [
    handle(behave, async (ctx, { providerId, behaviour }) =>
      setBehaviour(ctx, BigInt(providerId), behaviour),
    ),
  ],
};
