/**
 * Takes suspicions back: all that a run over everybody did not find again, raised while little was counted
 * or before a record was corrected, or one by one. Only those that nobody has taken in hand.
 */

import type { Task } from '@medplum/fhirtypes';
import type { Context, Units } from '../../src/sdk/index.ts';
import { release } from './holds.ts';
import { type FadedRow, fadedSuspicions, withdrawRow } from './store/suspicions.ts';

/** Suspicions of one transaction. */
const AT_ONCE = 50;
/** Bits below which a suspicion has faded (p < .25): well under what raises one, so that none flickers. */
const FADED_BITS = -1.6;

/**
 * Withdraws what a run has not found again.
 *
 * @returns how many
 */
export async function withdrawFaded(units: Units, startedAt: Date): Promise<number> {
  let withdrawn = 0;
  for (let after = { a: 0n, b: 0n }; ; ) {
    const faded = await units.run(async (ctx) => {
      const rows = await fadedSuspicions(ctx, startedAt, FADED_BITS, after, AT_ONCE);
      for (const row of rows) if (await withdraw(ctx, row, UNLIKE)) withdrawn += 1;
      return rows;
    });
    const last = faded.at(-1);
    if (!last || faded.length < AT_ONCE) return withdrawn;
    after = last;
  }
}

export const UNLIKE = 'With what is known now the records do not look like one person.';

/** The Task of a suspicion that nobody has taken in hand; undefined: it was deleted. */
export async function taskInHand(ctx: Context, id: string): Promise<Task | 'taken' | undefined> {
  const rid = (await ctx.fhir.rids('Task', [id])).get(id);
  if (rid === undefined) return undefined;
  const task = (await ctx.fhir.readByRid<Task>('Task', [rid])).get(rid);
  return task && (task.status !== 'requested' || task.owner) ? 'taken' : task;
}

/**
 * Takes a suspicion back that nobody has taken in hand, and its hold.
 *
 * @param why  for whoever finds the Task
 */
export async function withdraw(ctx: Context, row: FadedRow, why: string): Promise<boolean> {
  const task = await taskInHand(ctx, row.task_id);
  if (task === 'taken' || !(await withdrawRow(ctx, row))) return false;
  await release(ctx, row.flag_ids);
  if (task === undefined) return true;
  await ctx.fhir.update<Task>({
    ...task,
    status: 'cancelled',
    statusReason: { text: why },
    lastModified: ctx.now.toISOString(),
  });
  return true;
}
