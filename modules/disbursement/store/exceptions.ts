/**
 * Closes exceptions that a provider's answers have raised.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const CLOSE = statement(
  'disbursement.close-exception',
  `update disbursement_exception set closed_at = $2, closed_by = $3, closure_reason = $4
   where exception_id = $1 and closed_at is null`,
);

/** Closes an exception; false when it is closed already or not of this room. */
export async function closeException(
  ctx: Context,
  exceptionId: string,
  reason: string,
): Promise<boolean> {
  return (await ctx.db.run(CLOSE, [exceptionId, ctx.now, ctx.actor.id, reason])) > 0;
}
