/**
 * The clauses of a statement that writes resources: a part for each table that it has rows for, with
 * the columns to send. Rows are added, removed, or become others.
 *
 * Of one resource a part names it by parameters; of many, rows carry the number of theirs and are
 * joined to the list of them (`Owner`).
 *
 * Leaves to `rows.ts` which parts a statement has, and its head.
 */

import type {
  DateRow,
  NumberRow,
  PairRow,
  ReferenceRow,
  TokenRow,
} from '../definitions/definitions.ts';
import type { RowChange, Turn } from './row-change.ts';
import type { TextRow } from './text-rows.ts';

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
export const PAIR_TYPES = PAIR.map(([name, type]) => `${name} ${type}`).join(', ');
const PAIR_VALUES = PAIR.map(([name, , always]) =>
  always ? `coalesce(x.${name}, 0)` : `x.${name}`,
).join(', ');
/** A row is the same when all of it is; the first tests are those of the index. */
const PAIR_SAME = PAIR.map(([name, , always]) =>
  always ? `t.${name} = coalesce(x.${name}, 0)` : `t.${name} is not distinct from x.${name}`,
).join(' and ');

/** How a clause finds the resource of a row. */
export interface Owner {
  readonly rid: string;
  readonly bucket: string;
  readonly type: string;
  /** What follows `from x` in a SELECT, and in the FROM or USING of a change. */
  readonly joined: string;
  readonly beside: string;
  /** What a change asks before its own condition. */
  readonly of: string;
}

/** Of many resources: rows carry the number `o` of theirs, which stands in `m`. */
export const MANY: Owner = {
  rid: 'm.rid',
  bucket: 'm.bucket',
  type: 'm.type',
  joined: ' join m using (o)',
  beside: ', m',
  of: 'm.o = x.o and ',
};

/**
 * Of many resources: rows that stand already carry the `rid` of theirs. Joined to `m` they might be
 * looked for by what they hold first, and a thousand rows that hold the same are met a million times.
 */
const STANDING: Owner = { ...MANY, rid: 'x.o', beside: '', of: '' };

/** Rows for one part of a statement, as columns; the first says which resource they are of. */
export interface Part {
  readonly name: string;
  /** How rows name theirs among many resources. */
  readonly owner: Owner;
  readonly columns: readonly unknown[][];
  /** Types of the columns, or `json` for one value that is a record set. */
  readonly types: readonly string[];
  /** A clause of the statement; `from` gives rows `x(o, a, b, …)`. */
  readonly sql: (from: string, owner: Owner) => string;
}

export const LETTERS = ['o', ...'abcdefghijkl'];

/** Gathers rows of all resources into the columns of a part; undefined when there are none. */
function part<Row>(
  name: string,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly Row[],
  columns: Columns<Row>,
  sql: (from: string, owner: Owner) => string,
  owner = MANY,
): Part | undefined {
  const out: unknown[][] = [[], ...columns.map(() => [])];
  changes.forEach((change, index) => {
    for (const row of rowsOf(change)) {
      out[0]!.push(owner === MANY ? index + 1 : change.rid);
      columns.forEach(([, value], at) => {
        out[at + 1]!.push(value(row));
      });
    }
  });
  if (out[0]!.length === 0) return undefined;
  const types = ['bigint', ...columns.map(([type]) => type)];
  return { name, owner, columns: out, types, sql };
}

function pairPart(
  name: string,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly PairRow[],
  sql: (from: string, owner: Owner) => string,
  owner = MANY,
): Part | undefined {
  if (changes.every((change) => rowsOf(change).length === 0)) return undefined;
  const rows = pairRows(changes, rowsOf, owner);
  return { name, owner, columns: [[rows]], types: ['json'], sql };
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

/** A row of `str` is the same when all its texts are; null is the same as null. */
const SAME_TEXTS = [
  // `+ 0` so that rows are found by resource: a text may be that of a million others.
  't.param + 0 = x.a',
  ...['v0', 'v1', 'v2', 'v3', 'raw'].map((name, at) => {
    return `t.${name} is not distinct from x.${LETTERS[at + 2]}`;
  }),
].join(' and ');

/** Columns of the row before, then those of the row after. */
function both<Row>(columns: Columns<Row>): Columns<Turn<Row>> {
  return ([0, 1] as const).flatMap((side) =>
    columns.map(([type, value]): Columns<Turn<Row>>[number] => {
      return [type, (turn) => value(turn[side])];
    }),
  );
}

/** Index rows that become others: half the work of taking one out and putting another in. */
export function turns(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      '=t',
      changes,
      (each) => each.turn.tok,
      both(TOK),
      (from, { rid, beside, of }) => `update tok t set hash = x.d, system = x.e, kind = x.f
        from ${from}${beside}
        where ${of}t.hash = x.a and t.rid = ${rid} and t.system = x.b and t.kind = x.c`,
      STANDING,
    ),
    part(
      '=s',
      changes,
      (each) => each.turn.str,
      both(STR),
      (from, { rid, beside, of }) => `update str t
        set param = x.g, v0 = x.h, v1 = x.i, v2 = x.j, v3 = x.k, raw = x.l
        from ${from}${beside} where ${of}t.rid = ${rid} and ${SAME_TEXTS}`,
      STANDING,
    ),
    part(
      '=r',
      changes,
      (each) => each.turn.ref,
      both(REF),
      (from, { rid, beside, of }) => `update ref t set param = x.d, type = x.e, target = x.f
        from ${from}${beside}
        where ${of}t.target = x.c and t.param = x.a and t.type = x.b and t.rid = ${rid}`,
      STANDING,
    ),
    part(
      '=d',
      changes,
      (each) => each.turn.dat,
      both(DAT),
      (from, { rid, beside, of }) => `update dat t set param = x.d, lower = x.e, upper = x.f
        from ${from}${beside}
        where ${of}t.param = x.a and t.lower = x.b and t.upper = x.c and t.rid = ${rid}`,
      STANDING,
    ),
  ];
}

