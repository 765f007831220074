/**
 * Topics: events that other systems can subscribe to (FHIR's SubscriptionTopic). A room brings a
 * topic with its event; the house sends it, filtered, to whoever may see the resource in question.
 *
 * Spec: https://hl7.org/fhir/uv/subscriptions-backport
 */

import { CANONICAL_ROOT } from './canonical.ts';
import type { Context } from './context.ts';
import { type EventToken, extensionPoint } from './tokens.ts';

/** An event as the outside may learn of it. */
export interface Topic {
  /** kebab-case, unique; the end of the canonical URL. */
  readonly name: string;
  readonly title: string;
  /** One sentence: when it happens, and what the focus is. */
  readonly description: string;
  readonly event: EventToken<unknown>;
  /** Resource type of the focus. */
  readonly resource: string;
  /** Whether the focus comes about or changes with the event. */
  readonly action: 'create' | 'update';
  /** Search parameters of the focus by which subscribers may filter. */
  readonly filters: readonly string[];
  /** FHIR ids of what the events are about, in order; undefined where an event is none of these. */
  readonly focus: (
    ctx: Context,
    events: readonly unknown[],
  ) => Promise<readonly (string | undefined)[]>;
}

/** Rooms say here what can be subscribed to. */
export const subscriptionTopic = extensionPoint<Topic>(
  'house.subscription-topic',
  'events that other systems can subscribe to',
);

/** Declares a topic with the event's type. */
export function topic<Data>(
  definition: Omit<Topic, 'event' | 'focus'> & {
    readonly event: EventToken<Data>;
    readonly focus: (
      ctx: Context,
      events: readonly Data[],
    ) => Promise<readonly (string | undefined)[]>;
  },
): Topic {
  return definition as unknown as Topic;
}

/** Canonical URL of a topic. */
export function topicUrl({ name }: Pick<Topic, 'name'>): string {
  return `${CANONICAL_ROOT}/SubscriptionTopic/${name}`;
}
