/**
 * Payment files and the reports on them.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { PaymentBlock } from './orders.ts';

const INSERT = statement(
  'bank-file.insert',
  `insert into bank_file
     (file_id, provider_id, message_id, orders_count, pain_001, csv, created_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);
const ORDERS = statement(
  'bank-file.orders',
  `insert into bank_file_order (file_id, order_key, payment_no)
   select $1, o.* from unnest($2::text[], $3::int[]) o`,
);

/** A file before it is kept. */
export interface NewFile {
  readonly fileId: string;
  readonly providerId: bigint;
  readonly messageId: string;
  readonly pain001: string | null;
  readonly csv: string;
  readonly blocks: readonly PaymentBlock[];
}

/** Keeps a file with the orders in it. */
export async function insertFile(ctx: Context, file: NewFile): Promise<void> {
  const orders = file.blocks.flatMap((block) =>
    block.orders.map((order) => ({ key: order.key, number: block.number })),
  );
  await ctx.db.run(INSERT, [
    file.fileId,
    file.providerId,
    file.messageId,
    orders.length,
    file.pain001,
    file.csv,
    ctx.now,
  ]);
  await ctx.db.run(ORDERS, [
    file.fileId,
    orders.map((each) => each.key),
    orders.map((each) => each.number),
  ]);
}

/** A file as it is listed. */
export interface ListedFile {
  readonly file_id: string;
  readonly message_id: string;
  readonly orders_count: number;
  readonly created_at: Date;
  readonly taken_as: string | null;
  readonly taken_at: Date | null;
}

const LIST = statement(
  'bank-file.list',
  `select file_id, message_id, orders_count, created_at, taken_as, taken_at from bank_file
   where provider_id = $1 order by key desc limit $2`,
);

/** Files of a provider, newest first. */
export function listFiles(ctx: Context, providerId: bigint, limit: number): Promise<ListedFile[]> {
  return ctx.db.query<ListedFile>(LIST, [providerId, limit]);
}

const LOCK = statement(
  'bank-file.lock',
  `select file_id, message_id, pain_001, csv, taken_as from bank_file
   where provider_id = $1 and file_id = case when $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $2::uuid end
   for update`,
);

/** A file with its contents, locked. */
export function lockFile(
  ctx: Context,
  providerId: bigint,
  fileId: string,
): Promise<
  | {
      file_id: string;
      message_id: string;
      pain_001: string | null;
      csv: string;
      taken_as: string | null;
    }
  | undefined
> {
  return ctx.db.maybe(LOCK, [providerId, fileId]);
}

const TAKE = statement(
  'bank-file.take',
  `update bank_file set taken_as = $2, taken_at = $3, taken_by = $4
   where file_id = $1 and taken_as is null`,
);

/** Records in which form a file was first taken. */
export async function markTaken(ctx: Context, fileId: string, form: string): Promise<void> {
  await ctx.db.run(TAKE, [fileId, form, ctx.now, ctx.actor.id]);
}

const REPORT = statement(
  'bank-file.report',
  `insert into bank_file_report
     (report_id, provider_id, content, content_hash, received_at, received_by)
   values ($1, $2, $3::bytea, sha256($3::bytea), $4, $5)
   on conflict (provider_id, content_hash) do nothing`,
);

/** Keeps a report; false when these bytes are kept already. */
export async function keepReport(
  ctx: Context,
  providerId: bigint,
  content: Buffer,
): Promise<boolean> {
  const values = [ctx.newId(), providerId, content, ctx.now, ctx.actor.id];
  return (await ctx.db.run(REPORT, values)) > 0;
}

const KEYS = statement(
  'bank-file.keys',
  `select o.order_key, f.message_id || '-' || o.payment_no as block_id
   from bank_file f join bank_file_order o using (file_id)
   where f.provider_id = $1 and f.message_id = $2 order by o.order_key`,
);

/** Orders of a message with the block in which each stands. */
export function ordersOf(
  ctx: Context,
  providerId: bigint,
  messageId: string,
): Promise<{ order_key: string; block_id: string }[]> {
  return ctx.db.query(KEYS, [providerId, messageId]);
}
