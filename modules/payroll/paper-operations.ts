/**
 * What leaves a payroll on paper and in tables: `$payment-list` (PDF, XLSX, CSV), by place of payment,
 * and `$report` (MeasureReport, CSV, XLSX), planned against paid.
 *
 * Both are files of people or of figures about them: whoever has masks gets no file (the house refuses
 * it), and whoever is limited to areas gets the lines of these areas; of a household that has moved on
 * since, the line without name and account.
 */

import type { HumanName, Patient, Resource } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  instanceOperation,
  localId,
  type Operation,
  type OperationInput,
  parameterIn,
  permission,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import {
  AGE_BOUNDS,
  FORMAT_PARAMETER,
  FORMATS,
  type Format,
  fileAnswer,
  formatOf,
  type Sheet,
  toCsv,
  toXlsx,
} from '../indicators/index.ts';
import { READ } from './approval-operations.ts';
import { titleOf } from './decide.ts';
import { type ListSection, type PaymentList, paymentListPdf } from './print/pdf.ts';
import { payrollReport, reportSheet } from './report.ts';
import { type PaperLine, paperLines, reportRows } from './store/paper.ts';

/** Prints payment lists, with names and accounts. */
export const PRINT = permission('payroll.print', 'prints payment lists with names and accounts');

const { pdf: PDF, csv: CSV, xlsx: XLSX } = FORMATS;

/** Lines of one file: one that is longer is of no use on paper. */
const LINES_MAX = 10_000;

async function payPointOf(ctx: Context, input: OperationInput): Promise<bigint | null> {
  const reference = parameterIn(input, 'pay-point')?.valueReference?.reference;
  if (reference === undefined) return null;
  const id = localId(reference, 'Location') ?? '';
  const rid = (await ctx.fhir.rids('Location', [id])).get(id);
  if (rid !== undefined) return rid;
  throw problem(
    'not-found',
    'pay-point-unknown',
    'Name a pay point as Location/[id].',
    'pay-point',
  );
}

const PORTION = 1000;

/** Names of people as they are written, by internal id. */
async function namesOf(ctx: Context, lines: readonly PaperLine[]): Promise<Map<bigint, string>> {
  const names = new Map<bigint, string>();
  for (let at = 0; at < lines.length; at += PORTION) {
    const rids = [...new Set(lines.slice(at, at + PORTION).map((each) => each.recipient_id))];
    for (const [rid, patient] of await ctx.fhir.readByRid<Patient>('Patient', rids)) {
      names.set(rid, nameOf(patient.name));
    }
  }
  return names;
}

/** The official name, else the first. */
export function nameOf(names: readonly HumanName[] | undefined): string {
  const name = names?.find((each) => each.use === 'official') ?? names?.[0];
  if (!name) return '';
  return name.text ?? [...(name.given ?? []), name.family].filter(Boolean).join(' ');
}

const placeOf = (line: PaperLine): string => line.pay_point ?? line.provider;

function sectionsOf(
  lines: readonly PaperLine[],
  names: ReadonlyMap<bigint, string>,
  currency: string,
): ListSection[] {
  const groups = Map.groupBy(lines, (each) => `${each.pay_point_id}/${placeOf(each)}`);
  const amount = (minor: bigint): string => formatAmount({ minor, currency });
  return [...groups.values()].map((group) => ({
    place: placeOf(group[0]!),
    total: amount(group.reduce((sum, each) => sum + each.amount_minor, 0n)),
    lines: group.map((line, index) => ({
      number: index + 1,
      transactionNumber: line.transaction_number,
      name: line.is_seen ? (names.get(line.recipient_id) ?? '') : '',
      household: line.household,
      amount: amount(line.amount_minor),
      account: [line.account_kind, line.is_seen && line.account_number].filter(Boolean).join(' '),
    })),
  }));
}

