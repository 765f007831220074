/**
 * Topic-based Subscriptions as R4 writes them: the criteria are the canonical of a topic, and what
 * R5 adds stands in extensions of the Backport guide.
 *
 * Spec: https://hl7.org/fhir/uv/subscriptions-backport (STU 1.1), profile backport-subscription
 */

import type { Extension, Subscription } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { problem, subscriptionTopic, type Topic, topicUrl } from '../../sdk/index.ts';
import { checkSearch } from './criteria.ts';
import type { Filter, Wanted } from './store/subscribers.ts';

export const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';

/** Most events in one notification where the subscriber does not say. */
const EVENTS_MAX = 20;
const CONTENTS = ['empty', 'id-only', 'full-resource'] as const;

/** A Subscription with the extensions of its primitives. */
type Extended = Subscription & {
  readonly _criteria?: { readonly extension?: readonly Extension[] };
  readonly channel: { readonly _payload?: { readonly extension?: readonly Extension[] } };
};

/** True when a topic is subscribed to, and not a search. */
export function isTopicBased({ criteria, meta }: Subscription): boolean {
  return (
    /^[a-z]+:/i.test(criteria) || !!meta?.profile?.includes(`${BACKPORT}/backport-subscription`)
  );
}

/** The topics that rooms bring. */
export function topicsOf(unit: Pick<UnitOfWork, 'parts'>): readonly Topic[] {
  return unit.parts(subscriptionTopic);
}

/** The part of the row that a topic-based Subscription fills. */
export function topicPart(resource: Subscription): Partial<Wanted> {
  const { criteria, channel } = resource;
  const values = (name: string): Extension[] => extensions(channel.extension, name);
  return {
    topic: criteria.split('|')[0]!,
    filters: filtersOf(resource),
    content: contentOf(resource) ?? 'empty',
    heartbeat_seconds: values('backport-heartbeat-period')[0]?.valueUnsignedInt || null,
    timeout_seconds: values('backport-timeout')[0]?.valueUnsignedInt || null,
    events_max: values('backport-max-count')[0]?.valuePositiveInt ?? EVENTS_MAX,
  };
}

/**
 * Checks what a topic-based Subscription asks for.
 *
 * @throws Problem naming what is not known or may not be asked
 */
export async function checkTopic(unit: UnitOfWork, resource: Subscription): Promise<void> {
  const url = resource.criteria.split('|')[0]!;
  const topic = topicsOf(unit).find((each) => topicUrl(each) === url);
  if (!topic) {
    const known = topicsOf(unit).map(topicUrl).join(', ');
    throw problem(
      'not-supported',
      'subscription-topic-unknown',
      `This server has no such topic; it has ${known}.`,
      'Subscription.criteria',
    );
  }
  if (!contentOf(resource)) {
    throw problem(
      'required',
      'subscription-content',
      `Say how much is to be sent, by the extension backport-payload-content on channel.payload: ${CONTENTS.join(', ')}.`,
      'Subscription.channel.payload.extension',
    );
  }
  await checkFilter(unit, topic, { type: topic.resource, query: '' });
  for (const filter of filtersOf(resource)) await checkFilter(unit, topic, filter);
}

async function checkFilter(unit: UnitOfWork, topic: Topic, filter: Filter): Promise<void> {
  const place = 'Subscription.criteria.extension';
  const names = [...new URLSearchParams(filter.query).keys()];
  const foreign = names.find((name) => !topic.filters.includes(name.split(/[:.]/)[0]!));
  if (filter.type !== topic.resource || foreign !== undefined) {
    throw problem(
      'not-supported',
      'subscription-filter',
      `${topicUrl(topic)} can be filtered by ${topic.resource}?${topic.filters.join(', ')} only.`,
      place,
    );
  }
  await checkSearch(unit, filter, place);
}

function filtersOf(resource: Subscription): Filter[] {
  const given = extensions((resource as Extended)._criteria?.extension, 'backport-filter-criteria');
  return given.map((each) => {
    const [type = '', ...query] = (each.valueString ?? '').split('?');
    return { type, query: query.join('?') };
  });
}

function contentOf(resource: Subscription): Wanted['content'] | undefined {
  const [given] = extensions(
    (resource as Extended).channel._payload?.extension,
    'backport-payload-content',
  );
  return CONTENTS.find((each) => each === given?.valueCode);
}

function extensions(list: readonly Extension[] | undefined, name: string): Extension[] {
  return (list ?? []).filter((each) => each.url === `${BACKPORT}/${name}`);
}
