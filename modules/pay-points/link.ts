/**
 * Linking households to pay points: after they are registered or change, on demand for one
 * household, and for all that wait.
 *
 * The household's own wish comes first, then its area, then the distance; a pay point without room
 * is passed by. What an officer chose stands until the officer chooses again.
 */

import {
  type Context,
  handle,
  type JobHandler,
  job,
  on,
  problem,
  type Reaction,
  setting,
} from '../../src/sdk/index.ts';
import { type HouseholdEvent, householdChanged, householdRegistered } from '../households/index.ts';
import { linkWaiting, takeTurns, unlinkStale } from './store/links.ts';

export const PAY_POINT_DISTANCE_MAX_KM = setting<number>({
  name: 'PAY_POINT_DISTANCE_MAX_KM',
  means: 'How far from its area a household may be linked to a pay point, in kilometres.',
  default: 50,
  parse: (text) => {
    const kilometres = Number(text);
    if (kilometres > 0 && kilometres <= 20_000) return kilometres;
    throw new Error('a number of kilometres, such as 50');
  },
});

export const linkAll = job<Record<string, never>>(
  'pay-points.link-all',
  'Links every household that waits for a pay point.',
);

export const linkAllHandler: JobHandler = handle(linkAll, async (ctx) => {
  await linkAllWaiting(ctx);
});

/** Links every active household without a pay point; answers how many were linked. */
export async function linkAllWaiting(ctx: Context): Promise<bigint> {
  await takeTurns(ctx);
  return linkWaiting(ctx, null, metres(ctx));
}

/** Links these households anew where their link is stale, and those without one. */
export async function linkHouseholds(ctx: Context, households: readonly bigint[]): Promise<bigint> {
  await takeTurns(ctx);
  await unlinkStale(ctx, households);
  return linkWaiting(ctx, households, metres(ctx));
}

function metres(ctx: Context): number {
  return ctx.setting(PAY_POINT_DISTANCE_MAX_KM) * 1000;
}

async function follow(ctx: Context, events: readonly HouseholdEvent[]): Promise<void> {
  await linkHouseholds(ctx, [...new Set(events.map((event) => BigInt(event.householdId)))]);
}

export const linkReactions: readonly Reaction[] = [
  on(householdRegistered, 'links the household to its nearest pay point with room', follow),
  on(householdChanged, 'links a household that has moved or left anew', follow),
];

/** Says that no pay point has room for a household. */
export function noRoom(place?: string) {
  return problem(
    'business-rule',
    'pay-point-full',
    place
      ? `Location/${place} is closed or full; choose another pay point.`
      : 'No open pay point with room is near enough; open one, or choose one by pay-point.',
    place ? 'pay-point' : undefined,
  );
}
