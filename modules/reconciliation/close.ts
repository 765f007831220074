/**
 * Closing exceptions. Each has a coded reason. Where money is given up, or a payment is freed that
 * the exception stood against, one person proposes and another approves; a loss is posted to the
 * account that bears it.
 */

import {
  type Context,
  formatAmount,
  lifecycle,
  type Money,
  problem,
  transition,
} from '../../src/sdk/index.ts';
import { closeException, settleDoubts } from '../disbursement/index.ts';
import { ensureAccount, findAccount, transfer } from '../ledger/index.ts';
import { CLOSE } from './statement.ts';
import { proposeClosing, proposedClosing } from './store/closing.ts';
import {
  approveWriteOff,
  closeOurs,
  type ExceptionRow,
  lockException,
  proposedWriteOff,
  proposeWriteOff,
} from './store/exceptions.ts';

/** States of an exception. */
export const exceptionLifecycle = lifecycle({
  name: 'exception',
  initial: 'open',
  states: ['open', 'proposed', 'closed'],
  transitions: [
    {
      act: 'close',
      from: ['open', 'proposed'],
      to: 'closed',
      permission: CLOSE,
      needsReason: true,
    },
    { act: 'propose', from: ['open'], to: 'proposed', permission: CLOSE },
    {
      act: 'approve',
      from: ['proposed'],
      to: 'closed',
      permission: CLOSE,
      anotherPersonThan: ['propose'],
    },
  ],
});

export type ExceptionState = (typeof exceptionLifecycle.states)[number];

/**
 * Kinds that stand against paying an instruction: whoever closes one lets it be sent, or ordered
 * again. That takes two people.
 */
export const DOUBTING_KINDS: readonly string[] = [
  'amount-differs',
  'account-differs',
  'paid-when-not-sent',
];

/** The reason that gives money up. */
export const WRITTEN_OFF = 'written-off';

/** Why an exception may be closed; published as CodeSystem closure-reason. */
export const CLOSURE_REASONS = [
  'found-later',
  'corrected-by-provider',
  'recovered',
  'other-business',
  'explained',
  WRITTEN_OFF,
] as const;

/** How an exception is to be closed. */
export interface Closing {
  readonly exceptionId: string;
  readonly reason: string;
  readonly note?: string;
  /** Write-off only: who bears the loss, and how much it is. */
  readonly account?: string;
  readonly amount?: Money;
}

/** Where an exception stands. */
export function stateOf(row: ExceptionRow): ExceptionState {
  if (row.closed_at) return 'closed';
  return row.proposed_by === null ? 'open' : 'proposed';
}

/**
 * Closes an exception of a provider, or takes the first of two steps where it needs two people.
 *
 * @throws Problem exception-unknown, closure-reason, wrong-state, same-person, write-off-incomplete,
 *   write-off-differs, fund-unknown, insufficient-funds
 */
export async function closeProviderException(
  ctx: Context,
  providerId: bigint,
  closing: Closing,
): Promise<ExceptionState> {
  const row = await lockException(ctx, closing.exceptionId);
  if (!row || row.provider_id !== providerId) {
    throw problem(
      'not-found',
      'exception-unknown',
      `There is no exception ${closing.exceptionId.slice(0, 64)} of this provider.`,
      'exception',
    );
  }
  if (!CLOSURE_REASONS.some((each) => each === closing.reason)) {
    throw problem(
      'code-invalid',
      'closure-reason',
      `Give a reason: ${CLOSURE_REASONS.join(', ')}.`,
      'reason',
    );
  }
  const to = await act(ctx, row, closing);
  if (to === 'closed') await markClosed(ctx, row, closing.reason);
  ctx.audit({
    action: 'U',
    interaction: '$close-exception',
    ...(row.statement_id !== null && { type: 'PaymentReconciliation', id: row.statement_id }),
    detail: { exception: row.exception_id, kind: row.kind, reason: closing.reason, state: to },
  });
  return to;
}

