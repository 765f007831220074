/**
 * What follows from the instructions of a payroll: lines come to their state, payrolls close.
 */

import { type Context, on } from '../../src/sdk/index.ts';
import { instructionMoved } from '../disbursement/index.ts';
import { payrollClosed } from './events.ts';
import { closeResolved, followLines } from './store/decide.ts';

/** Closes those of the payrolls whose last line is resolved. */
export async function closeIfResolved(ctx: Context, payrolls: readonly string[]): Promise<void> {
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
