/**
 * One subscription's turn: the handshake, or what waits, in order, until the endpoint fails, nothing
 * is left, or the time of the turn is over.
 *
 * No transaction is open while the endpoint is asked. What it has taken is written after each
 * message; a crash in between sends that message again, under the same id.
 */

import type { App, UnitOfWork } from '../../app.ts';
import { runUnitOfWork, SYSTEM } from '../../database/unit-of-work.ts';
import { type Actor, Problem, problem, topicUrl } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { loadAuthor } from './author.ts';
import { topicsOf } from './backport.ts';
import { checkCriteria } from './criteria.ts';
import { checkEndpoint } from './endpoint.ts';
import { type Draft, eventMessage, eventsPerMessage, greeting } from './message.ts';
import { type Sent, send } from './send.ts';
import { SUBSCRIPTION_INSIDE_HOSTS, SUBSCRIPTION_TIMEOUT_SECONDS } from './settings.ts';
import { signatureHeaders } from './sign.ts';
import { isEnough, pauseAfter, setStatus } from './status.ts';
import { readSecrets, type Secrets } from './store/secrets.ts';
import {
  eventsBetween,
  noteFailed,
  noteTaken,
  release,
  type SentEvent,
  type Subscriber,
} from './store/subscribers.ts';

/** A turn begins nothing new after this time, and looks at so many events. */
export const TURN_SECONDS = 10;
const EVENTS_PER_TURN = 50;

/** A claimed subscription. */
export interface Claimed {
  readonly app: App;
  readonly requestId: string;
  readonly lease: string;
  readonly subscriber: Subscriber;
}

/** Gives a subscription its turn. */
export async function takeTurn(claimed: Claimed): Promise<void> {
  const { app, requestId, lease, subscriber } = claimed;
  const says = await attempt(claimed);
  if (says) await setStatus(app, requestId, subscriber, says.status, says.error);
  await asServer(claimed, (ctx) => release(ctx, subscriber.rid, lease));
}

/** A change of status that the turn has led to. */
interface Change {
  readonly status: 'active' | 'error' | 'off';
  readonly error?: string;
}

async function attempt(claimed: Claimed): Promise<Change | undefined> {
  const { app, subscriber } = claimed;
  const { ends_at: end, status } = subscriber;
  if (end && end <= app.clock.now()) return { status: 'off' };
  const author = await loadAuthor(app.pool, subscriber);
  if (!author) {
    return {
      status: 'error',
      error: 'Whoever wrote this Subscription may no longer sign in; somebody else must write it.',
    };
  }
  try {
    await seen(claimed, author, (unit) => checkStill(unit, subscriber));
    if (status === 'requested') return await greet(claimed, author, 'handshake');
    return await tell(claimed, author);
  } catch (error) {
    // The author may no longer see this, or the operator no longer allows the endpoint.
    if (error instanceof Problem) return { status: 'error', error: error.message };
    throw error;
  }
}

/** @throws Problem when the author could not subscribe to this now */
async function checkStill(unit: UnitOfWork, subscriber: Subscriber): Promise<void> {
  const { type, query, topic: url } = subscriber;
  if (type !== null) {
    checkCriteria(unit, `${type}?${query}`);
    return;
  }
  const topic = topicsOf(unit).find((each) => topicUrl(each) === url);
  if (!topic) {
    throw problem('not-supported', 'subscription-topic-unknown', 'The topic is here no longer.');
  }
  authorize(unit, 'read', topic.resource);
}

async function greet(
  claimed: Claimed,
  author: Actor,
  type: 'handshake' | 'heartbeat',
): Promise<Change | undefined> {
  const { subscriber, lease } = claimed;
  const secrets = await secretsOf(claimed);
  const draft = await seen(claimed, author, (unit) => greeting(unit, subscriber, type));
  const sent = await post(claimed, draft, secrets);
  if (!sent.taken) return failure(claimed, sent);
  await asServer(claimed, (ctx) => noteTaken(ctx, subscriber.rid, lease, 0n));
  return type === 'handshake' ? { status: 'active' } : undefined;
}

