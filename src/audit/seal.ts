/**
 * Seals the trail: rows already written are gathered into blocks, each with a Merkle root over its
 * rows and the hash of the block before, so that a later change, removal or insertion shows.
 *
 * Writers never wait: they append without a lock, and a job seals afterwards. A row may commit
 * later than one with a higher number, so a number is sealed only when every transaction that was
 * running when it had been drawn is over: the job notes the highest number together with the first
 * transaction id that its snapshot does not know, and a later run seals up to there once every older
 * transaction has ended. A writer has its transaction id before it draws a number (see `flush.ts`).
 *
 * Source: RFC 6962 §2.1 (Merkle tree hash, with leaf and node prefixes).
 */

import { createHash } from 'node:crypto';
import type { Context } from '../sdk/index.ts';
import { type Database, job } from '../sdk/index.ts';

/** Seals what has been written since the last block. */
export const sealTrail = job<Record<string, never>>(
  'house.seal-trail',
  'seals the trail into chained blocks',
);

/** Rows in one block at most, to bound memory. */
const ROWS_PER_BLOCK = 50_000;

/** The leaf of a row: every column, in a fixed order, as PostgreSQL writes them as JSON. */
const LEAVES = `
  select seq, sha256('\\x00'::bytea || convert_to(jsonb_build_array(
      seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), actor_id, actor_kind,
      request_id, action, interaction, type, resource_id, version, detail)::text, 'UTF8')) as leaf
  from audit_event where seq > $1 and seq <= $2 order by seq limit $3`;

interface Block {
  readonly block_no: bigint;
  readonly from_seq: bigint;
  readonly to_seq: bigint;
  readonly rows_count: bigint;
  readonly root: Buffer;
  readonly previous: Buffer;
  readonly hash: Buffer;
}

/** Seals all rows that are surely complete; answers how many. Runs alone by an advisory lock. */
export async function seal(ctx: Context): Promise<number> {
  await ctx.db.query("select pg_advisory_xact_lock(hashtextextended('audit.seal', 0))");
  const state = await ctx.db.one<{ ready: boolean; pending_to: bigint }>(
    `select pending_xid is not null
        and (pending_xid <= pg_snapshot_xmin(pg_current_snapshot())
             or pending_xid > pg_snapshot_xmax(pg_current_snapshot())) as ready, pending_to
     from audit_seal_state`,
  );
  let sealed = 0;
  if (state.ready) sealed = await sealUpTo(ctx, state.pending_to);
  await ctx.db.run(
    `update audit_seal_state set pending_xid = pg_snapshot_xmax(pg_current_snapshot()),
       pending_to = greatest(pending_to, (select coalesce(max(seq), 0) from audit_event))`,
  );
  return sealed;
}

async function sealUpTo(ctx: Context, to: bigint): Promise<number> {
  let sealed = 0;
  for (;;) {
    const last = await lastBlock(ctx.db);
    const from = last?.to_seq ?? 0n;
    if (from >= to) return sealed;
    const rows = await ctx.db.query<{ seq: bigint; leaf: Buffer }>(LEAVES, [
      from,
      to,
      ROWS_PER_BLOCK,
    ]);
    const end = rows.length < ROWS_PER_BLOCK ? to : rows.at(-1)!.seq;
    if (rows.length === 0) return sealed;
    const root = merkleRoot(rows.map((row) => row.leaf));
    const previous = last?.hash ?? Buffer.alloc(32);
    const no = (last?.block_no ?? 0n) + 1n;
    await ctx.db.run(
      `insert into audit_block (block_no, from_seq, to_seq, rows_count, root, previous, hash, sealed_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        ...[no, from + 1n, end, rows.length, root, previous],
        blockHash(no, from + 1n, end, BigInt(rows.length), root, previous),
        ctx.now,
      ],
    );
    sealed += rows.length;
  }
}

async function lastBlock(db: Database): Promise<Block | undefined> {
  return db.maybe<Block>('select * from audit_block order by block_no desc limit 1');
}

function blockHash(
  no: bigint,
  from: bigint,
  to: bigint,
  rows: bigint,
  root: Buffer,
  previous: Buffer,
): Buffer {
  return createHash('sha256')
    .update(`amana-trail-1|${no}|${from}|${to}|${rows}|`)
    .update(root)
    .update(previous)
    .digest();
}

/** Root of a Merkle tree over leaf hashes; an odd node is carried up unchanged. */
export function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest();
  let level: Buffer[] = leaves.map((leaf) => Buffer.from(leaf));
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1];
      next.push(
        right
          ? createHash('sha256').update(Buffer.of(1)).update(level[i]!).update(right).digest()
          : level[i]!,
      );
    }
    level = next;
  }
  return level[0]!;
}

/** What `verify` found. */
export interface TrailVerdict {
  readonly blocks: number;
  readonly rows: number;
  /** Rows written since the last block. */
  readonly unsealed: number;
  /** The first fault, in words; undefined when the chain is whole. */
  readonly fault: string | undefined;
  /** Hash of the last block, to be noted outside (on paper, in another system). */
  readonly head: string | undefined;
}

/** Recomputes every block of the chain from the rows. */
export async function verify(db: Database): Promise<TrailVerdict> {
  const blocks = await db.query<Block>('select * from audit_block order by block_no');
  let previous: Buffer = Buffer.alloc(32);
  let expectFrom = 1n;
  let rows = 0;
  let fault: string | undefined;
  for (const [index, block] of blocks.entries()) {
    fault = await faultOf(db, block, BigInt(index + 1), expectFrom, previous);
    if (fault) break;
    previous = block.hash;
    expectFrom = block.to_seq + 1n;
    rows += Number(block.rows_count);
  }
  const { unsealed } = await db.one<{ unsealed: bigint }>(
    'select count(*) as unsealed from audit_event where seq >= $1',
    [blocks.length > 0 ? blocks.at(-1)!.to_seq + 1n : 1n],
  );
  return {
    blocks: blocks.length,
    rows,
    unsealed: Number(unsealed),
    fault,
    head: blocks.at(-1)?.hash.toString('hex'),
  };
}

async function faultOf(
  db: Database,
  block: Block,
  no: bigint,
  from: bigint,
  previous: Buffer,
): Promise<string | undefined> {
  const name = `block ${block.block_no} (rows ${block.from_seq}–${block.to_seq})`;
  if (block.block_no !== no) return `block ${no} is missing`;
  if (block.from_seq !== from) return `${name} does not begin where the one before ends`;
  if (!block.previous.equals(previous)) return `${name} does not follow the block before it`;
  const { block_no, from_seq, to_seq, rows_count, root } = block;
  if (!blockHash(block_no, from_seq, to_seq, rows_count, root, previous).equals(block.hash)) {
    return `${name} was changed`;
  }
  const leaves = await db.query<{ leaf: Buffer }>(LEAVES, [from_seq - 1n, to_seq, 10_000_000]);
  if (BigInt(leaves.length) !== rows_count) {
    return `${name} has ${leaves.length} rows, ${rows_count} were sealed`;
  }
  return merkleRoot(leaves.map((row) => row.leaf)).equals(root)
    ? undefined
    : `a row of ${name} was changed`;
}
