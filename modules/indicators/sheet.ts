/**
 * Tables as XLSX and CSV, and the choice among forms of an answer. Amounts are numbers with the
 * places of their currency; names are texts, and a text that a spreadsheet would take for a formula
 * is not one.
 */

import { stringify } from 'csv-stringify/sync';
import writeXlsx from 'write-excel-file/node';
import { type OperationInput, parameterIn, problem, type RawAnswer } from '../../src/sdk/index.ts';

/** A value of a cell: a number is written as it is given, with its places. */
export type Cell = string | number | { readonly decimal: string } | null;

/** A table. */
export interface Sheet {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** Forms of an answer, by what `_format` calls them. */
export const FORMATS = {
  pdf: 'application/pdf',
  csv: 'text/csv',
  xlsx: XLSX,
  json: 'application/fhir+json',
} as const;
export type Format = keyof typeof FORMATS;

/** The parameter of an operation that asks for a form. */
export const FORMAT_PARAMETER = {
  name: '_format',
  use: 'in',
  min: 0,
  max: '1',
  type: 'string',
} as const;

/**
 * The form that is asked for by `_format`, else by Accept, else the usual one.
 *
 * @throws Problem `format-unknown`
 */
export function formatOf(input: OperationInput, usual: Format, known: readonly Format[]): Format {
  const asked = parameterIn(input, '_format')?.valueString;
  const wanted = asked ?? input.accept ?? '';
  const found = known.find((each) => asked === each || wanted.includes(FORMATS[each]));
  if (found) return found;
  if (asked === undefined) return usual;
  throw problem('not-supported', 'format-unknown', `Give _format: ${known.join(', ')}.`, '_format');
}

/** An answer that is saved as `name.format`. */
export function fileAnswer(
  name: string,
  format: Format,
  content: Pick<RawAnswer, 'contentType' | 'body'>,
): RawAnswer {
  const disposition = `attachment; filename="${name}.${format}"`;
  return { raw: true, ...content, headers: { 'content-disposition': disposition } };
}

function numberFormat(decimal: string): string {
  const places = decimal.split('.')[1]?.length ?? 0;
  return places === 0 ? '#,##0' : `#,##0.${'0'.repeat(places)}`;
}

function xlsxCell(cell: Cell) {
  if (cell === null) return null;
  if (typeof cell === 'string') return { type: String, value: cell };
  if (typeof cell === 'number') return { type: Number, value: cell };
  return { type: Number, value: Number(cell.decimal), format: numberFormat(cell.decimal) };
}

/** Names of sheets: 31 characters at most, without those that Excel refuses, each once. */
export function sheetNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain =
      name
        .replace(/[\\/?*[\]:']/g, ' ')
        .trim()
        .slice(0, 31) || 'Sheet';
    let found = plain;
    for (let n = 2; taken.has(found.toLowerCase()); n += 1) {
      const end = ` ${n}`;
      found = plain.slice(0, 31 - end.length) + end;
    }
    taken.add(found.toLowerCase());
    return found;
  });
}

/** Sheets as one XLSX file. */
export async function toXlsx(
  sheets: readonly Sheet[],
): Promise<{ contentType: string; body: Uint8Array }> {
  const names = sheetNames(sheets.map((each) => each.name));
  const body = await writeXlsx(
    sheets.map((sheet, at) => ({
      sheet: names[at]!,
      stickyRowsCount: 1,
      columns: sheet.columns.map(() => ({ width: 22 })),
      data: [
        sheet.columns.map((value) => ({ type: String, value, fontWeight: 'bold' as const })),
        ...sheet.rows.map((row) => row.map(xlsxCell)),
      ],
    })),
  ).toBuffer();
  return { contentType: XLSX, body };
}

/** A sheet as CSV (RFC 4180). */
export function toCsv({ columns, rows }: Sheet): { contentType: string; body: string } {
  const text = stringify(
    [
      [...columns],
      ...rows.map((row) =>
        row.map((cell) => (cell !== null && typeof cell === 'object' ? cell.decimal : cell)),
      ),
    ],
    { escape_formulas: true, record_delimiter: 'windows' },
  );
  return { contentType: 'text/csv; charset=utf-8', body: text };
}
