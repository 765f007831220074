/**
 * Takes back orders that have not left: their state changes only where they still wait, and what was
 * reserved for those that changed is released with it.
 */

import type { Context } from '../../src/sdk/index.ts';
import { release } from '../ledger/index.ts';
import { changeStates } from './store/apply.ts';

/** Why orders are cancelled: a code, words for people, and who or what said so. */
export interface Cancelling {
  readonly reason: string;
  readonly reasonText: string | null;
  readonly source: string;
}

/** Cancels orders that wait; answers the ids of those that were still waiting. */
export async function cancelWaiting(
  ctx: Context,
  waiting: readonly { readonly payee_id: bigint; readonly instruction_id: string }[],
  { reason, reasonText, source }: Cancelling,
): Promise<Set<string>> {
  const cancelled = await changeStates(
    ctx,
    waiting.map((each) => ({
      payeeId: each.payee_id,
      instructionId: each.instruction_id,
      from: 'approved',
      to: 'cancelled',
      reason,
      reasonText,
      providerReference: null,
    })),
    source,
  );
  await release(ctx, [...cancelled]);
  return cancelled;
}
