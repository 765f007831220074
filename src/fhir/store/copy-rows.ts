/**
 * Writes many new resources at once by COPY: a third of the work of one INSERT with its columns
 * unnested and joined, for which an import and large Bundles come here.
 *
 * Internal ids are drawn first, so that index rows know them. What few resources have (numbers,
 * parts of composites) goes by the usual statement.
 *
 * Leaves to `rows.ts` what a row is, and how changes and small batches are written.
 */

import type { Database } from '../../sdk/index.ts';
import { statement } from '../../sdk/index.ts';
import { BinaryRows } from './copy-binary.ts';
import type { RowChange } from './row-change.ts';
import { insertIndexRows } from './rows.ts';

/** Creations from which on COPY is worth its round trips. */
export const COPY_MIN = 100;

const DRAW = statement(
  'fhir.draw-rids',
  `select nextval('resource_rid') as number from generate_series(1, $1::int)`,
);

/** Inserts new resources; answers their `rid` in the order of the changes. */
export async function copyRows(
  db: Database,
  lu: Date,
  changes: readonly RowChange[],
): Promise<bigint[]> {
  const drawn = await db.query<{ number: bigint }>(DRAW, [changes.length]);
  const rids = changes.map(({ bucket }, at) => drawn[at]!.number * 64n + BigInt(bucket));
  const columns = 'lu, rid, id, ver, type, bucket, tk, content';
  await db.copyIn(`copy resource (${columns})${BINARY}`, resourceRows(lu, changes, rids));
  for (const { copy, rows } of indexRows(changes, rids)) {
    if (rows.count > 0) await db.copyIn(`copy ${copy}${BINARY}`, [rows.end()]);
  }
  const rest = insertIndexRows(changes, rids);
  if (rest) await db.run(rest.statement, rest.values);
  return rids;
}

const PIECE_ROWS = 100;
const BINARY = ' from stdin with (format binary)';

/** Rows of `resource`, in pieces: PostgreSQL writes one while the next is made. */
function* resourceRows(
  lu: Date,
  changes: readonly RowChange[],
  rids: readonly bigint[],
): Generator<Buffer> {
  const rows = new BinaryRows();
  for (const [at, { key, version, type, bucket, tk, content }] of changes.entries()) {
    rows.row(8).instant(lu).int8(rids[at]!).uuid(key).int4(version).int2(type).int2(bucket);
    rows.int8s(tk).text(content);
    if (at % PIECE_ROWS === PIECE_ROWS - 1) yield rows.take();
  }
  yield rows.end();
}

/**
 * Index rows of a batch. Those of a table stand in the order of its index, where PostgreSQL then
 * finds the place of one beside that of the one before.
 */
function indexRows(
  changes: readonly RowChange[],
  rids: readonly bigint[],
): { readonly copy: string; readonly rows: BinaryRows }[] {
  const [str, ref] = [new BinaryRows(), new BinaryRows()];
  changes.forEach(({ bucket, add }, at) => {
    const rid = rids[at]!;
    for (const { param, texts, raw } of add.str) {
      str.row(8).int8(rid).int4(param).int2(bucket);
      for (const each of texts) str.text(each);
      str.text(raw);
    }
    for (const { param, type, target } of add.ref) {
      ref.row(5).uuid(target).int8(rid).int4(param).int2(type).int2(bucket);
    }
  });
  return [
    { copy: 'tok (hash, rid, system, bucket, kind)', rows: tokenRows(changes, rids) },
    { copy: 'str (rid, param, bucket, v0, v1, v2, v3, raw)', rows: str },
    { copy: 'ref (target, rid, param, type, bucket)', rows: ref },
    { copy: 'dat (lower, upper, rid, param, bucket)', rows: dateRows(changes, rids) },
  ];
}

function tokenRows(changes: readonly RowChange[], rids: readonly bigint[]): BinaryRows {
  const rows = new BinaryRows();
  const found = gathered(changes, (each) => each.add.tok);
  for (const place of byNumber(found.rows, ({ hash }) => Number(hash))) {
    const { hash, system, kind } = found.rows[place]!;
    const of = found.of[place]!;
    rows.row(5).int8(hash).int8(rids[of]!).int4(system).int2(changes[of]!.bucket).int2(kind);
  }
  return rows;
}

function dateRows(changes: readonly RowChange[], rids: readonly bigint[]): BinaryRows {
  const rows = new BinaryRows();
  changes.forEach(({ bucket, add }, at) => {
    for (const { param, lower, upper } of add.dat) {
      rows
        .row(5)
        .time(lower ?? '-infinity')
        .time(upper ?? 'infinity')
        .int8(rids[at]!);
      rows.int4(param).int2(bucket);
    }
  });
  return rows;
}

/** Rows of all resources in one list, with the place of the resource that each is of. */
function gathered<Row>(
  changes: readonly RowChange[],
  pick: (change: RowChange) => readonly Row[],
): { readonly rows: readonly Row[]; readonly of: readonly number[] } {
  const rows: Row[] = [];
  const of: number[] = [];
  changes.forEach((change, at) => {
    for (const row of pick(change)) {
      rows.push(row);
      of.push(at);
    }
  });
  return { rows, of };
}

/** The places of rows in the order of a number, which need not tell all of them apart. */
function byNumber<Row>(rows: readonly Row[], numberOf: (row: Row) => number): Uint32Array {
  const numbers = Float64Array.from(rows, numberOf);
  return Uint32Array.from(rows.keys()).sort((a, b) => numbers[a]! - numbers[b]!);
}
