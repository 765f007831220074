/**
 * The statements that write a batch of resources: rows, history and index in one round trip each
 * for creations and for changes. Index rows are never looked up by resource: those to remove are
 * computed from the version that is replaced, and only the difference is written.
 */

import { statement } from '../../sdk/index.ts';
import type { IndexRows, PairRow } from '../definitions/definitions.ts';
import { pairKey } from '../definitions/rows.ts';

/** One resource row to write, with the index rows to add and to remove. */
export interface RowChange {
  readonly type: number;
  readonly bucket: number;
  readonly key: string;
  readonly rid: bigint;
  readonly version: number;
  readonly deleted: boolean;
  readonly content: string;
  readonly tk: readonly bigint[];
  readonly add: Omit<IndexRows, 'tk'>;
  readonly remove: Omit<IndexRows, 'tk'>;
  /** The version that is replaced, compressed; undefined for a creation. */
  readonly old?: { readonly content: Buffer; readonly version: number; readonly lu: Date };
  readonly method: number;
}

/** Columns of `pair` with their types; those that are never null have 0 for nothing. */
const PAIR = [1, 2, 3].flatMap((place): [name: string, type: string, always: boolean][] => {
  const discrete: [string, string, boolean][] = [
    [`h${place}`, 'bigint', true],
    [`s${place}`, 'int', true],
  ];
  if (place === 1) return discrete;
  return [
    ...discrete,
    [`val${place}`, 'numeric', place === 2],
    [`low${place}`, 'numeric', false],
    [`high${place}`, 'numeric', false],
    [`lower${place}`, 'timestamptz', false],
    [`upper${place}`, 'timestamptz', false],
    [`txt${place}`, 'text', false],
    [`raw${place}`, 'text', false],
  ];
});
const PAIR_COLUMNS = PAIR.map(([name]) => name).join(', ');
const PAIR_TYPES = PAIR.map(([name, type]) => `${name} ${type}`).join(', ');
const PAIR_VALUES = PAIR.map(([name, , always]) =>
  always ? `coalesce(x.${name}, 0)` : `x.${name}`,
).join(', ');
/** A row is the same when all of it is; the first tests are those of the index. */
const PAIR_SAME = PAIR.map(([name, , always]) =>
  always ? `t.${name} = coalesce(x.${name}, 0)` : `t.${name} is not distinct from x.${name}`,
).join(' and ');

const ADD_INDEX = `
  a_tok as (insert into tok (hash, rid, system, bucket)
    select h, m.rid, s, m.bucket from unnest($10::int[], $11::bigint[], $12::int[]) x(o, h, s)
    join m using (o)),
  a_str as (insert into str (rid, param, bucket, val, raw)
    select m.rid, p, m.bucket, v, w
    from unnest($13::int[], $14::int[], $15::text[], $16::text[]) x(o, p, v, w) join m using (o)),
  a_ref as (insert into ref (target, rid, param, type, bucket)
    select t, m.rid, p, k, m.bucket
    from unnest($17::int[], $18::int[], $19::smallint[], $20::uuid[]) x(o, p, k, t)
    join m using (o)),
  a_dat as (insert into dat (lower, upper, rid, param, bucket)
    select l, u, m.rid, p, m.bucket
    from unnest($21::int[], $22::int[], $23::timestamptz[], $24::timestamptz[]) x(o, p, l, u)
    join m using (o)),
  a_num as (insert into num (rid, unit, param, bucket, low, high, val)
    select m.rid, n, p, m.bucket, l, h, v
    from unnest($25::int[], $26::int[], $27::bigint[], $28::numeric[], $29::numeric[],
                $30::numeric[]) x(o, p, n, l, h, v) join m using (o)),
  a_pair as (insert into pair (rid, param, bucket, ${PAIR_COLUMNS})
    select m.rid, x.param, m.bucket, ${PAIR_VALUES}
    from json_to_recordset($31::json) x(o int, param int, ${PAIR_TYPES}) join m using (o))`;

