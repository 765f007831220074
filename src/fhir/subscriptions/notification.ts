/**
 * Notifications of topic-based Subscriptions: a Bundle of type history whose first entry is the
 * status (Parameters, as R4 has no SubscriptionStatus), followed by the resources where the
 * subscriber wants them whole.
 *
 * Spec: https://hl7.org/fhir/uv/subscriptions-backport, backport-subscription-notification-r4 and
 * backport-subscription-status-r4
 */

import type { Bundle, BundleEntry, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { hashedKey } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { readProjectedMany } from '../projection.ts';
import { inReach } from '../search/reach.ts';
import { parseContent } from '../store/content.ts';
import { loadRows } from '../store/read.ts';
import { fhirOf } from '../types.ts';
import { BACKPORT } from './backport.ts';
import type { SentEvent, Subscriber } from './store/subscribers.ts';

/** What a notification is for. */
export type NotificationType =
  | 'handshake'
  | 'heartbeat'
  | 'event-notification'
  | 'query-status'
  | 'query-event';

/** What of a subscription its status shows. */
export type StatusOf = Pick<Subscriber, 'id' | 'status' | 'topic' | 'matched' | 'content'> & {
  readonly error?: string;
};

/** The status as Parameters. */
export function statusParameters(
  base: string,
  subscriber: StatusOf,
  type: NotificationType,
  events: readonly ParametersParameter[] = [],
  upTo: bigint = subscriber.matched,
): Parameters {
  const { id, status, topic, content, error } = subscriber;
  return {
    resourceType: 'Parameters',
    id: hashedKey(`${id}/${type}/${upTo}`),
    meta: { profile: [`${BACKPORT}/backport-subscription-status-r4`] },
    parameter: [
      { name: 'subscription', valueReference: { reference: `${base}/Subscription/${id}` } },
      ...(topic && content !== 'empty' ? [{ name: 'topic', valueCanonical: topic }] : []),
      { name: 'status', valueCode: status },
      { name: 'type', valueCode: type },
      { name: 'events-since-subscription-start', valueString: String(upTo) },
      ...events,
      ...(error ? [{ name: 'error', valueCodeableConcept: { text: error } }] : []),
    ],
  };
}

/** A notification with its events, as the actor of the unit may see them. */
export interface Notification {
  readonly bundle: Bundle;
  /** Events whose focus is told. */
  readonly told: readonly SentEvent[];
}

/**
 * Builds a notification of events.
 *
 * @param content  how much of them is shown
 * @throws Problem forbidden when the actor may not read the type
 */
export async function notification(
  unit: UnitOfWork,
  subscriber: StatusOf,
  type: NotificationType,
  events: readonly SentEvent[],
  content: Subscriber['content'] = subscriber.content,
): Promise<Notification> {
  const base = fhirOf(unit).base();
  const focuses = content === 'empty' ? new Map() : await readFocuses(unit, events);
  const told = events.filter((each) => focuses.has(keyOf(each)));
  const parts = events.map(({ number, at, ...focus }) => ({
    name: 'notification-event',
    part: [
      { name: 'event-number', valueString: String(number) },
      { name: 'timestamp', valueInstant: at.toISOString() },
      ...(focuses.has(keyOf(focus))
        ? [{ name: 'focus', valueReference: { reference: `${base}/${keyOf(focus)}` } }]
        : []),
    ],
  }));
  const upTo = type === 'event-notification' ? events.at(-1)?.number : undefined;
  const status = statusParameters(base, { ...subscriber, content }, type, parts, upTo);
  const first: BundleEntry = {
    fullUrl: `urn:uuid:${status.id}`,
    resource: status,
    request: { method: 'GET', url: `${base}/Subscription/${subscriber.id}/$status` },
    response: { status: '200' },
  };
  const whole = content === 'full-resource' ? told : [];
  return {
    told,
    bundle: {
      resourceType: 'Bundle',
      meta: { profile: [`${BACKPORT}/backport-subscription-notification-r4`] },
      type: 'history',
      timestamp: unit.now.toISOString(),
      entry: [first, ...whole.map((each) => entryOf(base, each, focuses.get(keyOf(each))!))],
    },
  };
}

function entryOf(base: string, event: SentEvent, content: string): BundleEntry {
  const isNew = event.action === 'create';
  return {
    fullUrl: `${base}/${keyOf(event)}`,
    resource: parseContent(content),
    request: { method: isNew ? 'POST' : 'PUT', url: isNew ? event.type : keyOf(event) },
    response: { status: isNew ? '201' : '200' },
  };
}

function keyOf({ type, focus }: Pick<SentEvent, 'type' | 'focus'>): string {
  return `${type}/${focus}`;
}

/** Contents of the focuses that the actor may see, by `Type/id`. */
async function readFocuses(
  unit: UnitOfWork,
  events: readonly SentEvent[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const [type, group] of Map.groupBy(events, (each) => each.type)) {
    authorize(unit, 'read', type);
    const ids = [...new Set(group.map((each) => each.focus))];
    const rows = [...(await loadRows(unit, type, ids)).values()].filter((row) => !row.deleted);
    const seen = await inReach(
      unit,
      type,
      rows.map((row) => row.rid),
    );
    for (const row of rows) if (seen.has(row.rid)) found.set(`${type}/${row.id}`, row.content);
    const others = ids.filter((id) => !rows.some((row) => row.id === id));
    for (const each of await readProjectedMany(unit, type, others)) {
      found.set(`${type}/${each.id}`, each.content);
    }
  }
  return found;
}
