/**
 * Secrets of subscriptions: values of headers and signing keys. Only delivery reads them.
 */

import { type Context, statement } from '../../../sdk/index.ts';
import type { Header } from '../headers.ts';
import { newSigningKey, type SigningKeys } from '../sign.ts';

/** What delivery needs. */
export interface Secrets {
  readonly headers: readonly Header[];
  readonly keys: SigningKeys;
}

const KEEP = statement(
  'subscriptions.keep-headers',
  `insert into subscription_secret (id, headers, signing) values ($1, $2::json, $3)
   on conflict (id) do update set headers = excluded.headers`,
);

/** Keeps the headers of a Subscription; a new one gets a signing key. */
export async function keepHeaders(
  ctx: Context,
  id: string,
  headers: readonly Header[],
): Promise<void> {
  await ctx.db.run(KEEP, [id, JSON.stringify(headers), newSigningKey()]);
}

/** Headers and keys; those of a Subscription that has none are empty. */
export async function readSecrets(ctx: Context, id: string): Promise<Secrets> {
  const row = await ctx.db.maybe<{
    headers: readonly Header[];
    signing: Buffer;
    signing_before: Buffer | null;
    before_until: Date | null;
  }>(
    statement(
      'subscriptions.read-secrets',
      `select headers, signing, signing_before, before_until from subscription_secret
       where id = $1`,
    ),
    [id],
  );
  if (!row) return { headers: [], keys: [] };
  const old = row.before_until !== null && row.before_until > ctx.now ? row.signing_before : null;
  return { headers: row.headers, keys: old ? [row.signing, old] : [row.signing] };
}

const ROTATE = statement(
  'subscriptions.rotate',
  `update subscription_secret
   set signing_before = signing, before_until = $3, signing = $2 where id = $1`,
);

/** Gives a new signing key; the one before signs as well until `until`. */
export async function rotateKey(ctx: Context, id: string, until: Date): Promise<Buffer> {
  const key = newSigningKey();
  await ctx.db.run(ROTATE, [id, key, until]);
  return key;
}
