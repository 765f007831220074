/**
 * The statements that write a batch of resources: rows, history and index in one round trip each
 * for creations and for changes. Index rows are never looked up by resource: those to remove are
 * computed from the version that is replaced, and only the difference is written.
 *
 * A statement names only the tables that it has rows for: starting and ending an INSERT that has
 * none costs PostgreSQL as much as a row. Each combination is prepared once.
 */

import { type Statement, statement } from '../../sdk/index.ts';
import type {
  DateRow,
  IndexRows,
  NumberRow,
  PairRow,
  ReferenceRow,
  TokenRow,
} from '../definitions/definitions.ts';
import { pairKey } from '../definitions/rows.ts';
import { type TextRow, textRowKey, textRows } from './text-rows.ts';

/** Rows of the index tables. */
export interface StoredRows extends Omit<IndexRows, 'tk' | 'str'> {
  readonly str: TextRow[];
}

/** One resource row to write, with the index rows to add and to remove. */
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

/** Rows for one part of a statement, as columns; the first is the number of the resource. */
interface Part {
  readonly name: string;
  readonly columns: readonly unknown[][];
  /** Types of the columns, or `json` for one value that is a record set. */
  readonly types: readonly string[];
  /** A clause of the statement; `from` gives rows `x(o, a, b, …)`. */
  readonly sql: (from: string) => string;
}

const LETTERS = ['o', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Gathers rows of all resources into the columns of a part; undefined when there are none. */
function part<Row>(
  name: string,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly Row[],
  columns: Columns<Row>,
  sql: (from: string) => string,
): Part | undefined {
  const out: unknown[][] = [[], ...columns.map(() => [])];
  changes.forEach((change, index) => {
    for (const row of rowsOf(change)) {
      out[0]!.push(index + 1);
      columns.forEach(([, value], at) => {
        out[at + 1]!.push(value(row));
      });
    }
  });
  if (out[0]!.length === 0) return undefined;
  return { name, columns: out, types: ['int', ...columns.map(([type]) => type)], sql };
}

function pairPart(
  name: string,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly PairRow[],
  sql: (from: string) => string,
): Part | undefined {
  if (changes.every((change) => rowsOf(change).length === 0)) return undefined;
  return { name, columns: [[pairRows(changes, rowsOf)]], types: ['json'], sql };
}

type Columns<Row> = readonly (readonly [type: string, value: (row: Row) => unknown])[];

const TOK: Columns<TokenRow> = [
  ['bigint', (row) => row.hash],
  ['int', (row) => row.system],
  ['smallint', (row) => row.kind],
];
const STR: Columns<TextRow> = [
  ['int', (row) => row.param],
  ['text', (row) => row.texts[0]],
  ['text', (row) => row.texts[1]],
  ['text', (row) => row.texts[2]],
  ['text', (row) => row.texts[3]],
  ['text', (row) => row.raw],
];
const REF: Columns<ReferenceRow> = [
  ['int', (row) => row.param],
  ['smallint', (row) => row.type],
  ['uuid', (row) => row.target],
];
const DAT: Columns<DateRow> = [
  ['int', (row) => row.param],
  ['timestamptz', (row) => row.lower ?? '-infinity'],
  ['timestamptz', (row) => row.upper ?? 'infinity'],
];
const NUM: Columns<NumberRow> = [
  ['int', (row) => row.param],
  ['bigint', (row) => row.unit],
  ['numeric', (row) => row.low],
  ['numeric', (row) => row.high],
  ['numeric', (row) => row.value],
];

/** Index rows to add. */
function additions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      'a_tok',
      changes,
      (each) => each.add.tok,
      TOK,
      (from) => `insert into tok (hash, rid, system, bucket, kind)
        select x.a, m.rid, x.b, m.bucket, x.c from ${from} join m using (o)`,
    ),
    part(
      'a_str',
      changes,
      (each) => each.add.str,
      STR,
      (from) => `insert into str (rid, param, bucket, v0, v1, v2, v3, raw)
        select m.rid, x.a, m.bucket, x.b, x.c, x.d, x.e, x.f from ${from} join m using (o)`,
    ),
    part(
      'a_ref',
      changes,
      (each) => each.add.ref,
      REF,
      (from) => `insert into ref (target, rid, param, type, bucket)
        select x.c, m.rid, x.a, x.b, m.bucket from ${from} join m using (o)`,
    ),
    part(
      'a_dat',
      changes,
      (each) => each.add.dat,
      DAT,
      (from) => `insert into dat (lower, upper, rid, param, bucket)
        select x.b, x.c, m.rid, x.a, m.bucket from ${from} join m using (o)`,
    ),
    ...rareAdditions(changes),
  ];
}

