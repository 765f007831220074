/**
 * Hashes of the trail: the Merkle root over the rows of a block, and the hash that chains a block
 * to the one before.
 *
 * Source: RFC 6962 §2.1 (Merkle tree hash, with leaf and node prefixes).
 */

import { createHash } from 'node:crypto';

/** A sealed block. Rows `from_seq` to `to_seq`, both included; numbers may have gaps. */
export interface Block {
  readonly block_no: bigint;
  readonly from_seq: bigint;
  readonly to_seq: bigint;
  readonly rows_count: bigint;
  readonly root: Buffer;
  readonly previous: Buffer;
  readonly hash: Buffer;
}

/** The hash before the first block. */
export const NO_BLOCK = Buffer.alloc(32);

/**
 * SQL of a row's leaf: every column of `audit_event`, in a fixed order, as PostgreSQL writes them
 * as JSON; ids as they were noted, however small they are kept.
 */
export const LEAF = `sha256('\\x00'::bytea || convert_to(jsonb_build_array(
      seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), audit_id(actor_id),
      actor_kind, audit_id(request_id), action, interaction, type, audit_id(resource_id), version,
      detail)::text, 'UTF8'))`;

/** The hash of a block, over all it says and the hash of the block before. */
export function blockHash(block: Omit<Block, 'hash'>): Buffer {
  const { block_no, from_seq, to_seq, rows_count, root, previous } = block;
  return createHash('sha256')
    .update(`amana-trail-1|${block_no}|${from_seq}|${to_seq}|${rows_count}|`)
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
