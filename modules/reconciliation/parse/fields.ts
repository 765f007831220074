/**
 * Reads the fields of one line. Spreadsheets damage what passes through them (2.54708E+11, lost
 * signs, cells that compute), so whatever may have been changed on the way is refused and named:
 * a statement that is half understood moves no money.
 */

import { type Issue, Problem, parseAmount, problem } from '../../../src/sdk/index.ts';
import { NON_PAYMENT_REASONS } from '../../disbursement/index.ts';
import { LINE_RESULTS, type ReadingOptions, type StatementLine } from '../statement.ts';

/** Fields that a line can have. */
export const FIELDS = [
  'key',
  'reference',
  'status',
  'amount',
  'currency',
  'account',
  'day',
  'reason',
  'text',
] as const;
export type Field = (typeof FIELDS)[number];

/** Texts of one line by field; absent and empty ones are left out. */
export type Fields = Partial<Record<Field, string>>;

const RESULTS: Readonly<Record<StatementLine['result'], ReadonlySet<string>>> = {
  paid: new Set(['paid', 'yes', 'true', 'success', 'successful', 'succeeded', 'completed', 'ok']),
  'not-paid': new Set([
    'not-paid',
    'no',
    'false',
    'error',
    'failed',
    'failure',
    'rejected',
    'declined',
    'expired',
    'cancelled',
  ]),
  'partly-paid': new Set(['partly-paid', 'partial', 'partially-paid', 'part-paid']),
  returned: new Set(['returned', 'reversed', 'refunded', 'unapplied']),
  pending: new Set(['pending', 'processing', 'queued', 'sent', 'initiated']),
};

const SCIENTIFIC = /^[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+$/;
const SPREADSHEET_NUMBER = /^\d[.,]\d+[eE]\+\d+$/;
const FORMULA = /^(?:[=@\t\r]|[+-](?!\d+(?:[.,]\d+)?$))/;

/** Makes a Problem about a line. */
export function lineProblem(
  line: number,
  fault: { code: string; diagnostics: string },
  field?: string,
): Problem {
  const place = field === undefined ? `line ${line}` : `line ${line}, ${field}`;
  const issue: Issue = {
    severity: 'error',
    kind: 'value',
    expression: `content.line[${line}]${field === undefined ? '' : `.${field}`}`,
    ...fault,
    diagnostics: `${place}: ${fault.diagnostics}`,
  };
  return new Problem([issue]);
}

/**
 * Reads one line.
 *
 * @throws Problem formula-cell, scientific-notation, amount-malformed, amount-too-precise,
 *   amount-not-positive, currency-missing, status-unknown, day-malformed, line-without-key
 */
export function readLine(number: number, fields: Fields, options: ReadingOptions): StatementLine {
  for (const field of FIELDS) refuseDamaged(number, field, fields[field]);
  if (!fields.key && !fields.reference && !fields.account) {
    throw lineProblem(number, {
      code: 'line-without-key',
      diagnostics: 'a line needs a transaction number, a reference of the provider, or an account.',
    });
  }
  const { minor, currency } = readMoney(number, fields, options);
  const result = readResult(number, fields.status);
  const reason = NON_PAYMENT_REASONS.find((each) => each === fields.reason);
  const text = [reason ? undefined : fields.reason, fields.text].filter(Boolean).join(' ');
  const account = readAccount(fields.account);
  const day = fields.day === undefined ? undefined : readDay(number, fields.day);
  return {
    number,
    ...(fields.key && { key: fields.key.slice(0, 100) }),
    ...(fields.reference && { reference: fields.reference.slice(0, 100) }),
    result,
    ...(reason && { reason }),
    ...(text && { text: text.slice(0, 300) }),
    amountMinor: minor,
    currency,
    ...(account && { account }),
    ...(day && { day }),
  };
}

function refuseDamaged(number: number, field: Field, text: string | undefined): void {
  if (text === undefined) return;
  const scientific = field === 'amount' || field === 'account' ? SCIENTIFIC : SPREADSHEET_NUMBER;
  if (scientific.test(text)) {
    throw lineProblem(
      number,
      {
        code: 'scientific-notation',
        diagnostics: `"${text.slice(0, 40)}" is in scientific notation, so digits are lost; export the column as text.`,
      },
      field,
    );
  }
  if (FORMULA.test(text)) {
    throw lineProblem(
      number,
      {
        code: 'formula-cell',
        diagnostics: `"${text.slice(0, 40)}" is a formula, not a value; export values only.`,
      },
      field,
    );
  }
}

function readMoney(
  number: number,
  fields: Fields,
  options: ReadingOptions,
): { minor: bigint; currency: string } {
  const match = /^(?:([A-Z]{3})\s?)?(\S+)$/.exec(fields.amount ?? '');
  if (!match)
    throw lineProblem(
      number,
      { code: 'amount-malformed', diagnostics: 'the amount is missing.' },
      'amount',
    );
  const named = [match[1], fields.currency].filter((each) => each !== undefined);
  const currency = named[0] ?? options.currency;
  if (!currency || named.some((each) => each !== currency)) {
    throw lineProblem(
      number,
      {
        code: 'currency-missing',
        diagnostics:
          'no single currency is named; give it in the file or in the parameter "currency".',
      },
      'currency',
    );
  }
  const written = match[2]!;
  const foreign = options.decimalMark === ',' ? '.' : ',';
  const text = written.includes(foreign) ? 'x' : written.replace(options.decimalMark, '.');
  const { minor } = amountOf(number, text === 'x' ? written : text, currency);
  if (minor <= 0n) {
    throw lineProblem(
      number,
      {
        code: 'amount-not-positive',
        diagnostics: `${written} is not above zero; say in the status what was not paid or came back.`,
      },
      'amount',
    );
  }
  return { minor, currency };
}

function amountOf(number: number, text: string, currency: string) {
  try {
    return parseAmount(text, currency);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const [issue] = error.issues;
    throw lineProblem(
      number,
      { code: issue!.code ?? 'amount-malformed', diagnostics: issue!.diagnostics },
      'amount',
    );
  }
}

function readResult(number: number, text: string | undefined): StatementLine['result'] {
  if (text === undefined) return 'paid';
  const word = text.toLowerCase().replaceAll(/[ _]/g, '-');
  for (const result of LINE_RESULTS) {
    if (RESULTS[result].has(word)) return result;
  }
  throw lineProblem(
    number,
    {
      code: 'status-unknown',
      diagnostics: `"${text.slice(0, 40)}" is not a known status; use ${LINE_RESULTS.join(', ')}.`,
    },
    'status',
  );
}

/** Letters and digits in capitals; a masked account says nothing. */
export function readAccount(text: string | undefined): string | undefined {
  if (!text || text.includes('*')) return undefined;
  return text.replaceAll(/[^0-9A-Za-z]/g, '').toUpperCase() || undefined;
}

function readDay(number: number, text: string): string {
  const day = /^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$/.exec(text)?.[1];
  const instant = day && new Date(`${day}T00:00:00Z`);
  if (instant && !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(day)) {
    return day;
  }
  throw lineProblem(
    number,
    {
      code: 'day-malformed',
      diagnostics: `"${text.slice(0, 40)}" is not a day; write it as 2026-01-31.`,
    },
    'day',
  );
}

/** The bytes as text; a leading byte order mark is dropped. Raises Problem `not-utf8`. */
export function textOf(content: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw problem('structure', 'not-utf8', 'The file is not UTF-8; save it as UTF-8.', 'content');
  }
}