async function tell(claimed: Claimed, author: Actor): Promise<Change | undefined> {
  const { app, requestId, lease, subscriber } = claimed;
  const { rid, handled, matched } = subscriber;
  if (matched === handled) {
    const isTime = heartbeatDue(subscriber, app.clock.now());
    return isTime ? greet(claimed, author, 'heartbeat') : undefined;
  }
  const secrets = await secretsOf(claimed);
  const events = await asServer(claimed, (ctx) =>
    eventsBetween(ctx, rid, handled + 1n, matched, EVENTS_PER_TURN),
  );
  const until = performance.now() + TURN_SECONDS * 1000;
  const many = eventsPerMessage(subscriber);
  for (let from = 0; from < events.length && performance.now() < until; from += many) {
    const some = events.slice(from, from + many);
    const draft = await seen(claimed, author, (unit) => eventMessage(unit, subscriber, some));
    const sent = draft && (await post(claimed, draft, secrets));
    if (sent && !sent.taken) return failure(claimed, sent);
    await runUnitOfWork(app, author, { requestId }, async (unit) => {
      await noteTaken(unit, rid, lease, some.at(-1)!.number);
      for (const told of draft?.tells ?? []) noteDisclosure(unit, subscriber, told);
    });
  }
  // Events that were too old to be kept are passed over, or they would be due for ever.
  if (events.length === 0) await asServer(claimed, (ctx) => noteTaken(ctx, rid, lease, matched));
  return undefined;
}

function heartbeatDue(
  { heartbeat_seconds: seconds, sent_at: sent }: Subscriber,
  now: Date,
): boolean {
  if (seconds === null) return false;
  return sent === null || now.getTime() - sent.getTime() >= seconds * 1000;
}

/** What has been sent has been read by the author. */
function noteDisclosure(unit: UnitOfWork, { id }: Subscriber, event: SentEvent): void {
  unit.audit({
    action: 'R',
    interaction: 'notification',
    type: event.type,
    id: event.focus,
    ...(event.version !== null && { version: event.version }),
    detail: { subscription: id, number: Number(event.number) },
  });
}

async function failure(claimed: Claimed, sent: Sent): Promise<Change | undefined> {
  const { subscriber, lease } = claimed;
  const enough = await asServer(claimed, async (ctx) => {
    const pause = Math.max(pauseAfter(subscriber.failures), Math.min(sent.retryAfter ?? 0, 3600));
    const due = new Date(ctx.now.getTime() + pause * 1000);
    await noteFailed(ctx, subscriber.rid, lease, due);
    return sent.gone || isEnough(ctx, subscriber);
  });
  claimed.app.log.warn('an endpoint did not take a notification', {
    id: subscriber.id,
    failures: subscriber.failures + 1,
  });
  if (!enough) return undefined;
  return {
    status: 'error',
    error:
      `The endpoint ${sent.says}; given up after ${subscriber.failures + 1} attempts. ` +
      'Set the status to "requested" to begin again; what has matched meanwhile is kept.',
  };
}

async function post(claimed: Claimed, draft: Draft, { headers, keys }: Secrets): Promise<Sent> {
  const { app, subscriber } = claimed;
  const inside = app.settings.get(SUBSCRIPTION_INSIDE_HOSTS);
  checkEndpoint(subscriber.endpoint, inside);
  const message = {
    ...draft,
    headers: {
      ...Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      ...(draft.contentType && { 'content-type': draft.contentType }),
      ...signatureHeaders(keys, draft.id, app.clock.now(), draft.body),
      'user-agent': 'Amana',
    },
  };
  const seconds = app.settings.get(SUBSCRIPTION_TIMEOUT_SECONDS);
  return send(message, inside, Math.min(seconds, subscriber.timeout_seconds ?? seconds));
}

/** Something read with the eyes of the author. */
function seen<Result>(
  { app, requestId }: Claimed,
  author: Actor,
  read: (unit: UnitOfWork) => Promise<Result>,
): Promise<Result> {
  return runUnitOfWork(app, author, { requestId, readOnly: true }, read);
}

function secretsOf(claimed: Claimed): Promise<Secrets> {
  return asServer(claimed, (ctx) => readSecrets(ctx, claimed.subscriber.id));
}

function asServer<Result>(
  { app, requestId }: Claimed,
  work: (ctx: UnitOfWork) => Promise<Result>,
): Promise<Result> {
  return runUnitOfWork(app, SYSTEM, { requestId }, work);
}
