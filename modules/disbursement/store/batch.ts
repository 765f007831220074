/**
 * Batches: while one is being sent, nobody may ask after its orders.
 *
 * The lease is renewed while the sender lives. When it lapses, the sender has died or stands still:
 * from then on its orders may be asked for, and it may send nothing more.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** How long a lease holds. Longer than any single request may take. */
export const LEASE_SECONDS = 300;

const OPEN = statement(
  'disbursement.open-batch',
  `insert into disbursement_batch (batch_id, provider_id, orders_count, started_at, leased_until)
   values ($1, $2, $3, $4::timestamptz, $4::timestamptz + $5 * interval '1 second')`,
);

/** Opens a batch with its first lease. */
export async function openBatch(
  ctx: Context,
  batchId: string,
  providerId: bigint,
  count: number,
): Promise<void> {
  await ctx.db.run(OPEN, [batchId, providerId, count, ctx.now, LEASE_SECONDS]);
}

const RENEW = statement(
  'disbursement.renew-batch',
  `update disbursement_batch
   set leased_until = greatest(leased_until, $2::timestamptz + $3 * interval '1 second')
   where batch_id = $1 and ended_at is null and leased_until > $2::timestamptz`,
);

/** Renews the lease; false when it has lapsed, and nothing more may be sent. */
export async function renewBatch(ctx: Context, batchId: string): Promise<boolean> {
  return (await ctx.db.run(RENEW, [batchId, ctx.now, LEASE_SECONDS])) > 0;
}

const END = statement(
  'disbursement.end-batch',
  `update disbursement_batch set ended_at = $2 where batch_id = $1 and ended_at is null`,
);
const ASK_AFTER = statement(
  'disbursement.ask-after',
  `update instruction set enquire_at = $2::timestamptz + $3 * interval '1 second'
   where batch_id = $1 and state in ('sent', 'unknown') and enquiries_count = 0`,
);

/** Notes that nothing of a batch leaves any more, and when its orders are to be asked for. */
export async function endBatch(ctx: Context, batchId: string, askAfter: number): Promise<void> {
  await ctx.db.run(END, [batchId, ctx.now]);
  await ctx.db.run(ASK_AFTER, [batchId, ctx.now, askAfter]);
}
