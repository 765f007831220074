/**
 * Decisions on a payroll, and what follows from its instructions.
 */

import {
  type Context,
  dayOf,
  formatAmount,
  on,
  parseAmount,
  problem,
  transition,
} from '../../src/sdk/index.ts';
import { createInstructions, instructionMoved, retryInstructions } from '../disbursement/index.ts';
import { payrollApproved, payrollClosed } from './events.ts';
import { payrollLifecycle } from './lifecycle.ts';
import {
  cancelLines,
  closeResolved,
  decide,
  followLines,
  holdBack,
  lockPayroll,
  orderSelect,
  type PayrollRow,
} from './store/decide.ts';
import { moveRetried, reopenPayroll } from './store/reopen.ts';

/** Totals that the approver declares; approval stops when they differ. */
export interface ControlTotals {
  readonly count: number;
  /** Decimal text in the payroll's currency. */
  readonly amount: string;
}

async function locked(ctx: Context, payrollId: string): Promise<PayrollRow> {
  const found = await lockPayroll(ctx, payrollId);
  if (found) return found;
  throw problem('not-found', 'payroll-unknown', `There is no payroll ${payrollId}.`);
}

/**
 * Approves a payroll: holds are looked at again, the control totals must match, the money is
 * reserved and the instructions are made, all in one transaction.
 *
 * @throws Problem same-person, wrong-state, control-totals, insufficient-funds
 */
export async function approve(
  ctx: Context,
  payrollId: string,
  declared: ControlTotals | undefined,
): Promise<{ ordered: number; heldBack: number }> {
  const payroll = await locked(ctx, payrollId);
  const earlier = { draft: payroll.drafted_by };
  const row = transition(ctx, payrollLifecycle, 'approve', payroll.state, earlier);
  const heldBack = await holdBack(ctx, payrollId);
  const count = payroll.lines_count - heldBack.n;
  const minor = payroll.lines_minor - heldBack.minor;
  checkTotals(payroll, { count, minor }, declared);
  await decide(ctx, payroll, row.to, null, heldBack);
  const ordered = await createInstructions(ctx, {
    purpose: 'payroll',
    fund: payroll.fund,
    currency: payroll.currency,
    select: orderSelect(payrollId, 'open', dayOf(ctx.now, 'UTC')),
  });
  ctx.emit(payrollApproved, { payrollId });
  await closeIfResolved(ctx, [payrollId]);
  note(ctx, '$approve', payrollId, { lines: ordered, held: Number(heldBack.n) });
  return { ordered, heldBack: Number(heldBack.n) };
}

function checkTotals(
  payroll: PayrollRow,
  found: { count: bigint; minor: bigint },
  declared: ControlTotals | undefined,
): void {
  if (!declared) return;
  const { currency } = payroll;
  const amount = parseAmount(declared.amount, currency, 'amount');
  if (BigInt(declared.count) === found.count && amount.minor === found.minor) return;
  const text = formatAmount({ minor: found.minor, currency });
  throw problem(
    'business-rule',
    'control-totals',
    `The payroll has ${found.count} lines of ${text} ${currency} together, not ${declared.count} of ` +
      `${declared.amount}; look at it again before you approve.`,
    'amount',
  );
}

/** Rejects or cancels a draft; its periods are free again. */
export async function drop(
  ctx: Context,
  payrollId: string,
  act: 'reject' | 'cancel',
  reason: string | undefined,
): Promise<void> {
  const payroll = await locked(ctx, payrollId);
  const earlier = { draft: payroll.drafted_by };
  const row = transition(ctx, payrollLifecycle, act, payroll.state, earlier, reason);
  await cancelLines(ctx, payrollId);
  await decide(ctx, payroll, row.to, reason ?? null);
  note(ctx, `$${act}`, payrollId, {});
}

/** Orders again the lines that were definitively not paid, or those of them that are named. */
export async function retryUnpaid(
  ctx: Context,
  payrollId: string,
  lines: readonly string[] | null = null,
): Promise<number> {
  const payroll = await locked(ctx, payrollId);
  transition(ctx, payrollLifecycle, 'retry', payroll.state);
  const ordered = await retryInstructions(ctx, {
    purpose: 'payroll',
    fund: payroll.fund,
    currency: payroll.currency,
    select: orderSelect(payrollId, 'not-paid', dayOf(ctx.now, 'UTC'), lines),
  });
  if (ordered > 0) {
    await moveRetried(ctx, payrollId);
    await reopenPayroll(ctx, payroll);
  }
  note(ctx, '$retry-unpaid', payrollId, { lines: ordered });
  return ordered;
}

function note(ctx: Context, interaction: string, id: string, detail: Record<string, number>): void {
  ctx.audit({ action: 'E', interaction, type: 'List', id, detail });
}

async function closeIfResolved(ctx: Context, payrolls: readonly string[]): Promise<void> {
  for (const payrollId of await closeResolved(ctx, payrolls))
    ctx.emit(payrollClosed, { payrollId });
}

/** Lines follow their instructions; a payroll closes when its last line is resolved. */
export const followInstructions = on(
  instructionMoved,
  'brings payroll lines to the state of their instructions and closes payrolls',
  async (ctx, events) => {
    const ours = events.filter((each) => each.purpose === 'payroll');
    if (ours.length === 0) return;
    const payrolls = await followLines(
      ctx,
      ours.map((each) => ({ household: BigInt(each.payeeId), line: each.sourceId })),
    );
    await closeIfResolved(ctx, payrolls);
  },
);
