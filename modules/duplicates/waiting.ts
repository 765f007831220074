/**
 * Whom to compare one by one, and when to have everybody compared instead: a run over everybody takes a
 * fraction of the work for each, but reads the whole registry.
 */

import type { Context } from '../../src/sdk/index.ts';
import { COMPARE_ALL, compareAll } from './compare-all.ts';
import { featuresChanged } from './events.ts';
import { addWaiting, leftWaiting, lockWaiting, takeWaiting, waitingNow } from './store/waiting.ts';

/**
 * Of the registry, the share that waits from which on everybody is compared: one comparison by itself
 * costs what a run spends on some twenty-five people, for it reads and spells out all candidates.
 */
const MUCH_SHARE = 1 / 25;
/** Fewer are compared one by one whatever the registry: starting a run takes as long. */
const MUCH_MIN = 5_000;
/** Where counting them ends: the share of a registry that is compared in any case. */
const COUNTED_MAX = 200_000;
/** People whom one event names; a transaction takes a hundred events. */
const PEOPLE_PER_EVENT = 20;

const isMuch = (waiting: number, people: number): boolean =>
  waiting >= Math.min(COUNTED_MAX, Math.max(MUCH_MIN, people * MUCH_SHARE));

/** Has people compared whose compared facts are new or have changed. */
export async function compareSoon(ctx: Context, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await addWaiting(ctx, ids);
  ring(ctx, ids);
}

function ring(ctx: Context, ids: readonly bigint[]): void {
  for (let at = 0; at < ids.length; at += PEOPLE_PER_EVENT) {
    ctx.emit(featuresChanged, { ids: ids.slice(at, at + PEOPLE_PER_EVENT).map(String) });
  }
}

/**
 * Who is to be compared now, one by one: as many as were told of. Nobody where so many wait that everybody
 * is to be compared; a run under way looks after them when it ends.
 */
export async function nextWaiting(ctx: Context, told: number): Promise<bigint[]> {
  const { running, waiting, people } = await waitingNow(ctx, COUNTED_MAX);
  if (!isMuch(waiting, people)) return takeWaiting(ctx, told);
  if (!running) {
    ctx.log.info('many wait to be compared: everybody is', { waiting });
    ctx.enqueue(compareAll, {}, { key: COMPARE_ALL });
  }
  return [];
}

/** After a run: has those compared who came while it went on. */
export async function lookAfterWaiting(ctx: Context): Promise<void> {
  await lockWaiting(ctx);
  const { waiting, people } = await waitingNow(ctx, COUNTED_MAX);
  if (isMuch(waiting, people)) ctx.enqueue(compareAll, {}, { key: COMPARE_ALL });
  else ring(ctx, await leftWaiting(ctx, COUNTED_MAX));
}