/** Those that few resources have. */
function rareAdditions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      'a_num',
      changes,
      (each) => each.add.num,
      NUM,
      (from) => `insert into num (rid, unit, param, bucket, low, high, val)
        select m.rid, x.b, x.a, m.bucket, x.c, x.d, x.e from ${from} join m using (o)`,
    ),
    pairPart(
      'a_pair',
      changes,
      (each) => each.add.pair,
      (from) => `insert into pair (rid, param, bucket, ${PAIR_COLUMNS})
        select m.rid, x.param, m.bucket, ${PAIR_VALUES} from ${from} join m using (o)`,
    ),
  ];
}

/** The versions that are replaced, and index rows to remove. */
function removals(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      'h',
      changes,
      (each) => (each.old ? [each] : []),
      [
        ['timestamptz', (row) => row.old!.lu],
        ['int', (row) => row.old!.version],
        ['smallint', (row) => row.method],
        ['bytea', (row) => row.old!.content],
      ],
      (from) => `insert into history (lu, rid, ver, type, bucket, method, content)
        select x.a, m.rid, x.b, m.type, m.bucket, x.c, x.d from ${from} join m using (o)`,
    ),
    part(
      'd_tok',
      changes,
      (each) => each.remove.tok,
      TOK,
      (from) => `delete from tok t using ${from}, m
        where m.o = x.o and t.hash = x.a and t.rid = m.rid and t.system = x.b and t.kind = x.c`,
    ),
    part(
      'd_str',
      changes,
      (each) => each.remove.str,
      STR,
      // `+ 0` so that rows are found by resource: a text may be that of a million others.
      (from) => `delete from str t using ${from}, m
        where m.o = x.o and t.rid = m.rid and t.param + 0 = x.a
          and t.v0 is not distinct from x.b and t.v1 is not distinct from x.c
          and t.v2 is not distinct from x.d and t.v3 is not distinct from x.e
          and t.raw is not distinct from x.f`,
    ),
    part(
      'd_ref',
      changes,
      (each) => each.remove.ref,
      REF,
      (from) => `delete from ref t using ${from}, m
        where m.o = x.o and t.target = x.c and t.param = x.a and t.type = x.b and t.rid = m.rid`,
    ),
    part(
      'd_dat',
      changes,
      (each) => each.remove.dat,
      DAT,
      (from) => `delete from dat t using ${from}, m
        where m.o = x.o and t.param = x.a and t.lower = x.b and t.upper = x.c and t.rid = m.rid`,
    ),
    part(
      'd_num',
      changes,
      (each) => each.remove.num,
      NUM,
      (from) => `delete from num t using ${from}, m
        where m.o = x.o and t.param = x.a and t.unit = x.b and t.val = x.e and t.low = x.c
          and t.rid = m.rid`,
    ),
    pairPart(
      'd_pair',
      changes,
      (each) => each.remove.pair,
      (from) => `delete from pair t using ${from}, m
        where m.o = x.o and t.rid = m.rid and t.param = x.param and ${PAIR_SAME}`,
    ),
  ];
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

