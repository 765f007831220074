/**
 * Sends instructions.
 *
 * Each batch is three steps: commit that it is being sent, with a lease; speak to the outside with no
 * transaction open; apply what was said and end the batch. A crash after the first step leaves `sent`
 * without an answer, which the enquiries find when the lease has lapsed: never is anything sent again
 * under a new key.
 */

import { type Context, dayOf, handleInSteps, job, type Units } from '../../src/sdk/index.ts';
import type { Outcome } from './instruction.ts';
import { type LimitColumns, limitsOf } from './limits.ts';
import { maskSecrets } from './mask.ts';
import { applyOutcomes, refuseUnpayable } from './outcomes.ts';
import {
  type OrderToPay,
  type PaymentProviderAdapter,
  type ProviderConfig,
  paymentProvider,
} from './provider.ts';
import { endBatch, LEASE_SECONDS, openBatch, renewBatch } from './store/batch.ts';
import { recordSpoken } from './store/message.ts';
import {
  claim,
  type Sendable,
  type SendRow,
  sendable,
  unpayable,
  waitingProviders,
} from './store/send.ts';
import { openWire } from './wire.ts';

/** Sends what waits for a provider. `providerId` is decimal text. */
export const sendWaiting = job<{ providerId: string }>(
  'disbursement.send-waiting',
  'sends approved instructions to their provider in batches',
);

/** Looks for approved instructions that nobody sends (a day has come, a provider was resumed). */
export const wakeWaiting = job<Record<string, never>>(
  'disbursement.wake-waiting',
  'starts sending where approved instructions wait',
);

const UNPAYABLE_AT_ONCE = 5000;
const ASK_AFTER_SECONDS = 60;

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
  readonly batchId: string;
  readonly adapter: PaymentProviderAdapter;
  readonly config: ProviderConfig;
  readonly orders: readonly OrderToPay[];
  /** Seconds after the end of sending until what has no answer is asked for. */
  readonly askAfter: number;
}

/** Step one: marks a batch as sent; undefined when nothing waits or nothing may be sent. */
async function take(ctx: Context, providerId: bigint): Promise<Batch | undefined> {
  const provider = await sendable(ctx, providerId);
  const adapter = provider && adapterOf(ctx, provider.channel);
  if (!provider || !adapter || !provider.disburses || provider.paused) return undefined;
  const limits = limitsOf(ctx, adapter);
  const today = dayOf(ctx.now, 'UTC');
  await refuseWhatCannotBePaid(ctx, providerId, limits, today);
  const batchId = ctx.newId();
  const askAfter = adapter.answersWithinSeconds?.(ctx) ?? ASK_AFTER_SECONDS;
  const rows = await claim(ctx, {
    providerId,
    batchId,
    limit: adapter.batchMax,
    today,
    limits,
    askAfter: LEASE_SECONDS + askAfter,
  });
  if (rows.length === 0) return undefined;
  await openBatch(ctx, batchId, providerId, rows.length);
  const batch = {
    batchId,
    adapter,
    config: configOf(provider),
    orders: rows.map(asOrder),
    askAfter,
  };
  await prepare(ctx, batch);
  return batch;
}

async function refuseWhatCannotBePaid(
  ctx: Context,
  providerId: bigint,
  limits: LimitColumns,
  today: string,
): Promise<void> {
  if (limits.all) return;
  const rows = await unpayable(ctx, providerId, limits, today, UNPAYABLE_AT_ONCE);
  if (rows.length > 0) await refuseUnpayable(ctx, providerId, rows);
}

async function prepare(ctx: Context, { adapter, config, orders, batchId }: Batch): Promise<void> {
  const said = await adapter.prepare?.(ctx, orders, config);
  if (said === undefined) return;
  await recordSpoken(ctx, {
    providerId: config.providerId,
    channel: adapter.channel,
    kind: 'request',
    about: 'send',
    batchId,
    requestId: null,
    keys: said.keys,
    body: maskSecrets(said.body, said.secrets),
  });
}

/** What an adapter needs to know of a provider. */
export function configOf(provider: Sendable): ProviderConfig {
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
    const all = await speak(units, batch);
    await units.run(async (ctx) => {
      await applyOutcomes(ctx, providerId, all, 'answer');
      await endBatch(ctx, batch.batchId, batch.askAfter);
    });
    // What was not sent waits for the next ring of the clock, or this loop would spin.
    if (all.some((each) => each.result === 'not-sent')) return;
    await keepRate(batch.adapter, batch.orders.length, started);
  }
});

/** Step two: with no transaction open, and with the lease renewed as long as it takes. */
async function speak(units: Units, batch: Batch): Promise<Outcome[]> {
  const { adapter, config, orders, batchId } = batch;
  const wire = openWire(units, { ...config, channel: adapter.channel, batchId });
  const renewing = setInterval(() => {
    // A renewal that fails is made up by the next one; a lapsed lease stops the wire.
    units.run((ctx) => renewBatch(ctx, batchId)).catch(() => {});
  }, LEASE_SECONDS * 200);
  try {
    const outcomes = await adapter.send(orders, { ...config, wire }, units);
    return complete(
      orders.map((each) => each.key),
      outcomes,
    );
  } catch (error) {
    // Whatever it was, nothing of this batch leaves any more: its orders are asked for.
    await units.run((ctx) => endBatch(ctx, batchId, batch.askAfter));
    throw error;
  } finally {
    clearInterval(renewing);
  }
}

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
