/**
 * Subscriptions as the house brings them: what may be written, what reacts, what is sent.
 * How it all goes together: `README.md`.
 */

import { contribute, housekeeping, type Module } from '../../sdk/index.ts';
import { subscriptionBinding, subscriptionGuard } from './binding.ts';
import { deliverHandler } from './deliver.ts';
import { deliver } from './deliver-token.ts';
import { matchWrites } from './match.ts';
import { SUBSCRIPTION_EVENTS_KEPT_DAYS, SUBSCRIPTION_SETTINGS } from './settings.ts';
import { removeEvents } from './store/subscribers.ts';

/**
 * The room of subscriptions.
 *
 * @param _modules  those whose topics can be subscribed to
 */
export function subscriptionsRoom(_modules: readonly Module[]): Module {
  return {
    name: 'subscriptions',
    title: 'Subscriptions',
    settings: SUBSCRIPTION_SETTINGS,
    resources: [subscriptionBinding],
    guards: [subscriptionGuard],
    reactions: [matchWrites],
    jobs: [deliverHandler],
    schedule: [{ at: '* * * * *', job: deliver, does: 'sends to subscribers what is due' }],
    contributes: [
      contribute(housekeeping, {
        what: 'events of subscriptions',
        days: SUBSCRIPTION_EVENTS_KEPT_DAYS,
        remove: removeEvents,
      }),
    ],
  };
}
