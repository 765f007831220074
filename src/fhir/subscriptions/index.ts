/**
 * Subscriptions as the house brings them: what may be written, what reacts, what is sent.
 * How it all goes together: `README.md`.
 */

import {
  contribute,
  housekeeping,
  type Module,
  subscriptionTopic,
  type Topic,
} from '../../sdk/index.ts';
import { subscriptionBinding, subscriptionGuard } from './binding.ts';
import { deliverHandler } from './deliver.ts';
import { deliver } from './deliver-token.ts';
import { matchWrites } from './match.ts';
import { matchTopic } from './match-topic.ts';
import { subscriptionOperations } from './operations.ts';
import { SUBSCRIPTION_EVENTS_KEPT_DAYS, SUBSCRIPTION_SETTINGS } from './settings.ts';
import { removeEvents } from './store/subscribers.ts';

/**
 * The room of subscriptions.
 *
 * @param modules  those whose topics can be subscribed to
 */
export function subscriptionsRoom(modules: readonly Module[]): Module {
  const topics = modules
    .flatMap((module) => module.contributes ?? [])
    .filter((each) => each.point.name === subscriptionTopic.name)
    .map((each) => each.part as Topic);
  return {
    name: 'subscriptions',
    title: 'Subscriptions',
    settings: SUBSCRIPTION_SETTINGS,
    resources: [subscriptionBinding],
    guards: [subscriptionGuard],
    reactions: [matchWrites, ...topics.map(matchTopic)],
    operations: subscriptionOperations,
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
