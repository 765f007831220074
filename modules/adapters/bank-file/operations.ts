/**
 * Operations on a bank's Organization: list and take payment files, bring back status reports.
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  instanceOperation,
  type Operation,
  type OperationInput,
  parameterIn,
  permission,
  problem,
  type RawAnswer,
} from '../../../src/sdk/index.ts';
import { applyOutcomes, type Outcome } from '../../disbursement/index.ts';
import { providerOf } from '../../reconciliation/index.ts';
import { readPain002, type StatusReport } from './pain002.ts';
import { keepReport, type ListedFile, listFiles, lockFile, markTaken, ordersOf } from './store.ts';

/** Takes payment files and brings back reports. */
export const EXCHANGE = permission(
  'bank-file.exchange',
  'takes payment files to the bank and brings back its status reports',
);

const LISTED_MAX = 500;

const list: Operation = {
  permission: EXCHANGE,
  definition: instanceOperation(
    'payment-files',
    'Organization',
    'Payment files for a bank, newest first.',
    [],
    false,
  ),
  async run(ctx, input) {
    const rows = await listFiles(ctx, await providerOf(ctx, input.id!), LISTED_MAX);
    return {
      resourceType: 'Parameters',
      parameter: rows.map((row) => ({ name: 'file', part: partsOf(row) })),
    };
  },
};

function partsOf(row: ListedFile): ParametersParameter[] {
  return [
    { name: 'id', valueString: row.file_id },
    { name: 'message', valueString: row.message_id },
    { name: 'orders', valueInteger: row.orders_count },
    { name: 'created', valueInstant: row.created_at.toISOString() },
    ...(row.taken_as === null ? [] : [{ name: 'taken-as', valueCode: row.taken_as }]),
    ...(row.taken_at === null ? [] : [{ name: 'taken', valueInstant: row.taken_at.toISOString() }]),
  ];
}

const take: Operation = {
  permission: EXCHANGE,
  definition: instanceOperation(
    'payment-file',
    'Organization',
    'Gives a payment file as pain.001 or csv. The form that is taken first is the only one from ' +
      'then on, so that a bank is not given the same orders twice.',
    [
      { name: 'file', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'format', use: 'in', min: 1, max: '1', type: 'code' },
    ],
    true,
  ),
  run: takeFile,
};

async function takeFile(ctx: Context, input: OperationInput): Promise<RawAnswer> {
  const fileId = parameterIn(input, 'file')!.valueString!;
  const format = parameterIn(input, 'format')!.valueCode!;
  if (format !== 'pain.001' && format !== 'csv') {
    throw problem('code-invalid', 'format-unknown', 'format is "pain.001" or "csv".', 'format');
  }
  const file = await lockFile(ctx, await providerOf(ctx, input.id!), fileId);
  if (!file) {
    throw problem('not-found', 'file-unknown', `There is no payment file ${fileId.slice(0, 64)}.`);
  }
  if (file.taken_as !== null && file.taken_as !== format) {
    throw problem(
      'conflict',
      'file-taken',
      `This file was taken as ${file.taken_as}; take it so again, or its orders could be paid twice.`,
      'format',
    );
  }
  const body = format === 'csv' ? file.csv : file.pain_001;
  if (body === null) {
    throw problem(
      'business-rule',
      'debtor-unset',
      'There is no pain.001 of this file: BANK_FILE_DEBTOR_ACCOUNT was not set. Take the csv.',
      'format',
    );
  }
  await markTaken(ctx, file.file_id, format);
  const extension = format === 'csv' ? 'csv' : 'xml';
  return {
    raw: true,
    contentType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/xml',
    headers: { 'content-disposition': `attachment; filename="${file.message_id}.${extension}"` },
    body,
  };
}

const report: Operation = {
  permission: EXCHANGE,
  definition: instanceOperation(
    'upload-status-report',
    'Organization',
    'Takes in a pain.002 of a bank and applies what it says of each order.',
    [{ name: 'content', use: 'in', min: 1, max: '1', type: 'Any' }],
    true,
  ),
  async run(ctx, input): Promise<Parameters> {
    const providerId = await providerOf(ctx, input.id!);
    const { valueString: text, valueBase64Binary: encoded } = parameterIn(input, 'content')!;
    const content = Buffer.from(text ?? encoded ?? '', text === undefined ? 'base64' : 'utf8');
    const outcomes = await outcomesOf(ctx, providerId, readPain002(content));
    const kept = await keepReport(ctx, providerId, content);
    const applied = kept
      ? await applyOutcomes(ctx, providerId, outcomes, 'report')
      : { changed: 0, exceptions: 0 };
    return {
      resourceType: 'Parameters',
      parameter: [
        { name: 'repeated', valueBoolean: !kept },
        { name: 'orders', valueInteger: outcomes.length },
        { name: 'changed', valueInteger: applied.changed },
        { name: 'exceptions', valueInteger: applied.exceptions },
      ],
    };
  },
};

/** What is said of a single order counts before its block, and its block before the message. */
async function outcomesOf(
  ctx: Context,
  providerId: bigint,
  { messageId, group, blocks, outcomes }: StatusReport,
): Promise<Outcome[]> {
  const single = new Set(outcomes.map((each) => each.key));
  const found = [...outcomes];
  if (messageId === undefined || (group === undefined && blocks.size === 0)) return found;
  for (const { order_key: key, block_id: block } of await ordersOf(ctx, providerId, messageId)) {
    const verdict = blocks.get(block) ?? group;
    if (verdict && !single.has(key)) found.push({ key, ...verdict });
  }
  return found;
}

/** Operations of the adapter. */
export const operations: readonly Operation[] = [list, take, report];
