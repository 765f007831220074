/**
 * Statements as PaymentReconciliation: shown with a detail for each line, and taken from providers
 * that speak FHIR.
 *
 * Spec: https://hl7.org/fhir/R4/paymentreconciliation.html
 */

import type {
  PaymentReconciliation,
  PaymentReconciliationDetail,
  Resource,
} from '@medplum/fhirtypes';
import {
  type Context,
  extensionOf,
  formatAmount,
  fromFhirMoney,
  identifierSystem,
  isUuid,
  localId,
  type ProjectedBinding,
  type ProjectedRow,
  partOf,
  problem,
  structureDefinition,
} from '../../src/sdk/index.ts';
import { periodOf, providerOf } from './operations.ts';
import {
  LINE_RESULTS,
  type LineResult,
  MATCH,
  type ParsedStatement,
  type StatementLine,
} from './statement.ts';
import { keysOf, type ShownLine, shownLines } from './store/statements.ts';
import { takeStatement } from './take.ts';

/** Details that one resource shows; more are counted in a note. */
const DETAILS_MAX = 5000;

const ADJUSTMENTS: ReadonlySet<string> = new Set(['not-paid', 'returned']);

const PAYMENT_TYPE = 'http://terminology.hl7.org/CodeSystem/payment-type';

function moneyOf(minor: bigint, currency: string) {
  return { value: Number(formatAmount({ minor, currency })), currency: currency as 'KES' };
}

async function render(ctx: Context, rows: readonly ProjectedRow[]): Promise<Resource[]> {
  const shown = await shownLines(
    ctx,
    rows.map((row) => row.id),
    DETAILS_MAX,
  );
  const byStatement = Map.groupBy(shown, (line) => line.statement_id);
  return rows.map((row) => reconciliation(row, byStatement.get(row.id) ?? []));
}

function reconciliation(row: ProjectedRow, lines: readonly ShownLine[]): PaymentReconciliation {
  const currency = row.currency as string;
  const count = row.lines_count as number;
  const open = row.open_count as number;
  return {
    resourceType: 'PaymentReconciliation',
    identifier: [{ system: identifierSystem('statement'), value: row.identifier as string }],
    status: 'active',
    ...(row.starts_on !== null && {
      period: { start: row.starts_on as string, end: row.ends_on as string },
    }),
    created: (row.uploaded_at as Date).toISOString(),
    paymentIssuer: { reference: `Organization/${row.provider_fhir_id}` },
    outcome: row.outcome as 'complete',
    disposition: `${count} lines, ${open} open exceptions`,
    paymentDate: row.paid_on as string,
    paymentAmount: moneyOf(row.lines_minor as bigint, currency),
    detail: lines.map((line) => detail(line, currency)),
    ...(count > lines.length && {
      processNote: [{ type: 'display', text: `The first ${lines.length} of ${count} lines.` }],
    }),
  };
}

function detail(line: ShownLine, currency: string): PaymentReconciliationDetail {
  return {
    extension: [
      {
        url: structureDefinition('statement-line'),
        extension: [
          { url: 'number', valueInteger: line.line_no },
          { url: 'result', valueCode: line.result },
          { url: 'verdict', valueCode: line.verdict },
          ...(line.exception_id === null
            ? []
            : [
                { url: 'exception', valueString: line.exception_id },
                { url: 'kind', valueCode: line.kind ?? '' },
                { url: 'open', valueBoolean: line.open === true },
              ]),
        ],
      },
    ],
    ...(line.provider_reference !== null && { identifier: { value: line.provider_reference } }),
    type: {
      coding: [
        { system: PAYMENT_TYPE, code: ADJUSTMENTS.has(line.result) ? 'adjustment' : 'payment' },
      ],
    },
    ...(line.claim_id !== null && { request: { reference: `Claim/${line.claim_id}` } }),
    ...responseOf(line),
    ...(line.happened_on !== null && { date: line.happened_on }),
    amount: moneyOf(line.amount_minor, currency),
  };
}

function responseOf(line: ShownLine): Pick<PaymentReconciliationDetail, 'response'> {
  const { instruction_id: id, provider_key: key } = line;
  if (id === null && key === null) return {};
  return {
    response: {
      ...(id !== null && { reference: `ClaimResponse/${id}` }),
      ...(key !== null && {
        identifier: { system: identifierSystem('transaction-number'), value: key },
      }),
    },
  };
}

