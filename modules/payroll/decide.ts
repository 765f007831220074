/**
 * Decisions on a payroll: votes until its flow is passed, then the approval with all that it checks
 * again; or rejected, returned to the maker, cancelled.
 */

import { type Context, dayOf, problem, transition } from '../../src/sdk/index.ts';
import { createInstructions, type Orders, retryInstructions } from '../disbursement/index.ts';
import { closePayroll, stopPayroll } from './cancel.ts';
import { checkCeilings } from './ceiling.ts';
import { payrollApproved } from './events.ts';
import { closeIfResolved } from './follow.ts';
import { payrollLifecycle } from './lifecycle.ts';
import { recheck } from './recheck.ts';
import {
  cancelLines,
  decide,
  findPayroll,
  lockPayroll,
  orderSelect,
  type PayrollRow,
  type PayrollTitle,
  touchPayroll,
} from './store/decide.ts';
import { againSelect, followUpSelect } from './store/orders.ts';
import { dropDoubtful, moveFollowed, moveRetried, reopenPayroll } from './store/reopen.ts';
import { type ControlTotals, checkTotals } from './totals.ts';
import { submitToFlow, vote, voteOnLines } from './vote.ts';

/** The payroll of an id, locked. */
export async function locked(ctx: Context, payrollId: string): Promise<PayrollRow> {
  const found = await lockPayroll(ctx, payrollId);
  if (found) return found;
  throw problem('not-found', 'payroll-unknown', `There is no payroll ${payrollId}.`);
}

/** What a payroll is called and covers. */
export async function titleOf(ctx: Context, payrollId: string): Promise<PayrollTitle> {
  const found = await findPayroll(ctx, payrollId);
  if (found) return found;
  throw problem('not-found', 'payroll-unknown', `There is no payroll ${payrollId}.`);
}

/** What an approving vote came to. */
export interface Approval {
  /** False while the flow waits for more votes; nothing has been ordered then. */
  readonly approved: boolean;
  readonly ordered: number;
  readonly heldBack: number;
  /** The step that waits now, and the votes that it has. */
  readonly step: { readonly number: number; readonly name: string } | undefined;
  readonly accepted: number;
}

/**
 * Accepts a payroll. The last vote that its flow needs approves it: eligibility and holds are looked
 * at again, the control totals must match, ceilings and the fund must suffice, the money is reserved
 * and the instructions are made, all in one transaction.
 *
 * @throws Problem same-person, wrong-state, not-in-pool, voted-already, control-totals,
 *   ceiling-exceeded, insufficient-funds
 */
export async function approve(
  ctx: Context,
  payrollId: string,
  declared: ControlTotals | undefined,
): Promise<Approval> {
  const payroll = await locked(ctx, payrollId);
  const earlier = { draft: payroll.drafted_by };
  const row = transition(ctx, payrollLifecycle, 'approve', payroll.state, earlier);
  const passed = await vote(ctx, payroll, 'accept', null);
  if (!passed.final) {
    checkTotals(payroll, { count: payroll.lines_count, minor: payroll.lines_minor }, declared);
    await touchPayroll(ctx, payrollId);
    note(ctx, '$approve', payrollId, { step: payroll.step!, votes: passed.accepted });
    const { step, accepted } = passed;
    return { approved: false, ordered: 0, heldBack: 0, step, accepted };
  }
  const heldBack = await recheck(ctx, payroll);
  const count = payroll.lines_count - heldBack.n;
  const minor = payroll.lines_minor - heldBack.minor;
  checkTotals(payroll, { count, minor }, declared);
  await checkCeilings(ctx, payroll, minor);
  await decide(ctx, payroll, row.to, null, heldBack);
  const ordered = await order(ctx, payroll);
  ctx.emit(payrollApproved, { payrollId });
  await closeIfResolved(ctx, [payrollId]);
  note(ctx, '$approve', payrollId, { lines: ordered, held: Number(heldBack.n) });
  return {
    approved: true,
    ordered,
    heldBack: Number(heldBack.n),
    step: undefined,
    accepted: passed.accepted,
  };
}

const today = (ctx: Context): string => dayOf(ctx.now, 'UTC');

function ordersOf({ fund, currency }: PayrollRow, select: Orders['select']): Orders {
  return { purpose: 'payroll', fund, currency, select };
}