/** Index rows to add. */
export function additions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      '+t',
      changes,
      (each) => each.add.tok,
      TOK,
      (from, { rid, bucket, joined }) => `insert into tok (hash, rid, system, bucket, kind)
        select x.a, ${rid}, x.b, ${bucket}, x.c from ${from}${joined}`,
    ),
    part(
      '+s',
      changes,
      (each) => each.add.str,
      STR,
      (from, { rid, bucket, joined }) => `insert into str
          (rid, param, bucket, v0, v1, v2, v3, raw)
        select ${rid}, x.a, ${bucket}, x.b, x.c, x.d, x.e, x.f from ${from}${joined}`,
    ),
    part(
      '+r',
      changes,
      (each) => each.add.ref,
      REF,
      (from, { rid, bucket, joined }) => `insert into ref (target, rid, param, type, bucket)
        select x.c, ${rid}, x.a, x.b, ${bucket} from ${from}${joined}`,
    ),
    part(
      '+d',
      changes,
      (each) => each.add.dat,
      DAT,
      (from, { rid, bucket, joined }) => `insert into dat (lower, upper, rid, param, bucket)
        select x.b, x.c, ${rid}, x.a, ${bucket} from ${from}${joined}`,
    ),
    ...rareAdditions(changes),
  ];
}

/** Those that few resources have. */
export function rareAdditions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    part(
      '+n',
      changes,
      (each) => each.add.num,
      NUM,
      (from, { rid, bucket, joined }) => `insert into num (rid, unit, param, bucket, low, high, val)
        select ${rid}, x.b, x.a, ${bucket}, x.c, x.d, x.e from ${from}${joined}`,
    ),
    pairPart(
      '+p',
      changes,
      (each) => each.add.pair,
      (from, { rid, bucket, joined }) => `insert into pair (rid, param, bucket, ${PAIR_COLUMNS})
        select ${rid}, x.param, ${bucket}, ${PAIR_VALUES} from ${from}${joined}`,
    ),
  ];
}

/** The versions that are replaced, for the history. */
function replaced(changes: readonly RowChange[]): Part | undefined {
  return part(
    '.h',
    changes,
    (each) => (each.old ? [each] : []),
    [
      ['timestamptz', (row) => row.old!.lu],
      ['int', (row) => row.old!.version],
      ['smallint', (row) => row.method],
      ['bytea', (row) => row.old!.content],
    ],
    (from, { rid, type, bucket, joined }) => `insert into history
        (lu, rid, ver, type, bucket, method, content)
      select x.a, ${rid}, x.b, ${type}, ${bucket}, x.c, x.d from ${from}${joined}`,
  );
}

/** The versions that are replaced, and index rows to remove. */
export function removals(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    replaced(changes),
    part(
      '-t',
      changes,
      (each) => each.remove.tok,
      TOK,
      (from, { rid, beside, of }) => `delete from tok t using ${from}${beside}
        where ${of}t.hash = x.a and t.rid = ${rid} and t.system = x.b and t.kind = x.c`,
      STANDING,
    ),
    part(
      '-s',
      changes,
      (each) => each.remove.str,
      STR,
      (from, { rid, beside, of }) => `delete from str t using ${from}${beside}
        where ${of}t.rid = ${rid} and ${SAME_TEXTS}`,
      STANDING,
    ),
    part(
      '-r',
      changes,
      (each) => each.remove.ref,
      REF,
      (from, { rid, beside, of }) => `delete from ref t using ${from}${beside}
        where ${of}t.target = x.c and t.param = x.a and t.type = x.b and t.rid = ${rid}`,
      STANDING,
    ),
    part(
      '-d',
      changes,
      (each) => each.remove.dat,
      DAT,
      (from, { rid, beside, of }) => `delete from dat t using ${from}${beside}
        where ${of}t.param = x.a and t.lower = x.b and t.upper = x.c and t.rid = ${rid}`,
      STANDING,
    ),
    part(
      '-n',
      changes,
      (each) => each.remove.num,
      NUM,
      (from, { rid, beside, of }) => `delete from num t using ${from}${beside}
        where ${of}t.param = x.a and t.unit = x.b and t.val = x.e and t.low = x.c
          and t.rid = ${rid}`,
      STANDING,
    ),
    pairPart(
      '-p',
      changes,
      (each) => each.remove.pair,
      (from, { rid, beside, of }) => `delete from pair t using ${from}${beside}
        where ${of}t.rid = ${rid} and t.param = x.param and ${PAIR_SAME}`,
      STANDING,
    ),
  ];
}

/** Rows of `pair` as the JSON that the statements read. */
function pairRows(
  changes: readonly RowChange[],
  pick: (change: RowChange) => readonly PairRow[],
  owner: Owner,
): string {
  const rows = changes.flatMap((change, index) =>
    pick(change).map(({ param, parts }) => {
      const o = owner === MANY ? index + 1 : String(change.rid);
      const row: Record<string, unknown> = { o, param };
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
