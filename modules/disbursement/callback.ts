/**
 * Callbacks: recorded byte for byte before they are understood, answered, then handled by a job. A
 * callback carries no authority alone: its path holds a secret of the provider. One about an
 * instruction that we do not know is matched again for a day; then it is an exception.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type Context,
  handle,
  job,
  Problem,
  type Route,
  type RouteRequest,
  setting,
} from '../../src/sdk/index.ts';
import type { Outcome } from './instruction.ts';
import { applyOutcomes } from './outcomes.ts';
import { adapterOf } from './send.ts';
import { noteExceptions } from './store/apply.ts';
import {
  callbacksToMatch,
  knownKeys,
  markHandled,
  matchLater,
  readCallback,
  recordCallback,
} from './store/message.ts';
import { sendable } from './store/send.ts';

/** From which the secret part of each provider's callback path is derived. */
export const CALLBACK_SECRET = setting({
  name: 'CALLBACK_SECRET',
  means: 'Secret from which the callback path of each provider is derived; unset: no callbacks.',
  default: '',
  defaultText: 'none',
  parse: (text) => {
    if (text.length < 32) throw new Error('must have at least 32 characters');
    return text;
  },
  secret: true,
});

/** Handles a kept callback. */
export const handleCallback = job<{ messageId: string }>(
  'disbursement.handle-callback',
  'applies what a provider has called back',
);

/** The secret part of a provider's callback path; empty when callbacks are off. */
export function callbackSecret(ctx: Context, providerFhirId: string): string {
  const secret = ctx.setting(CALLBACK_SECRET);
  if (!secret) return '';
  return createHmac('sha256', secret).update(providerFhirId).digest('base64url').slice(0, 32);
}

/** `POST /callbacks/:provider/:secret` */
export const callbackRoute: Route = {
  method: 'POST',
  path: '/callbacks/:provider/:secret',
  does: 'takes callbacks of payment providers',
  access: 'verified-here',
  async run(ctx: Context, request: RouteRequest) {
    const { provider = '', secret = '' } = request.params;
    const wanted = Buffer.from(callbackSecret(ctx, provider));
    const given = Buffer.from(secret);
    const trusted =
      wanted.length > 0 && wanted.length === given.length && timingSafeEqual(wanted, given);
    const rids = await ctx.fhir.rids('Organization', [provider]);
    const providerId = rids.get(provider) ?? null;
    const known = providerId === null ? undefined : await sendable(ctx, providerId);
    const verdict = trusted && known ? 'accepted' : 'refused';
    const messageId = await recordCallback(ctx, {
      providerId,
      channel: known?.channel ?? 'unknown',
      source: request.remoteAddress,
      body: request.body,
      verdict,
    });
    if (verdict === 'refused') return { status: 404 };
    if (messageId) ctx.enqueue(handleCallback, { messageId });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' };
  },
};

/** Matches again the callbacks about instructions that we did not know. */
export const matchCallbacks = job<Record<string, never>>(
  'disbursement.match-callbacks',
  'matches callbacks about unknown instructions again',
);

/** How long a callback about an unknown instruction is matched again before a person must look. */
const MATCHED_FOR_SECONDS = 24 * 3600;
const MATCHED_EVERY_SECONDS = 600;
const MATCHED_AT_ONCE = 1000;

/** Understands and applies a kept callback; what cannot be understood becomes an exception. */
export const callbackHandler = handle(handleCallback, async (ctx, { messageId }) => {
  const message = await readCallback(ctx, messageId);
  if (!message || message.handled_at !== null) return;
  const provider = await sendable(ctx, message.provider_id);
  const adapter = provider && adapterOf(ctx, message.channel);
  if (!provider || !adapter?.parseCallback) {
    await notUnderstood(ctx, message.provider_id, messageId, 'no adapter takes it');
    return;
  }
  const providerId = provider.provider_id;
  const config = { providerId, name: provider.name };
  let outcomes: readonly Outcome[];
  try {
    outcomes = adapter.parseCallback(message.body, config);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    ctx.log.warn('callback not understood', { messageId, channel: message.channel });
    await notUnderstood(ctx, providerId, messageId, error.issues[0]?.code ?? 'malformed');
    return;
  }
  const known = await knownKeys(
    ctx,
    providerId,
    outcomes.map((each) => each.key),
  );
  const age = (ctx.now.getTime() - message.received_at.getTime()) / 1000;
  const waits = age < MATCHED_FOR_SECONDS && outcomes.some((each) => !known.has(each.key));
  // What is known is applied at once; what is not may yet become known, and is then applied.
  const judged = waits ? outcomes.filter((each) => known.has(each.key)) : outcomes;
  await applyOutcomes(ctx, providerId, judged, 'callback');
  if (!waits) return markHandled(ctx, messageId);
  await matchLater(ctx, messageId, new Date(ctx.now.getTime() + MATCHED_EVERY_SECONDS * 1000));
});

async function notUnderstood(
  ctx: Context,
  providerId: bigint,
  messageId: string,
  why: string,
): Promise<void> {
  const said = `callback ${messageId}: ${why}`;
  const about = { payeeId: null, instructionId: null, key: messageId };
  await noteExceptions(ctx, [{ providerId, ...about, kind: 'not-understood', said }]);
  await markHandled(ctx, messageId);
}

/** Hands callbacks whose time has come to their handler again. */
export const matchHandler = handle(matchCallbacks, async (ctx) => {
  for (const messageId of await callbacksToMatch(ctx, MATCHED_AT_ONCE)) {
    ctx.enqueue(handleCallback, { messageId }, { key: `callback:${messageId}` });
  }
});
