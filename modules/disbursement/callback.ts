/**
 * Callbacks: recorded byte for byte before they are understood, answered, then handled by a job. A
 * callback carries no authority alone: its path holds a secret of the provider.
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
import { applyOutcomes } from './outcomes.ts';
import { adapterOf } from './send.ts';
import { readMessage, recordMessage } from './store/apply.ts';
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
    const messageId = await recordMessage(ctx, {
      providerId,
      channel: known?.channel ?? 'unknown',
      kind: 'callback',
      source: request.remoteAddress,
      body: request.body,
      verdict,
    });
    if (verdict === 'refused') return { status: 404 };
    if (messageId) ctx.enqueue(handleCallback, { messageId });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' };
  },
};

/** Understands and applies a kept callback; what cannot be understood stays for a person. */
export const callbackHandler = handle(handleCallback, async (ctx, { messageId }) => {
  const message = await readMessage(ctx, messageId);
  if (!message) return;
  const provider = await sendable(ctx, message.provider_id);
  const adapter = provider && adapterOf(ctx, message.channel);
  if (!provider || !adapter?.parseCallback) return;
  try {
    const config = { providerId: provider.provider_id, name: provider.name };
    const outcomes = adapter.parseCallback(message.body, config);
    await applyOutcomes(ctx, provider.provider_id, outcomes, 'callback');
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    ctx.log.warn('callback not understood', { messageId, channel: message.channel });
  }
});