/** A statement with its values. */
interface Bound {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

const prepared = new Map<string, Statement>();

/** Puts head, parts and end together; `$1` and on are the values of the head. */
function bound(
  kind: string,
  head: string,
  values: readonly unknown[],
  parts: readonly (Part | undefined)[],
  end: string,
): Bound {
  const present = parts.filter((each) => each !== undefined);
  const name = ['fhir', kind, ...present.map((each) => each.name)].join('.');
  let found = prepared.get(name);
  if (!found) {
    let next = values.length;
    const clauses = present.map((each) => {
      const places = each.types.map((type) => `$${++next}::${type}${type === 'json' ? '' : '[]'}`);
      const from =
        each.types[0] === 'json'
          ? `json_to_recordset(${places[0]}) x(o int, param int, ${PAIR_TYPES})`
          : `unnest(${places.join(', ')}) x(${LETTERS.slice(0, places.length).join(', ')})`;
      return `,\n   ${each.name} as (${each.sql(from)})`;
    });
    found = statement(name, `${head}${clauses.join('')}\n   ${end}`);
    prepared.set(name, found);
  }
  const columns = present.flatMap((each) =>
    each.types[0] === 'json' ? each.columns[0]! : each.columns,
  );
  return { statement: found, values: [...values, ...columns] };
}

const INSERT_HEAD = `with m as materialized (
     select x.*, nextval('resource_rid') * 64 + x.bucket as rid
     from unnest($2::smallint[], $3::smallint[], $4::uuid[], $5::int[], $6::text[], $7::text[])
       with ordinality as x(type, bucket, id, ver, tk, content, o)),
   r as (insert into resource (lu, rid, id, ver, type, bucket, tk, content)
     select $1, rid, id, ver, type, bucket, tk::bigint[], content from m)`;

/** Inserts new resources; answers their `rid` in the order of the changes. */
export function insertRows(lu: Date, changes: readonly RowChange[]): Bound {
  const values = [
    lu,
    changes.map((each) => each.type),
    changes.map((each) => each.bucket),
    changes.map((each) => each.key),
    changes.map((each) => each.version),
    changes.map((each) => `{${each.tk.join(',')}}`),
    changes.map((each) => each.content),
  ];
  return bound('insert', INSERT_HEAD, values, additions(changes), 'select rid from m order by o');
}

const INDEX_HEAD = `with m as (
     select * from unnest($1::bigint[], $2::smallint[]) with ordinality as m(rid, bucket, o))`;

/**
 * Index rows of numbers and composites of resources that have just been copied in; undefined when
 * there are none.
 */
export function insertIndexRows(
  changes: readonly RowChange[],
  rids: readonly bigint[],
): Bound | undefined {
  const parts = rareAdditions(changes);
  if (parts.every((each) => each === undefined)) return undefined;
  const values = [rids, changes.map((each) => each.bucket)];
  return bound('index', INDEX_HEAD, values, parts, 'select 1');
}

const UPDATE_HEAD = `with m as materialized (
     select * from unnest($2::smallint[], $3::smallint[], $4::bigint[], $5::int[], $6::boolean[],
       $7::text[], $8::text[])
       with ordinality as m(type, bucket, rid, ver, deleted, tk, content, o)),
   r as (update resource r set lu = $1, ver = m.ver, deleted = m.deleted, tk = m.tk::bigint[],
       content = m.content
     from m where r.rid = m.rid and r.bucket = m.bucket and r.type = m.type)`;

/** Replaces resources, with what stood before in the history. */
export function updateRows(lu: Date, changes: readonly RowChange[]): Bound {
  const values = [
    lu,
    changes.map((each) => each.type),
    changes.map((each) => each.bucket),
    changes.map((each) => each.rid),
    changes.map((each) => each.version),
    changes.map((each) => each.deleted),
    changes.map((each) => `{${each.tk.join(',')}}`),
    changes.map((each) => each.content),
  ];
  const parts = [...removals(changes), ...additions(changes)];
  return bound('update', UPDATE_HEAD, values, parts, 'select 1');
}

/** No index rows at all. */
export const NO_ROWS: IndexRows = { tk: [], tok: [], str: [], ref: [], dat: [], num: [], pair: [] };

/** What must be added and removed to get from one version's rows to the next's. */
export function difference(old: IndexRows, next: IndexRows): Pick<RowChange, 'add' | 'remove'> {
  const before = { ...old, str: textRows(old.str) };
  const after = { ...next, str: textRows(next.str) };
  const pick = <Row>(from: Row[], other: Row[], key: (row: Row) => string): Row[] => {
    if (from.length === 0 || other.length === 0) return from;
    const known = new Set(other.map(key));
    return from.filter((row) => !known.has(key(row)));
  };
  const both = (from: StoredRows, other: StoredRows) => ({
    tok: pick(from.tok, other.tok, (row) => `${row.hash}|${row.system}|${row.kind}`),
    str: pick(from.str, other.str, textRowKey),
    ref: pick(from.ref, other.ref, (row) => `${row.param}|${row.type}|${row.target}`),
    dat: pick(from.dat, other.dat, (row) => `${row.param}|${row.lower}|${row.upper}`),
    num: pick(from.num, other.num, (row) => `${row.param}|${row.unit}|${row.low}|${row.value}`),
    pair: pick(from.pair, other.pair, pairKey),
  });
  return { add: both(after, before), remove: both(before, after) };
}
