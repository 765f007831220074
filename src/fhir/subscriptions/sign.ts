/**
 * Signatures of notifications, by which a receiver knows that they are ours, whole, and recent.
 *
 * `HMAC-SHA256(key, "<webhook-id>.<webhook-timestamp>.<body>")` in base64, after `v1,`. While a key is
 * being replaced the header carries two signatures, separated by a space. The id of a notification
 * stays the same through all attempts, so that a receiver can tell a repeat; a timestamp more than
 * five minutes off is a replay and to be refused.
 *
 * Spec: https://www.standardwebhooks.com (ready-made verifiers for most languages).
 */

import { createHmac, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;

/** Keys with which is signed, newest first. */
export type SigningKeys = readonly Buffer[];

/** A new signing key. */
export function newSigningKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** A key as receivers are given it. */
export function keyText(key: Buffer): string {
  return `whsec_${key.toString('base64')}`;
}

/** The headers that sign a notification. */
export function signatureHeaders(
  keys: SigningKeys,
  id: string,
  now: Date,
  body: string,
): Record<string, string> {
  const seconds = String(Math.floor(now.getTime() / 1000));
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatures.join(' '),
  };
}