async function act(ctx: Context, row: ExceptionRow, closing: Closing): Promise<ExceptionState> {
  if (closing.reason === WRITTEN_OFF) return writeOff(ctx, row, closing);
  if (row.instruction_id !== null && DOUBTING_KINDS.includes(row.kind)) {
    return closeByTwo(ctx, row, closing);
  }
  return transition(ctx, exceptionLifecycle, 'close', stateOf(row), {}, 'coded').to;
}

/** The first call proposes, the same call of another person closes; another reason proposes anew. */
async function closeByTwo(
  ctx: Context,
  row: ExceptionRow,
  { reason, note }: Closing,
): Promise<ExceptionState> {
  const open = row.closed_at ? undefined : await proposedClosing(ctx, row.exception_id);
  if (open?.reason === reason) {
    const earlier = { propose: open.proposed_by };
    return transition(ctx, exceptionLifecycle, 'approve', 'proposed', earlier).to;
  }
  const state = row.closed_at ? 'closed' : 'open';
  const { to } = transition(ctx, exceptionLifecycle, 'propose', state);
  await proposeClosing(ctx, row.exception_id, reason, note);
  return to;
}

async function markClosed(ctx: Context, row: ExceptionRow, reason: string): Promise<void> {
  const closer = row.origin === 'statement' ? closeOurs : closeException;
  if (await closer(ctx, row.exception_id, reason)) return settleDoubts(ctx, row.exception_id);
  throw problem('conflict', 'wrong-state', 'This exception has been closed meanwhile.');
}

async function writeOff(
  ctx: Context,
  row: ExceptionRow,
  closing: Closing,
): Promise<ExceptionState> {
  const { account, amount } = closing;
  if (account === undefined || amount === undefined || amount.minor <= 0n) {
    throw problem(
      'required',
      'write-off-incomplete',
      'A write-off names the account that bears the loss and the amount, above zero.',
      'amount',
    );
  }
  const proposed = await proposedWriteOff(ctx, row.exception_id);
  if (proposed === undefined) {
    const state = row.closed_at ? 'closed' : 'open';
    const { to } = transition(ctx, exceptionLifecycle, 'propose', state);
    await bearing(ctx, account, amount.currency);
    const { minor, currency } = amount;
    await proposeWriteOff(ctx, row.exception_id, { account, minor, currency, note: closing.note });
    return to;
  }
  const earlier = { propose: proposed.proposed_by };
  const { to } = transition(ctx, exceptionLifecycle, 'approve', stateOf(row), earlier);
  const same =
    proposed.account_code === account &&
    proposed.amount_minor === amount.minor &&
    proposed.currency === amount.currency;
  if (!same) {
    const text = formatAmount({ minor: proposed.amount_minor, currency: proposed.currency });
    throw problem(
      'business-rule',
      'write-off-differs',
      `Proposed are ${text} ${proposed.currency} from ${proposed.account_code}; approve exactly that.`,
      'amount',
    );
  }
  await moveLoss(ctx, row, account, amount);
  return to;
}

async function bearing(ctx: Context, code: string, currency: string) {
  const found = await findAccount(ctx, code);
  if (found?.currency === currency) return found;
  throw problem(
    'business-rule',
    'fund-unknown',
    `There is no account "${code.slice(0, 100)}" in ${currency}.`,
    'account',
  );
}

async function moveLoss(
  ctx: Context,
  row: ExceptionRow,
  code: string,
  { minor, currency }: Money,
): Promise<void> {
  const account = await bearing(ctx, code, currency);
  const lost = await ensureAccount(ctx, {
    code: `written-off:${currency.toLowerCase()}`,
    name: `Written off, ${currency}`,
    currency,
  });
  const transferId = ctx.newId();
  await transfer(ctx, [
    {
      transferId,
      debitAccount: account.account_id,
      creditAccount: lost.account_id,
      amountMinor: minor,
      currency,
      reference: `exception/${row.exception_id}`,
    },
  ]);
  await approveWriteOff(ctx, row.exception_id, transferId);
}
