/**
 * What is sent to an endpoint.
 *
 * A plain R4 Subscription sends an empty POST to the endpoint where it has no payload; with one, an
 * update, `PUT [endpoint]/[type]/[id]`, whose body is the version that matched, as the author may see
 * it now. A topic-based one sends notification Bundles by POST (`notification.ts`).
 *
 * Spec: https://hl7.org/fhir/R4/valueset-subscription-channel-type.html,
 * https://hl7.org/fhir/uv/subscriptions-backport/channels.html#rest-hook
 */

import type { UnitOfWork } from '../../app.ts';
import { authorize } from '../authorize.ts';
import { disclosedText } from '../disclosure.ts';
import { writeJson } from '../formats/json.ts';
import { loadVersion } from '../store/read.ts';
import { type NotificationType, notification } from './notification.ts';
import type { Message } from './send.ts';
import type { SentEvent, Subscriber } from './store/subscribers.ts';

/** A message before it is signed. */
export interface Draft extends Omit<Message, 'headers'> {
  /** The same through all attempts. */
  readonly id: string;
  readonly contentType?: string;
  /** What it tells of, for the trail. */
  readonly tells: readonly SentEvent[];
}

/**
 * The message that asks an endpoint whether it is there, or tells it that we are.
 *
 * @param unit  a unit of work of the author
 */
export async function greeting(
  unit: UnitOfWork,
  subscriber: Subscriber,
  type: 'handshake' | 'heartbeat',
): Promise<Draft> {
  const moment = type === 'handshake' ? subscriber.version : unit.now.getTime();
  const id = `${subscriber.id}-${type}-${moment}`;
  if (subscriber.topic) return topicMessage(unit, subscriber, type, id, []);
  return { method: 'POST', url: new URL(subscriber.endpoint), id, body: '', tells: [] };
}

/** Events that one message of a subscription tells of, at most. */
export function eventsPerMessage(subscriber: Subscriber): number {
  return subscriber.topic ? subscriber.events_max : 1;
}

/**
 * The message of some events; undefined when there is nothing that the author may see any longer.
 *
 * @param unit  a unit of work of the author
 * @throws Problem forbidden when the author may not read the type at all
 */
export async function eventMessage(
  unit: UnitOfWork,
  subscriber: Subscriber,
  events: readonly SentEvent[],
): Promise<Draft | undefined> {
  const [event] = events;
  const id = `${subscriber.id}-${event!.number}`;
  if (subscriber.topic) return topicMessage(unit, subscriber, 'event-notification', id, events);
  return resourceMessage(unit, subscriber, id, event!);
}

async function topicMessage(
  unit: UnitOfWork,
  subscriber: Subscriber,
  type: NotificationType,
  id: string,
  events: readonly SentEvent[],
): Promise<Draft> {
  const { bundle, told } = await notification(unit, subscriber, type, events);
  return {
    method: 'POST',
    url: new URL(subscriber.endpoint),
    id,
    body: disclosedText(unit.actor, writeJson(bundle)),
    contentType: subscriber.payload ?? 'application/fhir+json',
    tells: told,
  };
}

async function resourceMessage(
  unit: UnitOfWork,
  subscriber: Subscriber,
  id: string,
  event: SentEvent,
): Promise<Draft | undefined> {
  authorize(unit, 'read', event.type);
  const found = await loadVersion(unit, event.type, event.focus, event.version ?? 0);
  if (!found || found.method === 'DELETE') return undefined;
  const url = new URL(subscriber.endpoint);
  if (subscriber.payload === null) return { method: 'POST', url, id, body: '', tells: [] };
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${event.type}/${event.focus}`;
  return {
    method: 'PUT',
    url,
    id,
    body: disclosedText(unit.actor, found.content),
    contentType: subscriber.payload,
    tells: [event],
  };
}
