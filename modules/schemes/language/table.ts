/**
 * Tables of rules: rates, bands, weights and quotas as lines of text, because that is how decrees
 * print them, and because text keeps decimals exact.
 *
 *     area, size -> monthly, once
 *     urban, 1   -> 1700, 100
 *     urban, 2.. -> 2200, 150
 *     *, *       -> 1500, 0
 *
 * Before the arrow stand the keys, after it the values. A key is a number or a code as it is
 * written; `a..b` both ends included, `a..<b` without b, `>a..b` without a; `a..` and `..b` have no
 * end; `*` is anything. Bounds may be numbers or days (`2025-07-01..`). The first row that matches
 * counts; where none does, the value is missing and what needs it undetermined.
 */

import { compareDecimals } from './decimal.ts';

/** One key of a row. */
export type Key =
  | { readonly is: 'any' }
  | { readonly is: 'exactly'; readonly value: string }
  | {
      readonly is: 'between';
      readonly low: string | undefined;
      readonly lowIncluded: boolean;
      readonly high: string | undefined;
      readonly highIncluded: boolean;
    };

export interface TableRow {
  readonly keys: readonly Key[];
  readonly values: readonly string[];
  /** The row as written, for explanations. */
  readonly text: string;
}

export interface RuleTable {
  readonly name: string;
  readonly keys: readonly string[];
  readonly values: readonly string[];
  readonly rows: readonly TableRow[];
}

/** What is wrong with a table. */
export class TableFault extends Error {}

const NUMBER = /^-?\d+(?:\.\d+)?$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const ROWS_MAX = 2000;

/** How a bound or value is written. */
export function kindOf(text: string): 'number' | 'day' | 'code' {
  return NUMBER.test(text) ? 'number' : DAY.test(text) ? 'day' : 'code';
}

/**
 * Reads a table.
 *
 * @throws TableFault that names the line
 */
export function readTable(name: string, text: string): RuleTable {
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'));
  const [header, ...body] = lines;
  if (!header || body.length === 0) throw new TableFault('give a heading and at least one row');
  if (body.length > ROWS_MAX) throw new TableFault(`at most ${ROWS_MAX} rows`);
  const [keys, values] = halves(header.line, header.number);
  const rows = body.map(({ line, number }) => {
    const [left, right] = halves(line, number);
    if (left.length !== keys.length || right.length !== values.length) {
      throw new TableFault(
        `line ${number}: ${keys.length} keys and ${values.length} values are expected`,
      );
    }
    return { keys: left.map((key) => readKey(key, number)), values: right, text: line };
  });
  const table = { name, keys, values, rows };
  keys.forEach((_, column) => {
    keyKind(table, column);
  });
  values.forEach((_, column) => {
    valueKind(table, column);
  });
  return table;
}

function halves(line: string, number: number): [string[], string[]] {
  const [left, right, ...more] = line.split('->');
  if (left === undefined || right === undefined || more.length > 0) {
    throw new TableFault(`line ${number}: write keys -> values`);
  }
  const parts = (half: string) => half.split(',').map((part) => part.trim());
  const [keys, values] = [parts(left), parts(right)];
  if ([...keys, ...values].includes('')) throw new TableFault(`line ${number}: a cell is empty`);
  return [keys, values];
}

function readKey(text: string, line: number): Key {
  if (text === '*') return { is: 'any' };
  const band = /^(>?)(.*?)\.\.(<?)(.*)$/.exec(text);
  if (!band) return { is: 'exactly', value: text };
  const [, above, low, below, high] = band;
  for (const bound of [low, high]) {
    if (bound && kindOf(bound) === 'code') {
      throw new TableFault(`line ${line}: "${bound}" is no number and no day`);
    }
  }
  if (!low && !high)
    throw new TableFault(`line ${line}: a band needs an end; write * for anything`);
  return {
    is: 'between',
    low: low || undefined,
    lowIncluded: above === '',
    high: high || undefined,
    highIncluded: below === '',
  };
}

/** What the keys of a column are: numbers, days or codes; never mixed. */
export function keyKind(table: RuleTable, column: number): 'number' | 'day' | 'code' {
  const bounds = table.rows.flatMap((row) => {
    const key = row.keys[column];
    if (key?.is === 'exactly') return [{ text: key.value, band: false }];
    if (key?.is !== 'between') return [];
    return [key.low, key.high].flatMap((text) => (text ? [{ text, band: true }] : []));
  });
  const kinds = new Set(bounds.map(({ text }) => kindOf(text)));
  if (kinds.size > 1 && bounds.some(({ band }) => band)) {
    throw new TableFault(`the keys of column ${table.keys[column]} are of different kinds`);
  }
  // Codes may look like numbers ("04"); one that does not makes them all codes.
  if (kinds.size > 1) return 'code';
  const leading = bounds.some(({ text, band }) => !band && /^0\d/.test(text));
  return leading ? 'code' : ([...kinds][0] ?? 'code');
}

/** What the values of a column are. */
export function valueKind(table: RuleTable, column: number): 'number' | 'code' {
  const kinds = new Set(table.rows.map((row) => kindOf(row.values[column] ?? '')));
  if (kinds.size === 1 && kinds.has('number')) return 'number';
  if (kinds.has('number')) {
    throw new TableFault(`the values of column ${table.values[column]} are of different kinds`);
  }
  return 'code';
}

/** The row of a table for keys whose values are known; undefined where none matches. */
export function findRow(table: RuleTable, keys: readonly string[]): TableRow | undefined {
  return table.rows.find((row) =>
    row.keys.every((key, column) => matches(key, keys[column] ?? '', keyKind(table, column))),
  );
}

function matches(key: Key, value: string, kind: 'number' | 'day' | 'code'): boolean {
  if (key.is === 'any') return true;
  const order = (a: string, b: string) =>
    kind === 'number' ? compareDecimals(a, b) : a < b ? -1 : a > b ? 1 : 0;
  if (key.is === 'exactly') return order(value, key.value) === 0;
  if (key.low !== undefined) {
    const side = order(value, key.low);
    if (side < 0 || (side === 0 && !key.lowIncluded)) return false;
  }
  if (key.high === undefined) return true;
  const side = order(value, key.high);
  return side < 0 || (side === 0 && key.highIncluded);
}
