/**
 * Tables of text as people send them: CSV with commas, semicolons, tabs or bars, with lines that are
 * too short, with ends of lines of two kinds in one file, and with quotes in the middle of a value.
 *
 * Rows are handed on one by one. Where a piece of a file has no quote, its values are what stands
 * between the delimiters; all others are read by csv-parse (RFC 4180), which takes four times as long.
 */

import { parse } from 'csv-parse/sync';
import { faultOf, InputFault, readText } from './bytes.ts';

/** Takes the values of a row, in the order of the columns, and the line in which it begins, from 1. */
export type RowTaker = (values: readonly string[], line: number) => void;

const DELIMITERS = [',', ';', '\t', '|'];
const QUOTE = '"';
/** Letters of a row at most: a file that has longer ones is no table, or has a quote left open. */
const ROW_MAX = 16 * 1024 * 1024;
/** Letters that are taken apart at once. */
const PIECE = 64 * 1024;
/** Column names that a message lists, and letters of each. */
const LISTED_MAX = 40;
const LISTED_LETTERS = 40;

/** Names of columns, or other texts of a file, as a message shows them. */
export function listed(header: readonly string[]): string {
  const names = header
    .slice(0, LISTED_MAX)
    .map((name) => name.slice(0, LISTED_LETTERS).replaceAll(/\p{C}/gu, '�'));
  return `${names.join(', ')}${header.length > LISTED_MAX ? ', …' : ''}`;
}

/** What parts the columns: the sign that the line of their names has most of, outside quotes. */
function delimiterOf(text: string): string {
  const line = /[^\r\n]+/.exec(text)?.[0].replaceAll(/"[^"]*"/g, '') ?? '';
  const count = (sign: string): number => line.split(sign).length;
  return DELIMITERS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

function counted(text: string, sign: string): number {
  let count = 0;
  for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) count++;
  return count;
}

/** How a file is written. */
interface Form {
  readonly delimiter: string;
  /** What ends its lines: a carriage return alone only where there is nothing else. */
  readonly end: '\n' | '\r';
}

/** Rows of text, row by row. */
class Rows {
  readonly #file: string;
  readonly #take: RowTaker;
  #form: Form | undefined;
  #line = 1;
  #held = '';
  /** How much has to be there before it is looked at again. */
  #needed = PIECE;

  constructor(file: string, take: RowTaker) {
    this.#file = file;
    this.#take = take;
  }

  add(text: string): void {
    this.#held += text;
    if (this.#held.length < this.#needed) return;
    this.#work(false);
    if (this.#held.length > ROW_MAX) this.#fail('does not end; is a quote left open there?');
    this.#needed = Math.max(PIECE, Math.min(this.#held.length * 2, ROW_MAX + 1));
  }

  end(): void {
    this.#work(true);
    if (this.#held !== '') this.#fail('opens a quote that is never closed.');
  }

  #fail(what: string, line = this.#line): never {
    throw new InputFault(`${this.#file}: the row that begins in line ${line} ${what}`);
  }

  /** Takes the rows that are there as a whole; all of them at the end of the file. */
  #work(last: boolean): void {
    const held = this.#held;
    const end = held.includes('\n') ? '\n' : '\r';
    this.#form ??= { delimiter: delimiterOf(held), end };
    const whole = last ? held.length : held.lastIndexOf(this.#form.end) + 1;
    if (whole === 0) return;
    const text = held.slice(0, whole);
    const read = text.includes(QUOTE)
      ? this.#quoted(text, this.#form)
      : this.#plain(text, this.#form);
    this.#held = held.slice(read);
  }

  #plain(text: string, { delimiter, end }: Form): number {
    const lines = text.split(end);
    // Behind the last end of a line there is no line.
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) this.#give(line.split(delimiter), this.#line++);
    return text.length;
  }

  #quoted(text: string, { delimiter, end }: Form): number {
    const bytes = Buffer.from(text);
    const rows: string[][] = [];
    const ends: number[] = [];
    let open = false;
    try {
      parse(bytes, {
        ...{ delimiter, trim: true, relax_column_count: true, relax_quotes: true },
        record_delimiter: end === '\n' ? ['\r\n', '\n'] : end,
        on_record: (row: string[], { bytes: at }: { bytes: number }) => {
          rows.push(row);
          ends.push(at);
          return null;
        },
      });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined || !code.startsWith('CSV_')) throw error;
      open = code === 'CSV_QUOTE_NOT_CLOSED';
      if (!open) {
        const line = this.#line + counted(text.slice(0, textLength(bytes, ends.at(-1) ?? 0)), end);
        this.#fail(
          `has a quote in a place where none may stand (${message}); write it twice.`,
          line,
        );
      }
    }
    let from = 0;
    for (const [at, row] of rows.entries()) {
      this.#give(row, this.#line);
      this.#line += ended(bytes, end, from, ends[at]!);
      from = ends[at]!;
    }
    return open ? textLength(bytes, from) : text.length;
  }

  #give(values: readonly string[], line: number): void {
    for (const value of values) {
      if (value !== '' && value.trim() !== '') return this.#take(values, line);
    }
  }
}

/** Letters (UTF-16) of the first bytes. */
const textLength = (bytes: Buffer, size: number): number => bytes.toString('utf8', 0, size).length;

/** Ends of lines between two places. */
function ended(bytes: Buffer, end: string, from: number, to: number): number {
  const code = end.charCodeAt(0);
  let count = 0;
  for (let at = bytes.indexOf(code, from); at >= 0 && at < to; at = bytes.indexOf(code, at + 1)) {
    count++;
  }
  return count;
}

/** The names of the columns. @throws InputFault where two columns have one name */
function headerOf(file: string, values: readonly string[]): readonly string[] {
  const header = values.map((name) => name.trim());
  const twice = header.find((name, at) => name !== '' && header.indexOf(name) !== at);
  if (twice === undefined) return header;
  throw new InputFault(`${file}: two columns are called "${listed([twice])}"; rename one.`);
}

/**
 * Reads a table; empty lines are no rows.
 *
 * @param begin is given the names of the columns, and answers who takes the rows
 * @returns what its reader should know of how it was read
 * @throws InputFault naming the file, the line and what to do
 */
export function readTable(
  file: string,
  encoding: string | undefined,
  begin: (header: readonly string[]) => RowTaker,
): readonly string[] {
  const { pieces, notes } = readText(file, encoding);
  let header: readonly string[] | undefined;
  let take: RowTaker = () => undefined;
  let uneven = 0;
  let first = 0;
  const rows = new Rows(file, (values, line) => {
    if (header === undefined) {
      header = headerOf(file, values);
      take = begin(header);
      return;
    }
    if (values.length !== header.length && uneven++ === 0) first = line;
    take(values, line);
  });
  try {
    for (const piece of pieces) rows.add(piece);
    rows.end();
  } catch (error) {
    throw error instanceof InputFault || !isOfSystem(error) ? error : faultOf(file, error);
  }
  if (header === undefined) throw new InputFault(`${file}: it has no line with names of columns.`);
  if (uneven === 0) return notes;
  return [
    ...notes,
    `${file}: ${uneven} lines have more or fewer values than there are columns, the first ` +
      `of them line ${first}; what is missing is empty, what is more is left out.`,
  ];
}

const isOfSystem = (error: unknown): boolean =>
  typeof (error as { errno?: unknown }).errno === 'number';
