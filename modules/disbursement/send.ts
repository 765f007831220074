/**
 * Sends instructions and enquires after those without an answer.
 *
 * Each batch is three steps: commit that it is sent; speak to the outside with no transaction open;
 * apply what was said. A crash after the first step leaves `sent` without an answer, which the
 * enquiries find: never is anything sent again under a new key.
 */

import { type Context, dayOf, handleInSteps, job, type Units } from '../../src/sdk/index.ts';
import type { Outcome } from './instruction.ts';
import { applyOutcomes } from './outcomes.ts';
import {
  type OrderToPay,
  type PaymentProviderAdapter,
  type ProviderConfig,
  paymentProvider,
} from './provider.ts';
import {
  claim,
  dueEnquiries,
  type Sendable,
  type SendRow,
  sendable,
  waitingProviders,
} from './store/send.ts';

/** Sends what waits for a provider. `providerId` is decimal text. */
export const sendWaiting = job<{ providerId: string }>(
  'disbursement.send-waiting',
  'sends approved instructions to their provider in batches',
);

/** Enquires after instructions whose time has come. */
export const enquireDue = job<Record<string, never>>(
  'disbursement.enquire-due',
  'asks providers what became of instructions without an answer',
);

/** Looks for approved instructions that nobody sends (a day has come, a provider was resumed). */
export const wakeWaiting = job<Record<string, never>>(
  'disbursement.wake-waiting',
  'starts sending where approved instructions wait',
);

const ENQUIRIES_AT_ONCE = 500;

/** The adapter of a channel; an Error (a bug) when two claim it. */
export function adapterOf(
  ctx: Context,
  channel: string | null,
): PaymentProviderAdapter | undefined {
  const found = ctx.parts(paymentProvider).filter((each) => each.channel === channel);
  if (found.length > 1) throw new Error(`two adapters for channel ${channel}`);
  return found[0];
}

interface Batch {
  readonly adapter: PaymentProviderAdapter;
  readonly config: ProviderConfig;
  readonly orders: readonly OrderToPay[];
}

/** Step one: marks a batch as sent; undefined when nothing waits or nothing may be sent. */
async function take(ctx: Context, providerId: bigint): Promise<Batch | undefined> {
  const provider = await sendable(ctx, providerId);
  const adapter = provider && adapterOf(ctx, provider.channel);
  if (!provider || !adapter || !provider.disburses || provider.paused) return undefined;
  const rows = await claim(ctx, providerId, adapter.batchMax, dayOf(ctx.now, 'UTC'));
  if (rows.length === 0) return undefined;
  const orders = rows.map(asOrder);
  const config = configOf(provider);
  await adapter.prepare?.(ctx, orders, config);
  return { adapter, config, orders };
}

function configOf(provider: Sendable): ProviderConfig {
  return { providerId: provider.provider_id, name: provider.name };
}

function asOrder(row: SendRow): OrderToPay {
  return {
    key: row.transaction_number,
    amountMinor: row.amount_minor,
    currency: row.currency,
    accountKind: row.account_kind,
    accountNumber: row.account_number,
    valueOn: row.value_on,
  };
}

/** What an adapter leaves out is unknown. */
function complete(keys: readonly string[], outcomes: readonly Outcome[]): Outcome[] {
  const answered = new Set(outcomes.map((each) => each.key));
  const lost = keys.filter((key) => !answered.has(key));
  return [...outcomes, ...lost.map((key): Outcome => ({ key, result: 'unknown' }))];
}

/** Sends batch after batch until nothing waits. */
export const sendHandler = handleInSteps(sendWaiting, async (units: Units, data) => {
  const providerId = BigInt(data.providerId);
  for (;;) {
    const started = performance.now();
    const batch = await units.run((ctx) => take(ctx, providerId));
    if (!batch) return;
    const { adapter, config, orders } = batch;
    const outcomes = await adapter.send(orders, config, units);
    const all = complete(
      orders.map((each) => each.key),
      outcomes,
    );
    await units.run((ctx) => applyOutcomes(ctx, providerId, all, 'answer'));
    // What was not sent waits for the next ring of the clock, or this loop would spin.
    if (all.some((each) => each.result === 'not-sent')) return;
    await keepRate(adapter, orders.length, started);
  }
});

/** Holds the provider's rate: a batch takes at least as long as its rate allows. */
async function keepRate(
  adapter: PaymentProviderAdapter,
  count: number,
  started: number,
): Promise<void> {
  if (!adapter.ratePerSecond) return;
  const wanted = (count / adapter.ratePerSecond) * 1000;
  const left = wanted - (performance.now() - started);
  if (left > 0) await new Promise((done) => setTimeout(done, left));
}

/** Asks for the fate of what is due, provider by provider. */
export const enquireHandler = handleInSteps(enquireDue, async (units: Units) => {
  for (;;) {
    const due = await units.run((ctx) => dueEnquiries(ctx, ENQUIRIES_AT_ONCE));
    if (due.length === 0) return;
    for (const [providerId, rows] of Map.groupBy(due, (row) => row.provider_id)) {
      await enquire(
        units,
        providerId,
        rows.map((row) => row.transaction_number),
      );
    }
    if (due.length < ENQUIRIES_AT_ONCE) return;
  }
});

/** Asks a provider about keys now and applies what it says. */
export async function enquire(
  units: Units,
  providerId: bigint,
  keys: readonly string[],
): Promise<void> {
  const found = await units.run(async (ctx) => {
    const provider = await sendable(ctx, providerId);
    return provider && { provider, adapter: adapterOf(ctx, provider.channel) };
  });
  if (!found?.adapter?.enquire) return;
  const outcomes = await found.adapter.enquire(keys, configOf(found.provider), units);
  await units.run((ctx) => applyOutcomes(ctx, providerId, outcomes, 'enquiry'));
}

/** Enqueues sending for every provider for which something waits. */
export const wakeHandler = handleInSteps(wakeWaiting, async (units: Units) => {
  await units.run(async (ctx) => {
    for (const providerId of await waitingProviders(ctx, dayOf(ctx.now, 'UTC'))) {
      startSending(ctx, providerId);
    }
  });
});

/** Enqueues sending for a provider; one job at a time per provider. */
export function startSending(ctx: Context, providerId: bigint): void {
  const text = providerId.toString();
  ctx.enqueue(sendWaiting, { providerId: text }, { key: `send:${text}`, queue: `send:${text}` });
}
