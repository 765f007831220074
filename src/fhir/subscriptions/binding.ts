/**
 * What may be written as a Subscription, and what is kept of it: a guard refuses what cannot be
 * served, the values of headers are taken out, and a typed row says what is waited for.
 *
 * The status is the server's. A client asks (`requested`) or stops (`off`); it may send `active` or
 * `error` back as it read them while criteria and channel stay the same. The server makes it
 * `active` when the endpoint has answered, and `error`, with the reason, when it has given up.
 *
 * Spec: https://hl7.org/fhir/R4/subscription.html
 */

import { isDeepStrictEqual } from 'node:util';
import type { Resource, Subscription } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  type Context,
  type Guard,
  inPlace,
  problem,
  type ResourceWrite,
  type StoredBinding,
} from '../../sdk/index.ts';
import { writeJson } from '../formats/json.ts';
import { loadAuthor } from './author.ts';
import { checkTopic, isTopicBased, topicPart } from './backport.ts';
import { checkCriteria, criteriaOf, termsOf } from './criteria.ts';
import { deliverSoon } from './deliver-token.ts';
import { checkEndpoint } from './endpoint.ts';
import { hiddenHeaders, parseHeaders, withKept } from './headers.ts';
import { needsOf } from './needs.ts';
import { SUBSCRIPTION_INSIDE_HOSTS } from './settings.ts';
import { keepHeaders, readSecrets } from './store/secrets.ts';
import { authorOf, forget, keepWanted, type Wanted } from './store/subscribers.ts';

type Write = ResourceWrite<Subscription>;

/** Refuses Subscriptions that cannot be served. */
export const subscriptionGuard: Guard = {
  type: 'Subscription',
  does: 'refuses Subscriptions that this server cannot serve',
  async check(ctx, writes) {
    if (isServer(ctx)) return;
    await checkAuthor(ctx as UnitOfWork);
    for (const write of writes as readonly Write[]) {
      if (write.resource) await inPlace(write.place, () => check(ctx as UnitOfWork, write));
    }
  },
};

/** Keeps typed rows in step and secrets apart. */
export const subscriptionBinding: StoredBinding = {
  kept: 'stored',
  type: 'Subscription',
  async redact(ctx, writes) {
    const kept: (Subscription | undefined)[] = [];
    for (const write of writes as readonly Write[]) kept.push(await withoutSecrets(ctx, write));
    return kept;
  },
  async project(ctx, writes) {
    const standing = (writes as readonly Write[]).filter((each) => each.resource);
    const gone = writes.filter((each) => !each.resource);
    if (gone.length > 0) {
      await forget(
        ctx,
        gone.map((each) => each.rid),
        gone.map((each) => each.id),
      );
    }
    if (standing.length === 0) return;
    const wanted = standing.map((each) => wantedOf(ctx as UnitOfWork, each));
    await keepWanted(ctx, wanted, isServer(ctx));
    if (wanted.some((each) => each.status === 'requested')) {
      deliverSoon(ctx);
    }
  },
};

function isServer(ctx: Context): boolean {
  return ctx.actor.kind === 'system';
}

/** Nothing could be sent for an author whose rights cannot be looked up when nobody is signed in. */
async function checkAuthor(unit: UnitOfWork): Promise<void> {
  if (await loadAuthor(unit.client!, { author: unit.actor.id, scopes: null })) return;
  throw problem(
    'business-rule',
    'subscription-author-unknown',
    'Your rights come with your token from an outside provider and cannot be looked up later; have ' +
      'the Subscription written by a client of this server.',
  );
}

async function check(unit: UnitOfWork, { resource, previous }: Write): Promise<void> {
  const { status, channel, criteria } = resource!;
  checkStatus(resource!, previous);
  if (channel.type !== 'rest-hook') {
    throw problem(
      'not-supported',
      'subscription-channel',
      `This server sends by rest-hook, not by ${channel.type}.`,
      'Subscription.channel.type',
    );
  }
  checkEndpoint(channel.endpoint, unit.setting(SUBSCRIPTION_INSIDE_HOSTS));
  checkPayload(channel.payload);
  parseHeaders(channel.header ?? []);
  if (status === 'off') return;
  if (isTopicBased(resource!)) await checkTopic(unit, resource!);
  else checkCriteria(unit, criteria);
}

function checkStatus(resource: Subscription, previous: Subscription | undefined): void {
  const { status } = resource;
  if (status === 'requested' || status === 'off') return;
  const isSame =
    previous?.status === status && isDeepStrictEqual(askedBy(previous), askedBy(resource));
  if (isSame) return;
  throw problem(
    'business-rule',
    'subscription-status',
    `"${status}" is for the server to say: send "requested" to begin, also after a change of ` +
      'criteria or channel, and "off" to stop.',
    'Subscription.status',
  );
}

/** What a change of needs a new handshake: criteria and channel, extensions included. */
function askedBy(resource: Subscription): unknown {
  const { criteria, channel } = resource;
  const { _criteria } = resource as { _criteria?: unknown };
  return JSON.parse(writeJson([criteria, _criteria, channel] as unknown as Resource));
}

function checkPayload(payload: string | undefined): void {
  if (payload === undefined || /^application\/(fhir\+)?json\s*(;.*)?$/.test(payload)) return;
  throw problem(
    'not-supported',
    'subscription-payload',
    'The payload is application/fhir+json, or absent when only a ping is wanted.',
    'Subscription.channel.payload',
  );
}

/** The resource as it is stored, with headers kept apart. */
async function withoutSecrets(ctx: Context, write: Write): Promise<Subscription | undefined> {
  const { resource, id } = write;
  if (!resource || isServer(ctx)) return resource;
  const sent = parseHeaders(resource.channel.header ?? []);
  const isAuthor = write.previous && (await authorOf(ctx, id)) === ctx.actor.id;
  const before = isAuthor ? (await readSecrets(ctx, id)).headers : [];
  const headers = inPlace(write.place, () => withKept(sent, before));
  await keepHeaders(ctx, id, headers);
  if (headers.length === 0) return resource;
  return { ...resource, channel: { ...resource.channel, header: hiddenHeaders(headers) } };
}

function wantedOf(unit: UnitOfWork, { resource, rid, id, version }: Write): Wanted {
  const { status, channel, criteria, end } = resource!;
  const byTopic = isTopicBased(resource!);
  return {
    ...{ rid, id, version, status: status as Wanted['status'] },
    ...criteriaOf(criteria),
    ...{ topic: null, filters: null },
    endpoint: channel.endpoint ?? '',
    payload: channel.payload ?? null,
    content: channel.payload ? 'full-resource' : 'empty',
    ...{ heartbeat_seconds: null, timeout_seconds: null, events_max: 1 },
    ends_at: end ? new Date(end) : null,
    needs:
      // The server changes no criteria, which may be no search any longer.
      byTopic || status === 'off' || isServer(unit)
        ? null
        : (needsOf(unit, termsOf(unit, criteriaOf(criteria))) ?? null),
    ...(byTopic && { type: null, query: null, ...topicPart(resource!) }),
  };
}
