/**
 * Operations: upload a statement, list what does not fit, close it.
 */

import type {
  OperationDefinition,
  Parameters,
  ParametersParameter,
  Period,
} from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  fromFhirMoney,
  instanceOperation,
  type Operation,
  type OperationInput,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { CLOSURE_REASONS, closeProviderException, stateOf } from './close.ts';
import { FIELDS } from './parse/fields.ts';
import { CLOSE, MATCH, type ParsedStatement, type ReadingOptions } from './statement.ts';
import { type ExceptionRow, openExceptions } from './store/exceptions.ts';
import { findProvider, providerOfStatement } from './store/statements.ts';
import { formatOf, type Taken, takeStatement } from './take.ts';

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

const LISTED_MAX = 1000;

function optional(name: string, type: Parameter['type']): Parameter {
  return { name, use: 'in', min: 0, max: '1', type };
}

/** The provider of an Organization's id; Problem `provider-unknown`. */
export async function providerOf(ctx: Context, id: string): Promise<bigint> {
  const rid = (await ctx.fhir.rids('Organization', [id])).get(id);
  if (rid !== undefined && (await findProvider(ctx, rid))) return rid;
  throw problem('not-found', 'provider-unknown', `Organization/${id} is not a payment provider.`);
}

// ── upload ───────────────────────────────────────────────────────────────────────────────────

const upload: Operation = {
  permission: MATCH,
  definition: instanceOperation(
    'upload-statement',
    ['Organization'],
    'Takes in a statement of a provider, matches its lines and applies what they prove.',
    [
      { name: 'content', use: 'in', min: 1, max: '1', type: 'Any' },
      { name: 'format', use: 'in', min: 1, max: '1', type: 'code' },
      {
        name: 'mapping',
        use: 'in',
        min: 0,
        max: '*',
        part: [
          { name: 'field', use: 'in', min: 1, max: '1', type: 'code' },
          { name: 'path', use: 'in', min: 1, max: '1', type: 'string' },
        ],
      },
      optional('currency', 'code'),
      optional('decimal-mark', 'code'),
      optional('period', 'Period'),
      optional('identifier', 'string'),
    ],
  ),
  async run(ctx, input) {
    const providerId = await providerOf(ctx, input.id!);
    const format = formatOf(ctx, parameterIn(input, 'format')!.valueCode!);
    const content = contentOf(parameterIn(input, 'content')!);
    const options = readingOptions(input);
    const period = periodOf(parameterIn(input, 'period')?.valuePeriod, 'period');
    const identifier = parameterIn(input, 'identifier')?.valueString;
    const taken = await takeStatement(ctx, providerId, format.format, content, () => {
      const parsed: ParsedStatement = format.read(content, options);
      return { ...parsed, ...(period && { period }), ...(identifier && { identifier }) };
    });
    return answerOf(taken);
  },
};

function contentOf(parameter: ParametersParameter): Buffer {
  const { valueBase64Binary: encoded, valueString: text } = parameter;
  if (text !== undefined) return Buffer.from(text, 'utf8');
  if (encoded !== undefined) return Buffer.from(encoded, 'base64');
  throw problem(
    'invalid',
    'content-missing',
    'Give the file as valueBase64Binary or valueString.',
    'content',
  );
}

function readingOptions(input: OperationInput): ReadingOptions {
  const mapping = new Map<string, string>();
  const known: readonly string[] = ['lines', ...FIELDS];
  for (const each of input.parameters.parameter ?? []) {
    if (each.name !== 'mapping') continue;
    const field = each.part?.find((part) => part.name === 'field')?.valueCode;
    const path = each.part?.find((part) => part.name === 'path')?.valueString;
    if (!field || !path || !known.includes(field) || mapping.has(field)) {
      throw problem(
        'code-invalid',
        'mapping-malformed',
        `A mapping has the parts field (once each: ${known.join(', ')}) and path.`,
        'mapping',
      );
    }
    mapping.set(field, path);
  }
  const currency = parameterIn(input, 'currency')?.valueCode;
  const mark = parameterIn(input, 'decimal-mark')?.valueCode ?? '.';
  if (mark !== '.' && mark !== ',') {
    throw problem('code-invalid', 'decimal-mark', 'decimal-mark is "." or ",".', 'decimal-mark');
  }
  return { mapping, ...(currency && { currency }), decimalMark: mark };
}

