/**
 * Statements as CSV, by comma, semicolon or tab. Columns are found by their usual names or by the
 * mapping that is given; a file whose columns are not understood is refused.
 *
 * Spec: RFC 4180.
 */

import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { problem } from '../../../src/sdk/index.ts';
import type { ParsedStatement, ReadingOptions, StatementFormat } from '../statement.ts';
import { FIELDS, type Field, type Fields, readLine, textOf } from './fields.ts';

/** Usual names of columns, best first; compared without case, spaces and underscores. */
const USUAL: Readonly<Record<Field, readonly string[]>> = {
  key: ['transactionnumber', 'key', 'endtoendid', 'code'],
  reference: ['providerreference', 'reference', 'receipt', 'receiptnumber'],
  status: ['paid', 'result', 'status'],
  amount: ['paidamount', 'amount'],
  currency: ['currency'],
  account: ['accountnumber', 'account', 'msisdn', 'phonenumber', 'phone'],
  day: ['paidon', 'valuedate', 'day', 'date'],
  reason: ['reason', 'reasoncode'],
  text: ['errormessage', 'text', 'description'],
};

interface Row {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

function rowsOf(text: string, delimiter: string): Row[] {
  try {
    return parse(text, {
      bom: true,
      delimiter,
      info: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: 100_000,
    }) as unknown as Row[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw problem(
      'structure',
      'csv-malformed',
      `Line ${String(error.lines ?? '?')} is not CSV: ${error.message.slice(0, 200)}`,
      `content.line[${String(error.lines ?? '?')}]`,
    );
  }
}

function delimiterOf(text: string): string {
  const header = text.slice(0, Math.max(text.indexOf('\n'), 0) || text.length);
  const count = (mark: string): number => header.split(mark).length - 1;
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '');

/** Field → column index. */
function columnsOf(header: readonly string[], options: ReadingOptions): Map<Field, number> {
  const names = header.map(plain);
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw problem(
      'structure',
      'column-duplicate',
      `The column "${twice}" stands twice in the header; name each column once.`,
      'content.line[1]',
    );
  }
  const found = new Map<Field, number>();
  for (const field of FIELDS) {
    const wanted = options.mapping.get(field);
    const candidates = wanted === undefined ? USUAL[field] : [plain(wanted)];
    const column = candidates.map((name) => names.indexOf(name)).find((at) => at >= 0) ?? -1;
    if (wanted !== undefined && column < 0) throw missing(`"${wanted}" (for ${field})`, header);
    if (column >= 0) found.set(field, column);
  }
  if (!found.has('amount')) throw missing('for the amount', header);
  return found;
}

function missing(what: string, header: readonly string[]) {
  return problem(
    'structure',
    'column-missing',
    `There is no column ${what}; the header has ${header.join(', ').slice(0, 300)}. ` +
      'Name the columns by the parameter "mapping".',
    'content.line[1]',
  );
}

function read(content: Buffer, options: ReadingOptions): ParsedStatement {
  const text = textOf(content);
  const [header, ...rows] = rowsOf(text, delimiterOf(text));
  const columns = columnsOf(header?.record ?? [], options);
  return {
    lines: rows.map(({ record, info }) => {
      const fields: Fields = {};
      for (const [field, at] of columns) {
        const value = record[at];
        if (value) fields[field] = value;
      }
      return readLine(info.lines, fields, options);
    }),
  };
}

/** CSV. */
export const csvFormat: StatementFormat = { format: 'csv', read };
