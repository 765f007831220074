/**
 * Seals the trail: rows already written are gathered into blocks, each with a Merkle root over its
 * rows and the hash of the block before, so that a later change, removal or insertion shows.
 *
 * Writers never wait: they append without a lock, and a job seals afterwards. A row may commit
 * later than one with a higher number, so a number is sealed only when every transaction that was
 * running when it had been drawn is over: the job notes the highest number together with the first
 * transaction id that its snapshot does not know, and a later run seals up to there once every older
 * transaction has ended. A writer has its transaction id before it draws a number (see
 * `../database/flush.ts`). In which partition a row stands makes no difference to its seal.
 */

import type { Context } from '../sdk/index.ts';
import { type Database, job } from '../sdk/index.ts';
import { type Block, blockHash, LEAF, merkleRoot, NO_BLOCK } from './merkle.ts';

/** Seals what has been written since the last block. */
export const sealTrail = job<Record<string, never>>(
  'house.seal-trail',
  'seals the trail into chained blocks',
);

/** Rows in one block at most, to bound memory. */
const ROWS_PER_BLOCK = 50_000;

const LEAVES = `
  select seq, ${LEAF} as leaf
  from audit_event where seq > $1 and seq <= $2 order by seq, at limit ${ROWS_PER_BLOCK}`;

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
    const rows = await ctx.db.query<{ seq: bigint; leaf: Buffer }>(LEAVES, [from, to]);
    if (rows.length === 0) return sealed;
    const leaves = rows.map((row) => row.leaf);
    const block = {
      block_no: (last?.block_no ?? 0n) + 1n,
      from_seq: from + 1n,
      to_seq: rows.length < ROWS_PER_BLOCK ? to : rows.at(-1)!.seq,
      rows_count: BigInt(rows.length),
      root: merkleRoot(leaves),
      previous: last?.hash ?? NO_BLOCK,
    };
    await keep(ctx, { ...block, hash: blockHash(block) }, leaves);
    sealed += rows.length;
  }
}

async function lastBlock(
  db: Database,
): Promise<Pick<Block, 'block_no' | 'to_seq' | 'hash'> | undefined> {
  return db.maybe('select block_no, to_seq, hash from audit_block order by block_no desc limit 1');
}

async function keep(ctx: Context, block: Block, leaves: readonly Buffer[]): Promise<void> {
  const { block_no, from_seq, to_seq, rows_count, root, previous, hash } = block;
  await ctx.db.run(
    `insert into audit_block
       (block_no, from_seq, to_seq, rows_count, root, previous, hash, sealed_at, leaves)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[block_no, from_seq, to_seq, rows_count, root, previous, hash],
      ctx.now,
      Buffer.concat(leaves),
    ],
  );
}
