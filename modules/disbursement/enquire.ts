/**
 * Asks providers what became of instructions without an answer.
 *
 * A question never overtakes a batch that may still leave: its lease must have lapsed or its sending
 * have ended. "Not found" proves something only when the provider has had time to know.
 */

import { handleInSteps, job, type Units } from '../../src/sdk/index.ts';
import { applyOutcomes } from './outcomes.ts';
import { adapterOf, configOf } from './send.ts';
import { dueEnquiries, sendable } from './store/send.ts';
import { openWire } from './wire.ts';

/** Enquires after instructions whose time has come. */
export const enquireDue = job<Record<string, never>>(
  'disbursement.enquire-due',
  'asks providers what became of instructions without an answer',
);

const ENQUIRIES_AT_ONCE = 500;

/** Asks for the fate of what is due, provider by provider. */
export const enquireHandler = handleInSteps(enquireDue, async (units: Units) => {
  for (;;) {
    const { due, at } = await units.run(async (ctx) => ({
      due: await dueEnquiries(ctx, ENQUIRIES_AT_ONCE),
      at: ctx.now,
    }));
    if (due.length === 0) return;
    const failed: unknown[] = [];
    for (const [providerId, rows] of Map.groupBy(due, (row) => row.provider_id)) {
      const keys = rows.map((row) => row.transaction_number);
      // One provider's adapter that fails leaves the others asked.
      await enquire(units, providerId, keys, at).catch((error: unknown) => failed.push(error));
    }
    if (failed.length > 0) throw failed[0];
    if (due.length < ENQUIRIES_AT_ONCE) return;
  }
});

/** Asks a provider about keys and applies what it says; `at` is an instant before the question. */
async function enquire(
  units: Units,
  providerId: bigint,
  keys: readonly string[],
  at: Date,
): Promise<void> {
  const found = await units.run(async (ctx) => {
    const provider = await sendable(ctx, providerId);
    return provider && { provider, adapter: adapterOf(ctx, provider.channel) };
  });
  const adapter = found?.adapter;
  if (!adapter?.enquire) return;
  const config = configOf(found!.provider);
  const wire = openWire(units, { ...config, channel: adapter.channel });
  const outcomes = await adapter.enquire(keys, { ...config, wire }, units);
  const asked = { at, finalAfterSeconds: adapter.notFoundFinalAfterSeconds };
  await units.run((ctx) => applyOutcomes(ctx, providerId, outcomes, 'enquiry', asked));
}
