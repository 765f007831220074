/**
 * What the server makes of a Subscription's status: `active` when its endpoint has answered,
 * `error` with the reason when it has given up or the author may not see it any longer, `off` when
 * its time is over. And how long it waits before it tries again.
 */

import type { Subscription } from '@medplum/fhirtypes';
import type { App, UnitOfWork } from '../../app.ts';
import { runUnitOfWork, SYSTEM } from '../../database/unit-of-work.ts';
import { type Context, Problem } from '../../sdk/index.ts';
import { SUBSCRIPTION_GIVE_UP_HOURS } from './settings.ts';
import type { Subscriber } from './store/subscribers.ts';

const FIRST_PAUSE_SECONDS = 5;
const LONGEST_PAUSE_SECONDS = 3600;
/** Failures of a handshake after which it is given up. */
const HANDSHAKES_MAX = 6;

/** Seconds to wait after this many failures in a row: 5, 10, 20 … up to an hour. */
export function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_SECONDS * 2 ** Math.min(failures, 20), LONGEST_PAUSE_SECONDS);
}

/** True when one more failure is the last. */
export function isEnough(ctx: Context, subscriber: Subscriber): boolean {
  const { status, failures, failing_since: since } = subscriber;
  if (status === 'requested') return failures + 1 >= HANDSHAKES_MAX;
  const hours = ctx.setting(SUBSCRIPTION_GIVE_UP_HOURS);
  return since !== null && ctx.now.getTime() - since.getTime() >= hours * 3_600_000;
}

/**
 * Sets the status of a Subscription, unless somebody has changed it meanwhile: theirs counts.
 *
 * @param error  why, for `Subscription.error`
 */
export async function setStatus(
  app: App,
  requestId: string,
  { id, version }: Subscriber,
  status: 'active' | 'error' | 'off',
  error?: string,
): Promise<void> {
  await runUnitOfWork(app, SYSTEM, { requestId }, async (ctx: UnitOfWork) => {
    try {
      const { error: _before, ...kept } = await ctx.fhir.read<Subscription>('Subscription', id);
      await ctx.fhir.update<Subscription>(
        { ...kept, status, ...(error && { error }) },
        { ifMatch: String(version) },
      );
    } catch (fault) {
      if (!(fault instanceof Problem) || ![404, 410, 412].includes(fault.status)) throw fault;
    }
  });
}
