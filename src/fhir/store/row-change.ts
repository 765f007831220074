/**
 * What a write changes: the row of a resource, and of its index rows those that come, go, or become
 * others. Index rows follow from a version alone, so that the difference of two is computed.
 *
 * Leaves to `rows.ts` how that is written.
 */

import type { DateRow, IndexRows, ReferenceRow, TokenRow } from '../definitions/definitions.ts';
import { pairKey } from '../definitions/rows.ts';
import { type TextRow, textRowKey, textRows } from './text-rows.ts';

/** A row of an index with the one that takes its place. */
export type Turn<Row> = readonly [before: Row, after: Row];

/** Rows of the index tables. */
export interface StoredRows extends Omit<IndexRows, 'tk' | 'str'> {
  readonly str: TextRow[];
}

/** Index rows that become others. */
export interface Turns {
  readonly tok: readonly Turn<TokenRow>[];
  readonly str: readonly Turn<TextRow>[];
  readonly ref: readonly Turn<ReferenceRow>[];
  readonly dat: readonly Turn<DateRow>[];
}

/** One resource row to write, with the index rows to add, to remove and to change into others. */
export interface RowChange {
  readonly type: number;
  readonly bucket: number;
  readonly key: string;
  /** 0n for a creation: it is drawn by the statement. */
  readonly rid: bigint;
  readonly version: number;
  readonly deleted: boolean;
  readonly content: string;
  readonly tk: readonly bigint[];
  readonly add: StoredRows;
  readonly remove: StoredRows;
  readonly turn: Turns;
  /** The version that is replaced, compressed; undefined for a creation. */
  readonly old?: { readonly content: Buffer; readonly version: number; readonly lu: Date };
  readonly method: number;
}

/** No index rows at all. */
export const NO_ROWS: IndexRows = { tk: [], tok: [], str: [], ref: [], dat: [], num: [], pair: [] };

/** Index rows to add and to remove. */
export type Difference = Pick<RowChange, 'add' | 'remove'>;

/** What must be added and removed to get from one version's rows to the next's. */
export function difference(old: IndexRows, next: IndexRows): Difference {
  const before = { ...old, str: textRows(old.str) };
  const after = { ...next, str: textRows(next.str) };
  const both = (from: StoredRows, other: StoredRows): StoredRows => ({
    tok: lacking(from.tok, other.tok, (row) => `${row.hash}|${row.system}|${row.kind}`),
    str: lacking(from.str, other.str, textRowKey),
    ref: lacking(from.ref, other.ref, (row) => `${row.param}|${row.type}|${row.target}`),
    dat: lacking(from.dat, other.dat, (row) => `${row.param}|${row.lower}|${row.upper}`),
    num: lacking(from.num, other.num, (row) => {
      return `${row.param}|${row.unit}|${row.low}|${row.value}`;
    }),
    pair: lacking(from.pair, other.pair, pairKey),
  });
  return { add: both(after, before), remove: both(before, after) };
}

/** Rows that stand on one side only. */
function lacking<Row>(from: Row[], other: Row[], key: (row: Row) => string): Row[] {
  if (from.length === 0 || other.length === 0) return from;
  const known = new Set(other.map(key));
  return from.filter((row) => !known.has(key(row)));
}

/** The same with rows that become others, as far as some go while others come. */
export function withTurns({ add, remove }: Difference): Difference & Pick<RowChange, 'turn'> {
  const [tok, str] = [paired(add.tok, remove.tok), paired(add.str, remove.str)];
  const ref = paired(add.ref, remove.ref);
  // Two writings of one instant would be one row to PostgreSQL: only a date that is alone turns.
  const dat = paired(add.dat, remove.dat, remove.dat.length === 1 ? 1 : 0);
  return {
    add: { ...add, tok: tok.add, str: str.add, ref: ref.add, dat: dat.add },
    remove: { ...remove, tok: tok.remove, str: str.remove, ref: ref.remove, dat: dat.remove },
    turn: { tok: tok.turn, str: str.turn, ref: ref.turn, dat: dat.turn },
  };
}

function paired<Row>(
  add: Row[],
  remove: Row[],
  max = Number.POSITIVE_INFINITY,
): { readonly add: Row[]; readonly remove: Row[]; readonly turn: Turn<Row>[] } {
  const count = Math.min(add.length, remove.length, max);
  if (count === 0) return { add, remove, turn: [] };
  return {
    add: add.slice(count),
    remove: remove.slice(count),
    turn: add.slice(0, count).map((row, at) => [remove[at]!, row]),
  };
}
