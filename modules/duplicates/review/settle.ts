/**
 * What a merge, or its taking back, says about suspicions: the pair is decided; other suspicions about
 * the record that was replaced are without object, and its holds with them.
 */

import type { Task } from '@medplum/fhirtypes';
import type { Context } from '../../../src/sdk/index.ts';
import { featuresChanged, homesChanged } from '../events.ts';
import { release } from '../holds.ts';
import { householdsNeedTwo, needsTwo } from '../merge/propose.ts';
import {
  closeSuspicions,
  endLease,
  forgetPair,
  forgetSuspicions,
  holdsOfPair,
  insertVerdict,
  lastScore,
  suspicionsAbout,
} from '../store/review.ts';
import { settlePair } from '../store/suspicions.ts';
import { verdictOf } from './decide.ts';

/**
 * Settles the suspicions about a record that is about to be merged.
 *
 * @param judged  by a person: only then the verdict tells how right the matching is
 * @returns whether there were any: resources have changed then
 */
export async function settleMerged(
  ctx: Context,
  source: bigint,
  target: bigint,
  judged = true,
): Promise<boolean> {
  const isPair = ({ a, b }: { a: bigint; b: bigint }): boolean => a === target || b === target;
  const found = await suspicionsAbout(ctx, source);
  const kept = await holdsOfPair(ctx, source, target);
  await release(ctx, kept);
  for (const each of found) {
    const pair = isPair(each);
    if (pair) {
      const verdict = { verdict: 'duplicate' as const, final: true, reason: 'merged' };
      const unmeasured = judged ? {} : { p: null, grade: null };
      await insertVerdict(ctx, { ...verdictOf(each), ...verdict, ...unmeasured });
    }
    await endTask(ctx, each.task_id, pair);
    await release(ctx, each.flag_ids);
  }
  const tasks = (of: typeof found): string[] => of.map(({ task_id }) => task_id);
  await closeSuspicions(ctx, tasks(found.filter(isPair)));
  // Nobody has decided on these: they return with the record, if the merge is taken back.
  await forgetSuspicions(ctx, tasks(found.filter((each) => !isPair(each))));
  await endLease(ctx, tasks(found));
  return found.length + kept.length > 0;
}

async function endTask(ctx: Context, id: string, pair: boolean): Promise<void> {
  const task = await ctx.fhir.read<Task>('Task', id);
  await ctx.fhir.update<Task>({
    ...task,
    lastModified: ctx.now.toISOString(),
    ...(pair
      ? { status: 'completed', output: [{ type: { text: 'verdict' }, valueCode: 'duplicate' }] }
      : { status: 'cancelled', statusReason: { text: 'one of the records was merged' } }),
  });
}

/**
 * A merge that was taken back. Where nothing is at stake the pair is decided to be two, and not raised again
 * until what is compared changes. Where payments are, one person alone must not decide that: the pair is open
 * again, and raised where it is found alike.
 */
export async function settleUnmerged(
  ctx: Context,
  source: bigint,
  target: bigint,
  about: 'Patient' | 'Group' = 'Patient',
): Promise<void> {
  const asks = about === 'Group' ? householdsNeedTwo : needsTwo;
  const isAtStake = await asks(ctx, [source, target]);
  if (isAtStake) await forgetPair(ctx, source, target);
  else if (about === 'Patient') await settlePair(ctx, source, target);
  const changed = { ids: [String(source), String(target)] };
  ctx.emit(about === 'Patient' ? featuresChanged : homesChanged, changed);
  const score = await lastScore(ctx, source, target);
  await insertVerdict(ctx, {
    a: source,
    b: target,
    verdict: isAtStake ? 'field-check' : 'not-duplicate',
    final: true,
    reason: 'the merge was taken back',
    taskId: null,
    p: score?.p ?? null,
    grade: score?.grade ?? null,
    modelId: score?.model_id ?? null,
  });
}
