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
  /** What follows `from x` in a SELECT. */
  readonly joined: string;
}

/** Of many resources: rows carry the number `o` of theirs, which stands in `m`. */
export const MANY: Owner = {
  rid: 'm.rid',
  bucket: 'm.bucket',
  type: 'm.type',
  joined: ' join m using (o)',
};

/**
 * Of many resources: rows that stand already carry the `rid` of theirs. Joined to `m` they might be
 * looked for by what they hold first, and a thousand rows that hold the same are met a million times.
 */
const STANDING: Owner = { ...MANY, rid: 'x.o' };

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
      columns.forEach(([, , value], at) => {
        out[at + 1]!.push(value(row));
      });
    }
  });
  if (out[0]!.length === 0) return undefined;
  const types = ['bigint', ...columns.map(([, type]) => type)];
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

type Columns<Row> = readonly (readonly [
  name: string,
  type: string,
  value: (row: Row) => unknown,
])[];

/** A table of index rows. */
interface IndexTable<Row> {
  readonly name: string;
  readonly columns: Columns<Row>;
  /** Whether the row `t` is the row `x(a, b, …)` of the same resource. */
  readonly same: string;
}

const TOK: IndexTable<TokenRow> = {
  name: 'tok',
  columns: [
    ['hash', 'bigint', (row) => row.hash],
    ['system', 'int', (row) => row.system],
    ['kind', 'smallint', (row) => row.kind],
  ],
  same: 't.hash = x.a and t.system = x.b and t.kind = x.c',
};
const STR: IndexTable<TextRow> = {
  name: 'str',
  columns: [
    ['param', 'int', (row) => row.param],
    ['v0', 'text', (row) => row.texts[0]],
    ['v1', 'text', (row) => row.texts[1]],
    ['v2', 'text', (row) => row.texts[2]],
    ['v3', 'text', (row) => row.texts[3]],
    ['raw', 'text', (row) => row.raw],
  ],
  // A row is the same when all its texts are; null is the same as null.
  same: [
    // `+ 0` so that rows are found by resource: a text may be that of a million others.
    't.param + 0 = x.a',
    ...['v0', 'v1', 'v2', 'v3', 'raw'].map((name, at) => {
      return `t.${name} is not distinct from x.${LETTERS[at + 2]}`;
    }),
  ].join(' and '),
};
const REF: IndexTable<ReferenceRow> = {
  name: 'ref',
  columns: [
    ['param', 'int', (row) => row.param],
    ['type', 'smallint', (row) => row.type],
    ['target', 'uuid', (row) => row.target],
  ],
  same: 't.target = x.c and t.param = x.a and t.type = x.b',
};
const DAT: IndexTable<DateRow> = {
  name: 'dat',
  columns: [
    ['param', 'int', (row) => row.param],
    ['lower', 'timestamptz', (row) => row.lower ?? '-infinity'],
    ['upper', 'timestamptz', (row) => row.upper ?? 'infinity'],
  ],
  same: 't.param = x.a and t.lower = x.b and t.upper = x.c',
};
const NUM: IndexTable<NumberRow> = {
  name: 'num',
  columns: [
    ['param', 'int', (row) => row.param],
    ['unit', 'bigint', (row) => row.unit],
    ['low', 'numeric', (row) => row.low],
    ['high', 'numeric', (row) => row.high],
    ['val', 'numeric', (row) => row.value],
  ],
  same: 't.param = x.a and t.unit = x.b and t.val = x.e and t.low = x.c',
};

function turned<Row>(
  { name, columns, same }: IndexTable<Row>,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly Turn<Row>[],
): Part | undefined {
  // Columns of the row before, then those of the row after.
  const both = ([0, 1] as const).flatMap((side) =>
    columns.map(([column, type, value]): Columns<Turn<Row>>[number] => {
      return [column, type, (turn) => value(turn[side])];
    }),
  );
  const set = columns.map(([column], at) => `${column} = x.${LETTERS[columns.length + at + 1]}`);
  const sql = (from: string, { rid }: Owner): string =>
    `update ${name} t set ${set.join(', ')} from ${from} where t.rid = ${rid} and ${same}`;
  return part(`=${name[0]}`, changes, rowsOf, both, sql, STANDING);
}

function added<Row>(
  { name, columns }: IndexTable<Row>,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly Row[],
): Part | undefined {
  const names = columns.map(([column]) => column).join(', ');
  const values = columns.map((_, at) => `x.${LETTERS[at + 1]}`).join(', ');
  const sql = (from: string, { rid, bucket, joined }: Owner): string =>
    `insert into ${name} (${names}, rid, bucket)
     select ${values}, ${rid}, ${bucket} from ${from}${joined}`;
  return part(`+${name[0]}`, changes, rowsOf, columns, sql);
}

function removed<Row>(
  { name, columns, same }: IndexTable<Row>,
  changes: readonly RowChange[],
  rowsOf: (change: RowChange) => readonly Row[],
): Part | undefined {
  const sql = (from: string, { rid }: Owner): string =>
    `delete from ${name} t using ${from} where t.rid = ${rid} and ${same}`;
  return part(`-${name[0]}`, changes, rowsOf, columns, sql, STANDING);
}

/** Index rows that become others: half the work of taking one out and putting another in. */
export function turns(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    turned(TOK, changes, (each) => each.turn.tok),
    turned(STR, changes, (each) => each.turn.str),
    turned(REF, changes, (each) => each.turn.ref),
    turned(DAT, changes, (each) => each.turn.dat),
  ];
}

/** Index rows to add. */
export function additions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    added(TOK, changes, (each) => each.add.tok),
    added(STR, changes, (each) => each.add.str),
    added(REF, changes, (each) => each.add.ref),
    added(DAT, changes, (each) => each.add.dat),
    ...rareAdditions(changes),
  ];
}

/** Those that few resources have. */
export function rareAdditions(changes: readonly RowChange[]): (Part | undefined)[] {
  return [
    added(NUM, changes, (each) => each.add.num),
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
      ['lu', 'timestamptz', (row) => row.old!.lu],
      ['ver', 'int', (row) => row.old!.version],
      ['method', 'smallint', (row) => row.method],
      ['content', 'bytea', (row) => row.old!.content],
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
    removed(TOK, changes, (each) => each.remove.tok),
    removed(STR, changes, (each) => each.remove.str),
    removed(REF, changes, (each) => each.remove.ref),
    removed(DAT, changes, (each) => each.remove.dat),
    removed(NUM, changes, (each) => each.remove.num),
    pairPart(
      '-p',
      changes,
      (each) => each.remove.pair,
      (from, { rid }) => `delete from pair t using ${from}
        where t.rid = ${rid} and t.param = x.param and ${PAIR_SAME}`,
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