/** Takes a posted PaymentReconciliation as a statement; answers what now stands. */
async function accept(ctx: Context, resource: Resource): Promise<Resource> {
  ctx.demand(MATCH);
  const posted = resource as PaymentReconciliation;
  const issuer = localId(posted.paymentIssuer?.reference, 'Organization');
  if (issuer === undefined) {
    throw problem(
      'required',
      'issuer-missing',
      'paymentIssuer refers to the provider (Organization/id) whose statement this is.',
      'PaymentReconciliation.paymentIssuer',
    );
  }
  const providerId = await providerOf(ctx, issuer);
  const content = Buffer.from(JSON.stringify(posted), 'utf8');
  const taken = await takeStatement(ctx, providerId, 'fhir', content, () => parsed(ctx, posted));
  return ctx.fhir.read<PaymentReconciliation>('PaymentReconciliation', taken.statementId);
}

async function parsed(ctx: Context, posted: PaymentReconciliation): Promise<ParsedStatement> {
  const details = posted.detail ?? [];
  const ids = details.flatMap((each) => localId(each.response?.reference, 'ClaimResponse') ?? []);
  const keys = await keysOf(
    ctx,
    ids.filter((id) => isUuid(id)),
  );
  const lines = details.map((each, index) => lineOf(each, index, keys));
  checkSum(posted, lines);
  const period = periodOf(posted.period, 'PaymentReconciliation.period');
  const identifier = posted.identifier?.[0]?.value;
  return { lines, ...(identifier && { identifier }), ...(period && { period }) };
}

function lineOf(
  each: PaymentReconciliationDetail,
  index: number,
  keys: ReadonlyMap<string, string>,
): StatementLine {
  const place = `PaymentReconciliation.detail[${index}]`;
  const type = each.type?.coding?.find((coding) => coding.system === PAYMENT_TYPE)?.code;
  if (type !== undefined && type !== 'payment' && type !== 'adjustment') {
    throw problem(
      'code-invalid',
      'detail-type',
      'A detail is a payment, or an adjustment for what was not paid or came back.',
      `${place}.type`,
    );
  }
  const { minor, currency } = fromFhirMoney(each.amount, `${place}.amount`);
  if (minor <= 0n) {
    throw problem('value', 'amount-not-positive', 'Amounts are above zero.', `${place}.amount`);
  }
  const id = localId(each.response?.reference, 'ClaimResponse');
  const numbered = each.response?.identifier?.value;
  const key = id === undefined ? numbered : (keys.get(id) ?? `ClaimResponse/${id}`);
  const reference = each.identifier?.value;
  if (each.date !== undefined && each.date.length !== 10) {
    throw problem('value', 'day-malformed', 'Name the whole day.', `${place}.date`);
  }
  return {
    number: index + 1,
    ...(key && { key }),
    ...(reference && { reference }),
    result: resultOf(each, type, place),
    amountMinor: minor,
    currency,
    ...(each.date && { day: each.date }),
  };
}

/** What the extension of a line says; without it an adjustment is what was not paid. */
function resultOf(
  each: PaymentReconciliationDetail,
  type: string | undefined,
  place: string,
): LineResult {
  const code = partOf(extensionOf(each, 'statement-line'), 'result')?.valueCode;
  if (code === undefined) return type === 'adjustment' ? 'not-paid' : 'paid';
  const found = LINE_RESULTS.find((result) => result === code);
  if (found) return found;
  throw problem(
    'code-invalid',
    'status-unknown',
    `A line says ${LINE_RESULTS.join(', ')}.`,
    `${place}.extension('statement-line')`,
  );
}

function checkSum(posted: PaymentReconciliation, lines: readonly StatementLine[]): void {
  const total = fromFhirMoney(posted.paymentAmount, 'PaymentReconciliation.paymentAmount');
  const paid = lines.filter((each) => each.result === 'paid' || each.result === 'partly-paid');
  const sum = paid.reduce((minor, each) => minor + each.amountMinor, 0n);
  if (sum === total.minor && lines.every((each) => each.currency === total.currency)) return;
  throw problem(
    'invariant',
    'sum-differs',
    `The payments sum to ${formatAmount({ minor: sum, currency: total.currency })}, not to ` +
      'paymentAmount; send the whole statement.',
    'PaymentReconciliation.paymentAmount',
  );
}

/** Statements as PaymentReconciliation. */
export const statementBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'PaymentReconciliation',
  profile: structureDefinition('statement'),
  view: 'reconciliation_statement_fhir',
  search: {
    identifier: { type: 'token', column: 'identifier', system: identifierSystem('statement') },
    'payment-issuer': {
      type: 'reference',
      column: 'provider_id',
      target: 'Organization',
      holds: 'rid',
    },
    outcome: {
      type: 'token',
      column: 'outcome',
      system: 'http://hl7.org/fhir/remittance-outcome',
    },
    status: { type: 'token', column: 'status', system: 'http://hl7.org/fhir/fm-status' },
    created: { type: 'date', column: 'uploaded_at' },
  },
  render,
  accept,
};
