/**
 * Messages: what was said to providers and what they said. Append only, but for the marks by which
 * callbacks are handled and matched.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const CALLBACK = statement(
  'disbursement.record-callback',
  `insert into disbursement_message
     (message_id, provider_id, channel, kind, received_at, source, body, body_hash, verdict)
   values ($1, $2, $3, 'callback', $4, $5, $6, sha256($6), $7)
   on conflict (provider_id, channel, body_hash, verdict) where kind = 'callback' do nothing
   returning message_id`,
);

/** Keeps what came in; undefined when the same bytes are kept already. */
export async function recordCallback(
  ctx: Context,
  message: {
    providerId: bigint | null;
    channel: string;
    source: string;
    body: Buffer;
    verdict: 'accepted' | 'refused';
  },
): Promise<string | undefined> {
  const row = await ctx.db.maybe<{ message_id: string }>(CALLBACK, [
    ctx.newId(),
    message.providerId,
    message.channel,
    ctx.now,
    message.source,
    message.body,
    message.verdict,
  ]);
  return row?.message_id;
}

const SPOKEN = statement(
  'disbursement.record-spoken',
  `insert into disbursement_message (message_id, provider_id, channel, kind, received_at, source,
     body, body_hash, verdict, about, batch_id, request_id, order_keys)
   values ($1, $2, $3, $4, $5, $6, $7, sha256($7), 'accepted', $8, $9, $10, $11)`,
);

/** What was said by us or answered, secrets masked. */
export interface Spoken {
  readonly providerId: bigint;
  readonly channel: string;
  readonly kind: 'request' | 'answer';
  readonly about: 'send' | 'enquire';
  readonly batchId: string | null;
  readonly requestId: string | null;
  readonly keys: readonly string[];
  readonly body: string;
}

/** Keeps a request or an answer; answers its id. */
export async function recordSpoken(ctx: Context, spoken: Spoken): Promise<string> {
  const id = ctx.newId();
  await ctx.db.run(SPOKEN, [
    id,
    spoken.providerId,
    spoken.channel,
    spoken.kind,
    ctx.now,
    spoken.kind === 'request' ? 'us' : 'provider',
    Buffer.from(spoken.body, 'utf8'),
    spoken.about,
    spoken.batchId,
    spoken.requestId,
    spoken.keys,
  ]);
  return id;
}

const READ = statement(
  'disbursement.callback',
  `select provider_id, channel, body, received_at, handled_at from disbursement_message
   where message_id = $1 and kind = 'callback' and verdict = 'accepted' for update`,
);

/** A kept callback, locked. */
export function readCallback(
  ctx: Context,
  messageId: string,
): Promise<
  | {
      provider_id: bigint;
      channel: string;
      body: Buffer;
      received_at: Date;
      handled_at: Date | null;
    }
  | undefined
> {
  return ctx.db.maybe(READ, [messageId]);
}

const HANDLED = statement(
  'disbursement.handled',
  'update disbursement_message set handled_at = $2, match_at = null where message_id = $1',
);

/** Marks a callback as done with. */
export async function markHandled(ctx: Context, messageId: string): Promise<void> {
  await ctx.db.run(HANDLED, [messageId, ctx.now]);
}

const MATCH_LATER = statement(
  'disbursement.match-later',
  'update disbursement_message set match_at = $2 where message_id = $1',
);

/** Has a callback matched again. */
export async function matchLater(ctx: Context, messageId: string, at: Date): Promise<void> {
  await ctx.db.run(MATCH_LATER, [messageId, at]);
}

const DUE = statement(
  'disbursement.callbacks-to-match',
  `select message_id from disbursement_message
   where match_at <= $1 and handled_at is null order by match_at limit $2`,
);

/** Callbacks whose time to be matched again has come. */
export async function callbacksToMatch(ctx: Context, limit: number): Promise<string[]> {
  const rows = await ctx.db.query<{ message_id: string }>(DUE, [ctx.now, limit]);
  return rows.map((row) => row.message_id);
}

const KNOWN = statement(
  'disbursement.known-keys',
  `select disbursement_transaction_number(key) as key from instruction
   where key = any(disbursement_transaction_keys($1::text[])) and provider_id = $2`,
);

/** Those of the keys that are transaction numbers of this provider. */
export async function knownKeys(
  ctx: Context,
  providerId: bigint,
  keys: readonly string[],
): Promise<Set<string>> {
  const rows = await ctx.db.query<{ key: string }>(KNOWN, [keys, providerId]);
  return new Set(rows.map((row) => row.key));
}

const EXCHANGE = statement(
  'disbursement.exchange',
  `select m.message_id, m.kind, m.about, m.received_at, m.body, m.batch_id
   from disbursement_message m
   where m.order_keys @> array[$1::text] and m.provider_id = $2
   order by m.received_at, m.kind desc, m.message_id limit $3`,
);

/** One message about an order. */
export interface MessageRow {
  readonly message_id: string;
  readonly kind: 'request' | 'answer';
  readonly about: 'send' | 'enquire';
  readonly received_at: Date;
  readonly body: Buffer;
  readonly batch_id: string | null;
}

/** What was said about an order, oldest first. */
export function exchangeOf(
  ctx: Context,
  providerId: bigint,
  key: string,
  limit: number,
): Promise<MessageRow[]> {
  return ctx.db.query<MessageRow>(EXCHANGE, [key, providerId, limit]);
}
