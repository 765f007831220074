/**
 * What is stopped after an approval: lines, or all of a payroll, whose orders have not left; and closing
 * by hand, which is refused as long as anything is unresolved.
 *
 * What has left is never taken back here: only the provider knows whether it was paid. A household whose
 * line is cancelled before anything left is free for another payroll of the period.
 */

import { type Context, problem, transition } from '../../src/sdk/index.ts';
import { cancelOrders } from '../disbursement/index.ts';
import { closeIfResolved } from './follow.ts';
import { payrollLifecycle } from './lifecycle.ts';
import { cancelWaiting, unresolvedLines, waitingSelect } from './store/cancel.ts';
import { decide, type PayrollRow } from './store/decide.ts';

/**
 * Cancels what has not left of an approved payroll.
 *
 * @param lines  of these only; null: all, and the payroll is cancelled when nothing of it has left
 * @returns how many orders were cancelled
 * @throws Problem reason-missing, wrong-state, nothing-waits
 */
export async function stopPayroll(
  ctx: Context,
  payroll: PayrollRow,
  lines: readonly string[] | null,
  reason: string | undefined,
): Promise<number> {
  const { payroll_id: id } = payroll;
  const act = lines === null ? 'cancel' : 'cancel-lines';
  const row = transition(ctx, payrollLifecycle, act, payroll.state, {}, reason);
  const cancelled = await cancelOrders(ctx, 'payroll', waitingSelect(id, lines), reason!);
  if (cancelled === 0 || (lines !== null && cancelled < lines.length)) throw nothingWaits();
  const left = await cancelWaiting(ctx, id, lines);
  if (left === 0n && lines === null) await decide(ctx, payroll, row.to, reason!);
  else await closeIfResolved(ctx, [id]);
  return cancelled;
}

function nothingWaits() {
  return problem(
    'conflict',
    'nothing-waits',
    'Some of this has been sent, or is decided already; only what has not left can be cancelled.',
    'line',
  );
}

/**
 * Closes a payroll of which everything is resolved; as a rule it has closed by itself then.
 *
 * @throws Problem wrong-state, lines-unresolved with how many there are in which state
 */
export async function closePayroll(ctx: Context, payroll: PayrollRow): Promise<void> {
  transition(ctx, payrollLifecycle, 'close', payroll.state);
  const unresolved = await unresolvedLines(ctx, payroll.payroll_id);
  if (unresolved.length === 0) return closeIfResolved(ctx, [payroll.payroll_id]);
  const found = unresolved.map(({ state, n }) => `${n} ${state}`).join(', ');
  throw problem(
    'business-rule',
    'lines-unresolved',
    `Not all lines are resolved: ${found}. Cancel what is approved and not sent; what is sent or ` +
      'unknown is asked after, or decided by $resolve-unknown.',
  );
}