function sheetOf(list: PaymentList, section: ListSection): Sheet {
  return {
    name: section.place,
    columns: [
      'place',
      'number',
      'transaction',
      'name',
      'household',
      'account',
      'amount',
      'currency',
    ],
    rows: section.lines.map((line) => [
      section.place,
      line.number,
      line.transactionNumber,
      line.name,
      line.household,
      line.account,
      { decimal: line.amount },
      list.currency,
    ]),
  };
}

async function paymentList(ctx: Context, input: OperationInput): Promise<RawAnswer> {
  // Refused where the roles or the token do not let people be read.
  await ctx.fhir.search('Patient', '_id=0&_count=1&_elements=id');
  const payroll = await titleOf(ctx, input.id!);
  if (payroll.state !== 'approved' && payroll.state !== 'closed') {
    throw problem(
      'conflict',
      'wrong-state',
      `The payroll is ${payroll.state}; its lines have numbers when it is approved.`,
    );
  }
  const format = formatOf(input, 'pdf', ['pdf', 'xlsx', 'csv']);
  const lines = await paperLines(ctx, input.id!, await payPointOf(ctx, input), LINES_MAX);
  if (lines.length > LINES_MAX) {
    throw problem(
      'too-costly',
      'list-too-long',
      `A list has ${LINES_MAX} lines at most; name a pay point.`,
      'pay-point',
    );
  }
  const list: PaymentList = {
    title: payroll.title,
    period: `${payroll.starts_on} – ${payroll.ends_on}`,
    currency: payroll.currency,
    payrollId: input.id!,
    printedAt: ctx.now.toISOString().slice(0, 16).replace('T', ' '),
    sections: sectionsOf(lines, await namesOf(ctx, lines), payroll.currency),
  };
  return fileAnswer(`payment-list-${input.id}`, format, await fileOf(list, format));
}

async function fileOf(list: PaymentList, format: Format) {
  if (format === 'pdf') return { contentType: PDF, body: paymentListPdf(list) };
  const sheets = list.sections.map((each) => sheetOf(list, each));
  if (format === 'xlsx') return toXlsx(sheets.length > 0 ? sheets : [sheetOf(list, EMPTY)]);
  return toCsv({ ...sheetOf(list, EMPTY), rows: sheets.flatMap((each) => each.rows) });
}

const EMPTY: ListSection = { place: 'payment list', lines: [], total: '0' };

async function report(ctx: Context, input: OperationInput): Promise<Resource | RawAnswer> {
  const payroll = await titleOf(ctx, input.id!);
  const format = formatOf(input, 'json', ['csv', 'xlsx', 'json']);
  const rows = await reportRows(ctx, input.id!, payroll.ends_on, ctx.setting(AGE_BOUNDS));
  if (format === 'json') return payrollReport(input.id!, payroll, rows, ctx.now);
  const sheet = reportSheet(payroll, rows);
  const name = `payroll-report-${input.id}`;
  return fileAnswer(name, format, format === 'csv' ? toCsv(sheet) : await toXlsx([sheet]));
}

/** Operations that print and report. */
export const paperOperations: readonly Operation[] = [
  {
    permission: PRINT,
    narrowsAreas: true,
    answers: ['pdf', 'xlsx', 'csv', PDF, XLSX, CSV],
    definition: instanceOperation(
      'payment-list',
      'List',
      'The payment list of an approved payroll as PDF, XLSX or CSV, by pay point or provider; each line ' +
        'with its transaction number and QR code.',
      [{ name: 'pay-point', use: 'in', min: 0, max: '1', type: 'Reference' }, FORMAT_PARAMETER],
      false,
    ),
    run: paymentList,
  },
  {
    permission: READ,
    narrowsAreas: true,
    answers: ['csv', 'xlsx', CSV, XLSX],
    definition: instanceOperation(
      'report',
      'List',
      'Planned against paid, by area, sex, age and reason: MeasureReport, CSV or XLSX.',
      [FORMAT_PARAMETER],
      false,
    ),
    run: report,
  },
];
