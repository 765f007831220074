/**
 * Orders again what was definitively not paid: by itself after reasons that pass, and at once by a
 * person. The room that owes the money orders it, with its fund and the account of today.
 */

import {
  type Context,
  extensionPoint,
  handleInSteps,
  job,
  type Operation,
  Problem,
  problem,
  type Units,
} from '../../src/sdk/index.ts';
import { instructionOperation } from './definitions.ts';
import { RETRY } from './instruction.ts';
import { RETRIED_ON_RESUME, RETRIES_ON_RESUME_MAX } from './retry-policy.ts';
import { peekInstruction } from './store/find.ts';
import { dueRetries, retryOnResume } from './store/retry.ts';

/** A room that orders payments. */
export interface PaymentSource {
  /** As in the orders that it makes. */
  readonly purpose: string;
  /** Orders sources again by `retryInstructions`; answers how many. */
  retry(ctx: Context, sources: readonly string[]): Promise<number>;
}

/** Rooms that order payments contribute themselves here, to be told to order again. */
export const paymentSource = extensionPoint<PaymentSource>(
  'disbursement.payment-source',
  'rooms that order payments, and order again what was not paid',
);

/** Orders again what failed for a reason that passes. */
export const retryDue = job<Record<string, never>>(
  'disbursement.retry-due',
  'orders again what was not paid for a reason that has passed',
);

const AT_ONCE = 500;

const RETRIED: ReadonlySet<string> = new Set(['not-paid', 'returned']);

function sourceOf(ctx: Context, purpose: string): PaymentSource | undefined {
  return ctx.parts(paymentSource).find((each) => each.purpose === purpose);
}

/** What is due is taken once: should it fail, a person finds it among what was not paid. */
export const retryHandler = handleInSteps(retryDue, async (units: Units) => {
  for (;;) {
    const due = await units.run((ctx) => dueRetries(ctx, AT_ONCE));
    for (const [purpose, rows] of Map.groupBy(due, (row) => row.purpose)) {
      const sources = rows.map((row) => row.source_id);
      if (await orderAgain(units, purpose, sources)) continue;
      for (const source of sources) await orderAgain(units, purpose, [source]);
    }
    if (due.length < AT_ONCE) return;
  }
});

/** False when a Problem stands against it, e.g. that the fund is empty. */
async function orderAgain(
  units: Units,
  purpose: string,
  sources: readonly string[],
): Promise<boolean> {
  try {
    await units.run(async (ctx) => {
      const ordered = await sourceOf(ctx, purpose)?.retry(ctx, sources);
      ctx.log.info('ordered again', { purpose, due: sources.length, ordered: ordered ?? 0 });
    });
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const code = error.issues[0]?.code ?? 'problem';
    await units.run(async (ctx) => ctx.log.warn('not ordered again', { purpose, code }));
    return false;
  }
}

/** What failed by a fault of the payer is ordered again when an officer resumes the provider. */
export async function retryAfterResume(ctx: Context, providerId: bigint): Promise<void> {
  const due = await retryOnResume(ctx, providerId, RETRIED_ON_RESUME, RETRIES_ON_RESUME_MAX);
  if (due > 0) ctx.enqueue(retryDue, {}, { key: retryDue.name });
}

/** `$retry` of one instruction. */
export const retryNow: Operation = {
  permission: RETRY,
  definition: instructionOperation(
    'retry',
    'Orders again, as the next attempt, an instruction that was definitively not paid.',
    [],
  ),
  async run(ctx, { id }) {
    // Not locked: whoever orders again locks what it owns first, then its instructions.
    const row = await peekInstruction(ctx, id!);
    const isOwed = row && (RETRIED.has(row.state) || (row.state === 'paid' && row.gave_back));
    if (!isOwed) {
      throw problem(
        'conflict',
        'wrong-state',
        'Only what was definitively not paid, or came back, is ordered again; what is unknown is ' +
          'asked after.',
      );
    }
    const ordered = (await sourceOf(ctx, row.purpose)?.retry(ctx, [row.source_id])) ?? 0;
    if (ordered === 0) {
      throw problem(
        'business-rule',
        'not-retried',
        'It was not ordered again: another attempt is under way or paid, an exception about it is ' +
          'open, or its reason needs corrected data first.',
      );
    }
    ctx.audit({
      action: 'E',
      interaction: '$retry',
      type: 'ClaimResponse',
      id: row.instruction_id,
    });
    return {
      resourceType: 'Parameters',
      parameter: [{ name: 'ordered', valueInteger: ordered }],
    };
  },
};
