/**
 * Tables of text as people send them: CSV with commas, semicolons, tabs or bars, in UTF-8, UTF-16 or
 * an encoding of one byte a letter, with lines that are too short, and quotes that nobody closed.
 */

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';

/** A fault of a file or of the command line: its message is for whoever called. */
export class InputFault extends Error {}

/** A line of a table, by column. */
export type Row = Readonly<Record<string, string>>;

/** A table, and what its reader should know of how it was read. */
export interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly Row[];
  /** The line of the file in which each row begins, from 1. */
  readonly lines: readonly number[];
  readonly notes: readonly string[];
}

/** What is read where the bytes are no UTF-8 and nobody said what they are. */
const FALLBACK = 'windows-1252';
const DELIMITERS = [',', ';', '\t', '|'];

/** What the operating system says, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'it may not be opened',
  EISDIR: 'it is a folder',
};

/** The fault of a file that could not be read or written. */
export function faultOf(file: string, error: unknown): InputFault {
  const reason = REASONS[(error as { code?: string }).code ?? ''];
  return new InputFault(`${file}: ${reason ?? (error as Error).message}`);
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw faultOf(file, error);
  }
}

function decode(bytes: Buffer, encoding: string, fatal: boolean): string {
  return new TextDecoder(encoding, { fatal }).decode(bytes);
}

function textOf(file: string, encoding: string | undefined): { text: string; notes: string[] } {
  const bytes = bytesOf(file);
  if (encoding !== undefined) {
    try {
      return { text: decode(bytes, encoding, false), notes: [] };
    } catch {
      throw new InputFault(`--encoding ${encoding} is not known; try utf-8 or windows-1256.`);
    }
  }
  const marks: Readonly<Record<string, string>> = { fffe: 'utf-16le', feff: 'utf-16be' };
  const marked = marks[bytes.subarray(0, 2).toString('hex')];
  try {
    return { text: decode(bytes, marked ?? 'utf-8', true), notes: [] };
  } catch {
    const note = `${file} is no UTF-8; it was read as ${FALLBACK}. Name another by --encoding.`;
    return { text: decode(bytes, FALLBACK, false), notes: [note] };
  }
}

/** What parts the columns: the sign that the line of their names has most of, outside quotes. */
function delimiterOf(text: string): string {
  const line = /[^\r\n]+/.exec(text)?.[0].replaceAll(/"[^"]*"/g, '') ?? '';
  const count = (sign: string): number => line.split(sign).length;
  return DELIMITERS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

/** Reads a table. @throws InputFault naming the file, the line and what to do */
export function readTable(file: string, encoding?: string): TextTable {
  const { text, notes } = textOf(file, encoding);
  let header: string[] = [];
  let rows: Row[];
  const lines: number[] = [];
  const uneven: number[] = [];
  try {
    rows = parse(text, {
      ...{ bom: true, trim: true, skip_empty_lines: true },
      ...{ relax_column_count: true, relax_quotes: true, delimiter: delimiterOf(text) },
      columns: (names: string[]) => (header = names),
      on_record: (record: Row, context) => {
        lines.push(context.lines);
        if (context.error !== undefined) uneven.push(context.lines);
        return record;
      },
    });
  } catch (error) {
    throw faultOf(file, error);
  }
  if (header.length === 0) throw new InputFault(`${file}: it has no line with names of columns.`);
  const twice = header.find((name, at) => name !== '' && header.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new InputFault(`${file}: two columns are called "${twice}"; rename one.`);
  }
  if (uneven.length > 0) {
    notes.push(
      `${file}: ${uneven.length} lines have more or fewer values than there are columns, the first ` +
        `of them line ${uneven[0]}; what is missing is empty, what is more is left out.`,
    );
  }
  return { header, rows, lines, notes };
}
