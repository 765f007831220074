/**
 * Lifts holds that suspicions have raised. A Flag that somebody has deleted meanwhile holds nobody.
 */

import type { Context } from '../../src/sdk/index.ts';
import { releaseHold } from '../households/index.ts';

/** Lifts these holds, as far as they stand. */
export async function release(ctx: Context, flags: readonly string[]): Promise<void> {
  if (flags.length === 0) return;
  const known = await ctx.fhir.rids('Flag', flags);
  for (const id of known.keys()) await releaseHold(ctx, id);
}
