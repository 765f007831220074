/**
 * Statements over all lines of a payroll whose lines the planner does not know.
 */

import type { Context } from '../../../src/sdk/index.ts';

/**
 * Runs statements without nested loops. Of lines that were drafted just now, and of a new period among
 * many old ones, there are no statistics: the planner takes them for one, and would run the other side
 * once for each of a million. Without loops it joins by hashes.
 */
export async function withoutLoops<Result>(
  ctx: Context,
  work: () => Promise<Result>,
): Promise<Result> {
  await ctx.db.run('set local enable_nestloop = off');
  const result = await work();
  await ctx.db.run('set local enable_nestloop = on');
  return result;
}
