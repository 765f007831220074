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
import { insertIndexRows, type RowChange } from './rows.ts';

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

function indexRows(
  changes: readonly RowChange[],
  rids: readonly bigint[],
): { readonly copy: string; readonly rows: BinaryRows }[] {
  const [tok, str, ref] = [new BinaryRows(), new BinaryRows(), new BinaryRows()];
  changes.forEach(({ bucket, add }, at) => {
    const rid = rids[at]!;
    for (const { hash, system, kind } of add.tok) {
      tok.row(5).int8(hash).int8(rid).int4(system).int2(bucket).int2(kind);
    }
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
    { copy: 'tok (hash, rid, system, bucket, kind)', rows: tok },
    { copy: 'str (rid, param, bucket, v0, v1, v2, v3, raw)', rows: str },
    { copy: 'ref (target, rid, param, type, bucket)', rows: ref },
  ];
}
