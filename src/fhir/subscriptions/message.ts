/**
 * What a plain R4 Subscription sends: without a payload an empty POST to the endpoint, with one an
 * update, `PUT [endpoint]/[type]/[id]`, whose body is the version that matched, as the author may
 * see it now.
 *
 * Spec: https://hl7.org/fhir/R4/valueset-subscription-channel-type.html#subscription-channel-type-rest-hook
 */

import type { UnitOfWork } from '../../app.ts';
import { authorize } from '../authorize.ts';
import { disclosedText } from '../disclosure.ts';
import { loadVersion } from '../store/read.ts';
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

/** The message that asks an endpoint whether it is there. */
export function handshake(subscriber: Subscriber): Draft {
  return {
    method: 'POST',
    url: new URL(subscriber.endpoint),
    id: `${subscriber.id}-handshake-${subscriber.version}`,
    body: '',
    tells: [],
  };
}

/**
 * The message of an event; undefined when there is nothing that the author may see any longer.
 *
 * @param author  a unit of work of the author
 * @throws Problem forbidden when the author may not read the type at all
 */
export async function eventMessage(
  author: UnitOfWork,
  subscriber: Subscriber,
  event: SentEvent,
): Promise<Draft | undefined> {
  authorize(author, 'read', event.type);
  const found = await loadVersion(author, event.type, event.focus, event.version ?? 0);
  if (!found || found.method === 'DELETE') return undefined;
  const id = `${subscriber.id}-${event.number}`;
  const url = new URL(subscriber.endpoint);
  if (subscriber.payload === null) return { method: 'POST', url, id, body: '', tells: [] };
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${event.type}/${event.focus}`;
  return {
    method: 'PUT',
    url,
    id,
    body: disclosedText(author.actor, found.content),
    contentType: subscriber.payload,
    tells: [event],
  };
}