/** $1 lu; $2.. types, buckets, keys, rids, versions, deleted, tk, contents; $10.. index rows. */
export const INSERT = statement(
  'fhir.insert',
  `with m as materialized (
     select * from unnest($2::smallint[], $3::smallint[], $4::uuid[], $5::bigint[], $6::int[],
       $7::boolean[], $8::text[], $9::text[])
       with ordinality as m(type, bucket, id, rid, ver, deleted, tk, content, o)),
   r as (insert into resource (lu, rid, id, ver, type, bucket, deleted, tk, content)
     select $1, rid, id, ver, type, bucket, deleted, tk::bigint[], content from m),
   ${ADD_INDEX}
   select 1`,
);

/** As INSERT, with $32.. the replaced versions and the index rows to remove. */
export const UPDATE = statement(
  'fhir.update',
  `with m as materialized (
     select * from unnest($2::smallint[], $3::smallint[], $4::uuid[], $5::bigint[], $6::int[],
       $7::boolean[], $8::text[], $9::text[])
       with ordinality as m(type, bucket, id, rid, ver, deleted, tk, content, o)),
   r as (update resource r set lu = $1, ver = m.ver, deleted = m.deleted, tk = m.tk::bigint[],
       content = m.content
     from m where r.rid = m.rid and r.bucket = m.bucket and r.type = m.type),
   h as (insert into history (lu, rid, ver, type, bucket, method, content)
     select lu, m.rid, v, m.type, m.bucket, method, packed
     from unnest($32::int[], $33::timestamptz[], $34::int[], $35::smallint[], $36::bytea[])
       x(o, lu, v, method, packed) join m using (o)),
   d_tok as (delete from tok t using unnest($37::int[], $38::bigint[], $39::int[]) x(o, h, s), m
     where m.o = x.o and t.hash = x.h and t.rid = m.rid and t.system = x.s),
   d_str as (delete from str t
     using unnest($40::int[], $41::int[], $42::text[], $43::text[]) x(o, p, v, w), m
     where m.o = x.o and t.param = x.p and t.val = x.v and t.rid = m.rid
       and t.raw is not distinct from x.w),
   d_ref as (delete from ref t
     using unnest($44::int[], $45::int[], $46::smallint[], $47::uuid[]) x(o, p, k, i), m
     where m.o = x.o and t.target = x.i and t.param = x.p and t.type = x.k and t.rid = m.rid),
   d_dat as (delete from dat t
     using unnest($48::int[], $49::int[], $50::timestamptz[], $51::timestamptz[]) x(o, p, l, u), m
     where m.o = x.o and t.param = x.p and t.lower = x.l and t.upper = x.u and t.rid = m.rid),
   d_num as (delete from num t
     using unnest($52::int[], $53::int[], $54::bigint[], $55::numeric[], $56::numeric[])
       x(o, p, n, l, v), m
     where m.o = x.o and t.param = x.p and t.unit = x.n and t.val = x.v and t.low = x.l
       and t.rid = m.rid),
   d_pair as (delete from pair t
     using json_to_recordset($57::json) x(o int, param int, ${PAIR_TYPES}), m
     where m.o = x.o and t.rid = m.rid and t.param = x.param and ${PAIR_SAME}),
   ${ADD_INDEX}
   select 1`,
);

/** Draws internal ids for new resources, in the order of the buckets given. */
export const DRAW_RIDS = statement(
  'fhir.draw-rids',
  `select nextval('resource_rid') * 64 + b as rid
   from unnest($1::int[]) with ordinality x(b, n) order by n`,
);

type Column = readonly unknown[];

function flat<Row>(
  changes: readonly RowChange[],
  pick: (change: RowChange) => readonly Row[],
  columns: readonly ((row: Row) => unknown)[],
): Column[] {
  const out: unknown[][] = [[], ...columns.map(() => [])];
  changes.forEach((change, index) => {
    for (const row of pick(change)) {
      out[0]!.push(index + 1);
      columns.forEach((column, at) => {
        out[at + 1]!.push(column(row));
      });
    }
  });
  return out;
}