/** A follow-up is the next attempt of each line; of what is in doubt by now, nothing is ordered. */
async function order(ctx: Context, payroll: PayrollRow): Promise<number> {
  const id = payroll.payroll_id;
  if (payroll.kind !== 'follow-up') {
    return createInstructions(ctx, ordersOf(payroll, orderSelect(id, today(ctx))));
  }
  const ordered = await retryInstructions(ctx, ordersOf(payroll, followUpSelect(id, today(ctx))));
  await moveFollowed(ctx, payroll.payroll_id);
  await dropDoubtful(ctx, payroll.payroll_id);
  return ordered;
}

/**
 * Rejects or cancels a payroll; its periods are free again. Of one that is approved what has not left is
 * cancelled; it is itself cancelled where nothing has.
 */
export async function drop(
  ctx: Context,
  payrollId: string,
  act: 'reject' | 'cancel',
  reason: string | undefined,
): Promise<void> {
  const payroll = await locked(ctx, payrollId);
  if (act === 'cancel' && payroll.state === 'approved') {
    note(ctx, '$cancel', payrollId, { lines: await stopPayroll(ctx, payroll, null, reason) });
    return;
  }
  const earlier = { draft: payroll.drafted_by };
  const row = transition(ctx, payrollLifecycle, act, payroll.state, earlier, reason);
  if (act === 'reject') await vote(ctx, payroll, 'reject', reason!);
  await cancelLines(ctx, payrollId);
  await decide(ctx, payroll, row.to, reason ?? null);
  note(ctx, `$${act}`, payrollId, {});
}

/** Returns a payroll to its maker, with the reason; votes count no more. */
export async function returnToMaker(
  ctx: Context,
  payrollId: string,
  reason: string | undefined,
): Promise<void> {
  const payroll = await locked(ctx, payrollId);
  const earlier = { draft: payroll.drafted_by };
  const row = transition(ctx, payrollLifecycle, 'return', payroll.state, earlier, reason);
  await vote(ctx, payroll, 'return', reason!);
  await decide(ctx, payroll, row.to, reason!);
  note(ctx, '$return', payrollId, {});
}

/** Submits a returned payroll again: a new round, by the flow that is in force now. */
export async function resubmit(ctx: Context, payrollId: string): Promise<void> {
  const payroll = await locked(ctx, payrollId);
  const row = transition(ctx, payrollLifecycle, 'submit', payroll.state);
  await decide(ctx, payroll, row.to, null);
  await submitToFlow(ctx, payroll, payroll.round + 1, payroll.lines_minor);
  note(ctx, '$submit', payrollId, { round: payroll.round + 1 });
}

/** Accepts lines of a payroll, or rejects them (with a reason). */
export async function decideOnLines(
  ctx: Context,
  payrollId: string,
  lines: readonly string[],
  reason: string | null,
): Promise<void> {
  const payroll = await locked(ctx, payrollId);
  transition(ctx, payrollLifecycle, 'approve', payroll.state, { draft: payroll.drafted_by });
  await voteOnLines(ctx, payroll, lines, reason);
  const what = reason === null ? '$accept-lines' : '$reject-lines';
  note(ctx, what, payrollId, { lines: lines.length });
}

/** Cancels lines of an approved payroll that have not been sent; all of them, or none. */
export async function cancelLinesOf(
  ctx: Context,
  payrollId: string,
  lines: readonly string[],
  reason: string | undefined,
): Promise<number> {
  const payroll = await locked(ctx, payrollId);
  const cancelled = await stopPayroll(ctx, payroll, [...new Set(lines)], reason);
  note(ctx, '$cancel-lines', payrollId, { lines: cancelled });
  return cancelled;
}

/** Closes a payroll whose lines are all resolved. */
export async function close(ctx: Context, payrollId: string): Promise<void> {
  await closePayroll(ctx, await locked(ctx, payrollId));
  note(ctx, '$close', payrollId, {});
}

/** Orders again what is owed of lines that were not paid, or not wholly, or of those of them that are named. */
export async function retryUnpaid(
  ctx: Context,
  payrollId: string,
  lines: readonly string[] | null = null,
): Promise<number> {
  const payroll = await locked(ctx, payrollId);
  transition(ctx, payrollLifecycle, 'retry', payroll.state);
  const select = againSelect(payrollId, today(ctx), lines);
  const ordered = await retryInstructions(ctx, ordersOf(payroll, select));
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