/** Days that a statement covers wholly; Problem `period-malformed`. */
export function periodOf(period: Period | undefined, place: string): ParsedStatement['period'] {
  if (!period) return undefined;
  const day = /^\d{4}-\d{2}-\d{2}$/;
  const { start, end } = period;
  if (start && end && day.test(start) && day.test(end) && start <= end) {
    return { startsOn: start, endsOn: end };
  }
  throw problem(
    'value',
    'period-malformed',
    'period names the first and the last day that the statement covers wholly.',
    place,
  );
}

function answerOf(taken: Taken): Parameters {
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'statement',
        valueReference: { reference: `PaymentReconciliation/${taken.statementId}` },
      },
      { name: 'repeated', valueBoolean: taken.repeated },
      ...taken.counts.map(({ what, name, n }) => ({
        name: what,
        part: [
          { name: what === 'line' ? 'verdict' : 'kind', valueCode: name },
          { name: 'count', valueInteger: Number(n) },
        ],
      })),
    ],
  };
}

// ── exceptions ───────────────────────────────────────────────────────────────────────────────

const list: Operation = {
  permission: MATCH,
  definition: instanceOperation(
    'exceptions',
    ['Organization'],
    'Open exceptions of a provider, oldest first: from its statements and from its answers.',
    [],
    false,
  ),
  async run(ctx, input) {
    const rows = await openExceptions(ctx, await providerOf(ctx, input.id!), LISTED_MAX);
    return {
      resourceType: 'Parameters',
      parameter: rows.map((row) => ({ name: 'exception', part: partsOf(row) })),
    };
  },
};

function partsOf(row: ExceptionRow): ParametersParameter[] {
  const { statement_id: statement, instruction_id: instruction, amount_minor: minor } = row;
  const { currency } = row;
  return [
    { name: 'id', valueString: row.exception_id },
    { name: 'kind', valueCode: row.kind },
    { name: 'state', valueCode: stateOf(row) },
    { name: 'origin', valueCode: row.origin },
    { name: 'at', valueInstant: row.at.toISOString() },
    { name: 'said', valueString: row.said },
    ...(statement === null
      ? []
      : [
          {
            name: 'statement',
            valueReference: { reference: `PaymentReconciliation/${statement}` },
          },
        ]),
    ...(row.line_no === null ? [] : [{ name: 'line', valueInteger: row.line_no }]),
    ...(instruction === null
      ? []
      : [{ name: 'instruction', valueReference: { reference: `ClaimResponse/${instruction}` } }]),
    ...(minor === null || currency === null
      ? []
      : [
          {
            name: 'amount',
            valueMoney: {
              value: Number(formatAmount({ minor, currency })),
              currency: currency as 'KES',
            },
          },
        ]),
  ];
}

const close: Operation = {
  permission: CLOSE,
  definition: instanceOperation(
    'close-exception',
    ['PaymentReconciliation', 'Organization'],
    `Closes an exception with a reason: ${CLOSURE_REASONS.join(', ')}. A write-off is proposed by ` +
      'one person and approved by another, by the same call.',
    [
      { name: 'exception', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'reason', use: 'in', min: 1, max: '1', type: 'code' },
      optional('note', 'string'),
      optional('account', 'string'),
      optional('amount', 'Money'),
    ],
  ),
  async run(ctx, input) {
    const amount = parameterIn(input, 'amount')?.valueMoney;
    const note = parameterIn(input, 'note')?.valueString;
    const account = parameterIn(input, 'account')?.valueString;
    const state = await closeProviderException(ctx, await owner(ctx, input), {
      exceptionId: parameterIn(input, 'exception')!.valueString!,
      reason: parameterIn(input, 'reason')!.valueCode!,
      ...(note !== undefined && { note }),
      ...(account !== undefined && { account }),
      ...(amount && { amount: fromFhirMoney(amount, 'amount') }),
    });
    return { resourceType: 'Parameters', parameter: [{ name: 'state', valueCode: state }] };
  },
};

async function owner(ctx: Context, { type, id }: OperationInput): Promise<bigint> {
  if (type === 'Organization') return providerOf(ctx, id!);
  const found = await providerOfStatement(ctx, id!);
  if (found !== undefined) return found;
  throw problem('not-found', 'statement-unknown', `There is no statement ${id}.`);
}

/** Operations of the room. */
export const operations: readonly Operation[] = [upload, list, close];