/** Rows of `pair` as the JSON that the statements read. */
function pairRows(
  changes: readonly RowChange[],
  pick: (change: RowChange) => readonly PairRow[],
): string {
  const rows = changes.flatMap((change, index) =>
    pick(change).map(({ param, parts }) => {
      const row: Record<string, unknown> = { o: index + 1, param };
      parts.forEach((part, at) => {
        for (const [name, value] of Object.entries(part)) {
          row[`${name}${at + 1}`] = typeof value === 'bigint' ? value.toString() : value;
        }
      });
      return row;
    }),
  );
  return JSON.stringify(rows);
}

/** The values of INSERT. */
export function insertValues(lu: Date, changes: readonly RowChange[]): unknown[] {
  return [
    lu,
    changes.map((each) => each.type),
    changes.map((each) => each.bucket),
    changes.map((each) => each.key),
    changes.map((each) => each.rid),
    changes.map((each) => each.version),
    changes.map((each) => each.deleted),
    changes.map((each) => `{${each.tk.join(',')}}`),
    changes.map((each) => each.content),
    ...flat(changes, (each) => each.add.tok, [(row) => row.hash, (row) => row.system]),
    ...flat(changes, (each) => each.add.str, [
      (row) => row.param,
      (row) => row.val,
      (row) => row.raw,
    ]),
    ...flat(changes, (each) => each.add.ref, [
      (row) => row.param,
      (row) => row.type,
      (row) => row.target,
    ]),
    ...flat(changes, (each) => each.add.dat, [
      (row) => row.param,
      (row) => row.lower ?? '-infinity',
      (row) => row.upper ?? 'infinity',
    ]),
    ...flat(changes, (each) => each.add.num, [
      (row) => row.param,
      (row) => row.unit,
      (row) => row.low,
      (row) => row.high,
      (row) => row.value,
    ]),
    pairRows(changes, (each) => each.add.pair),
  ];
}

/** The values of UPDATE. */
export function updateValues(lu: Date, changes: readonly RowChange[]): unknown[] {
  return [
    ...insertValues(lu, changes),
    ...flat(
      changes.map((each) => each),
      (each) => (each.old ? [each] : []),
      [
        (row) => row.old!.lu,
        (row) => row.old!.version,
        (row) => row.method,
        (row) => row.old!.content,
      ],
    ),
    ...flat(changes, (each) => each.remove.tok, [(row) => row.hash, (row) => row.system]),
    ...flat(changes, (each) => each.remove.str, [
      (row) => row.param,
      (row) => row.val,
      (row) => row.raw,
    ]),
    ...flat(changes, (each) => each.remove.ref, [
      (row) => row.param,
      (row) => row.type,
      (row) => row.target,
    ]),
    ...flat(changes, (each) => each.remove.dat, [
      (row) => row.param,
      (row) => row.lower ?? '-infinity',
      (row) => row.upper ?? 'infinity',
    ]),
    ...flat(changes, (each) => each.remove.num, [
      (row) => row.param,
      (row) => row.unit,
      (row) => row.low,
      (row) => row.value,
    ]),
    pairRows(changes, (each) => each.remove.pair),
  ];
}

/** No index rows at all. */
export const NO_ROWS: IndexRows = { tk: [], tok: [], str: [], ref: [], dat: [], num: [], pair: [] };

/** What must be added and removed to get from one version's rows to the next's. */
export function difference(before: IndexRows, after: IndexRows): Pick<RowChange, 'add' | 'remove'> {
  const pick = <Row>(from: readonly Row[], other: readonly Row[], key: (row: Row) => string) => {
    const known = new Set(other.map(key));
    return from.filter((row) => !known.has(key(row)));
  };
  const both = (from: IndexRows, other: IndexRows) => ({
    tok: pick(from.tok, other.tok, (row) => `${row.hash}|${row.system}`),
    str: pick(
      from.str,
      other.str,
      (row) => `${row.param}|${row.raw === null ? '' : `=${row.raw}`}|${row.val}`,
    ),
    ref: pick(from.ref, other.ref, (row) => `${row.param}|${row.type}|${row.target}`),
    dat: pick(from.dat, other.dat, (row) => `${row.param}|${row.lower}|${row.upper}`),
    num: pick(from.num, other.num, (row) => `${row.param}|${row.unit}|${row.low}|${row.value}`),
    pair: pick(from.pair, other.pair, pairKey),
  });
  return { add: both(after, before), remove: both(before, after) };
}
