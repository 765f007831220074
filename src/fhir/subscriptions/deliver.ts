/**
 * Sends what is due, to many endpoints at once, from one job: a slow endpoint keeps a place among
 * `AT_ONCE` waiting, not a worker that payments need.
 *
 * A subscription is leased for a turn, so that its messages go out one after the other whichever
 * process sends them. One job runs at a time; one that is lost with its process is given to another,
 * and its leases end by themselves.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { App, UnitOfWork } from '../../app.ts';
import { type Context, handleInSteps, type Units } from '../../sdk/index.ts';
import { DELIVERY, deliver } from './deliver-token.ts';
import { SUBSCRIPTION_TIMEOUT_SECONDS } from './settings.ts';
import { claim, nextDue } from './store/subscribers.ts';
import { type Claimed, TURN_SECONDS, takeTurn } from './turn.ts';

/** Subscriptions served at once. */
const AT_ONCE = 32;
/** How often a running job looks for what has become due. */
const LOOK_EVERY_MS = 200;
/** A job ends after this time and leaves the rest to the next, so that a stop need not wait. */
const JOB_MS = 10_000;
const LEASE_MARGIN_SECONDS = 30;

/** The handler of the job. */
export const deliverHandler = handleInSteps(deliver, async (units) => {
  const until = performance.now() + JOB_MS;
  const turns = new Set<Promise<void>>();
  const faults: unknown[] = [];
  for (;;) {
    const open = performance.now() < until ? AT_ONCE - turns.size : 0;
    for (const claimed of open > 0 ? await claimSome(units, open) : []) {
      const turn = takeTurn(claimed)
        .catch((fault: unknown) => void faults.push(fault))
        .finally(() => turns.delete(turn));
      turns.add(turn);
    }
    if (turns.size === 0) break;
    await oneOf(turns);
  }
  await units.run(async (ctx) => {
    const due = await nextDue(ctx);
    if (due)
      ctx.enqueue(deliver, {}, { key: `${deliver.name}-later`, runAt: due, queue: DELIVERY });
  });
  if (faults.length > 0) throw faults[0];
});

function claimSome(units: Units, limit: number): Promise<Claimed[]> {
  return units.run(async (ctx) => {
    const { app, requestId } = ctx as Context & UnitOfWork;
    const lease = ctx.newId();
    const subscribers = await claim(ctx, lease, leaseEnd(app, ctx.now), limit);
    return subscribers.map((subscriber) => ({ app, requestId, lease, subscriber }));
  });
}

function leaseEnd(app: App, now: Date): Date {
  const seconds = TURN_SECONDS + app.settings.get(SUBSCRIPTION_TIMEOUT_SECONDS);
  return new Date(now.getTime() + (seconds + LEASE_MARGIN_SECONDS) * 1000);
}

/** Waits until a turn has ended, or it is time to look for more. */
async function oneOf(turns: ReadonlySet<Promise<void>>): Promise<void> {
  const look = new AbortController();
  const later = delay(LOOK_EVERY_MS, undefined, { signal: look.signal }).catch(() => {});
  await Promise.race([...turns, later]);
  look.abort();
}
