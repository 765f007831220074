/**
 * Verifies the seal of the trail: every block is recomputed from its rows, in order, and the first
 * fault is named, to the row.
 *
 * The root of a block proves its rows; which of them is broken shows by the leaves that the block
 * keeps. They are trusted only if the root follows from them, so that a forged list of leaves leads
 * to a vaguer answer, never to a wrong one. Blocks are read in runs of bounded size, so that memory
 * does not grow with the trail.
 */

import type { BrokenRow, Database, TrailReport } from '../sdk/index.ts';
import { type Block, blockHash, LEAF, merkleRoot, NO_BLOCK } from './merkle.ts';

/** Blocks read at once, and rows read at once beyond those of one block. */
const BLOCKS_PER_TURN = 1000;
const ROWS_PER_TURN = 50_000n;

const BLOCKS = `
  select block_no, from_seq, to_seq, rows_count, root, previous, hash
  from audit_block where block_no > $1 order by block_no limit ${BLOCKS_PER_TURN}`;

const ROWS = `
  select seq, at, ${LEAF} as leaf
  from audit_event where seq >= $1 and seq <= $2 order by seq, at`;

interface Row {
  readonly seq: bigint;
  readonly at: Date;
  readonly leaf: Buffer;
}

interface Fault {
  readonly fault: string;
  readonly brokenRow?: BrokenRow;
}

/** Recomputes every block of the chain from the rows. */
export async function verify(db: Database): Promise<TrailReport> {
  let last: Block | undefined;
  let blocks = 0;
  let rows = 0;
  let found = await rowBeforeAll(db);
  while (!found) {
    const turn = await db.query<Block>(BLOCKS, [last?.block_no ?? 0n]);
    if (turn.length === 0) break;
    found = chainFault(turn, last) ?? (await rowsFault(db, turn));
    blocks += turn.length;
    rows += turn.reduce((sum, block) => sum + Number(block.rows_count), 0);
    last = turn.at(-1);
  }
  const { unsealed, head } = await db.one<{ unsealed: bigint; head: Buffer | null }>(
    `select b.hash as head,
       (select count(*) from audit_event where seq > coalesce(b.to_seq, 0)) as unsealed
     from (select) one left join (
       select to_seq, hash from audit_block order by block_no desc limit 1) b on true`,
  );
  return {
    ...{ blocks, rows, unsealed: Number(unsealed) },
    fault: found?.fault,
    brokenRow: found?.brokenRow,
    head: head?.toString('hex'),
  };
}

/** Numbers begin at 1: a row below would belong to no block. */
async function rowBeforeAll(db: Database): Promise<Fault | undefined> {
  const row = await db.maybe<Row>(
    'select seq, at from audit_event where seq < 1 order by seq, at limit 1',
  );
  if (!row) return undefined;
  return {
    fault: `row ${row.seq} (recorded ${row.at.toISOString()}) was slipped in before the first block`,
    brokenRow: { id: String(row.seq), recorded: row.at, block: 0 },
  };
}

/** What is wrong with the blocks themselves, whatever their rows are. */
function chainFault(blocks: readonly Block[], before: Block | undefined): Fault | undefined {
  let last = before;
  for (const block of blocks) {
    const no = (last?.block_no ?? 0n) + 1n;
    const name = nameOf(block);
    if (block.block_no !== no) return { fault: `block ${no} is missing` };
    if (block.from_seq !== (last?.to_seq ?? 0n) + 1n) {
      return { fault: `${name} does not begin where the one before ends` };
    }
    if (!block.previous.equals(last?.hash ?? NO_BLOCK)) {
      return { fault: `${name} does not follow the block before it` };
    }
    if (!blockHash(block).equals(block.hash)) return { fault: `${name} was changed` };
    last = block;
  }
  return undefined;
}

function nameOf(block: Block): string {
  return `block ${block.block_no} (rows ${block.from_seq}–${block.to_seq})`;
}

/** Compares the rows with the roots; small blocks share a query. */
async function rowsFault(db: Database, blocks: readonly Block[]): Promise<Fault | undefined> {
  for (const run of runsOf(blocks)) {
    const rows = await db.query<Row>(ROWS, [run[0]!.from_seq, run.at(-1)!.to_seq]);
    let start = 0;
    for (const block of run) {
      let end = start;
      while (end < rows.length && rows[end]!.seq <= block.to_seq) end += 1;
      const own = rows.slice(start, end);
      start = end;
      if (!merkleRoot(own.map((row) => row.leaf)).equals(block.root)) {
        return rowFault(db, block, own);
      }
    }
  }
  return undefined;
}

function runsOf(blocks: readonly Block[]): Block[][] {
  const runs: Block[][] = [];
  let size = ROWS_PER_TURN;
  for (const block of blocks) {
    size += block.rows_count;
    if (size > ROWS_PER_TURN) {
      runs.push([]);
      size = block.rows_count;
    }
    runs.at(-1)!.push(block);
  }
  return runs;
}

/** Names the first row of a block that is not as it was sealed. */
async function rowFault(db: Database, block: Block, rows: readonly Row[]): Promise<Fault> {
  const { leaves } = await db.one<{ leaves: Buffer }>(
    'select leaves from audit_block where block_no = $1',
    [block.block_no],
  );
  const sealed = Array.from({ length: leaves.length / 32 }, (_, n) =>
    leaves.subarray(n * 32, n * 32 + 32),
  );
  const name = nameOf(block);
  if (!merkleRoot(sealed).equals(block.root)) {
    return { fault: `${name} is broken, and so are its leaves, by which its rows could be told` };
  }
  const at = sealed.findIndex((leaf, n) => !rows[n]?.leaf.equals(leaf));
  const first = at < 0 ? sealed.length : at;
  const row = rows[first];
  const told = (seq: string, recorded: Date | undefined, what: string): Fault => ({
    fault: `row ${seq} of ${name} was ${what}${
      recorded ? `; recorded ${recorded.toISOString()}` : ''
    }`,
    brokenRow: { id: seq, recorded, block: Number(block.block_no) },
  });
  const isIn = (list: readonly Buffer[], leaf: Buffer | undefined): boolean =>
    leaf !== undefined && list.some((each) => each.equals(leaf));
  if (row && !isIn(sealed, row.leaf)) {
    const slippedIn =
      isIn(
        rows.map((each) => each.leaf),
        sealed[first],
      ) || first >= sealed.length;
    return told(String(row.seq), row.at, slippedIn ? 'slipped in' : 'changed');
  }
  const after = first > 0 ? rows[first - 1]!.seq + 1n : block.from_seq;
  const before = row ? row.seq - 1n : block.to_seq;
  return told(after === before ? String(after) : `${after}–${before}`, undefined, 'removed');
}
