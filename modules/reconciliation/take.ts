/**
 * Takes a statement in: keeps the bytes, matches the lines, applies what they prove, and notes what
 * does not fit. One unit of work: a statement is taken whole or not at all.
 */

import { type Context, dayOf, problem } from '../../src/sdk/index.ts';
import {
  applyOutcomes,
  type NonPaymentReason,
  type Outcome,
  raiseDoubts,
} from '../disbursement/index.ts';
import { DOUBTING_KINDS } from './close.ts';
import { checkStatement } from './parse/check.ts';
import { csvFormat } from './parse/csv.ts';
import { jsonFormat } from './parse/json.ts';
import { type ParsedStatement, type StatementFormat, statementFormat } from './statement.ts';
import { exceptionsOfKinds } from './store/closing.ts';
import { countsOf, judgeLines, matchLines, noteMissing, proofs } from './store/match.ts';
import { insertStatement, knownStatement, lockProvider } from './store/statements.ts';

/** What taking a statement came to. */
export interface Taken {
  readonly statementId: string;
  /** The same bytes were taken before; nothing has changed. */
  readonly repeated: boolean;
  readonly counts: readonly { what: 'line' | 'exception'; name: string; n: bigint }[];
}

/** The form of a name; Problem `format-unknown` names those that there are. */
export function formatOf(ctx: Context, name: string): StatementFormat {
  const all = [csvFormat, jsonFormat, ...ctx.parts(statementFormat)];
  const found = all.find((each) => each.format === name);
  if (found) return found;
  throw problem(
    'code-invalid',
    'format-unknown',
    `"${name.slice(0, 40)}" is not a form of statements; use ${all.map((each) => each.format).join(', ')}.`,
    'format',
  );
}

/**
 * Takes a statement of a provider.
 *
 * @param read  reads the bytes; called only when they are new
 * @throws Problem from reading, and of `checkStatement`
 */
export async function takeStatement(
  ctx: Context,
  providerId: bigint,
  format: string,
  content: Buffer,
  read: () => ParsedStatement | Promise<ParsedStatement>,
): Promise<Taken> {
  await lockProvider(ctx, providerId);
  const known = await knownStatement(ctx, providerId, content);
  if (known) return { statementId: known, repeated: true, counts: await countsOf(ctx, known) };
  const parsed = await read();
  checkStatement(parsed);
  const statementId = ctx.newId();
  const { currency } = parsed.lines[0]!;
  const facts = { statementId, providerId, format, content, currency, paidOn: paidOn(ctx, parsed) };
  await insertStatement(ctx, facts, parsed);
  await matchLines(ctx, statementId, providerId, currency, parsed.lines.length);
  await judgeLines(ctx, statementId, providerId, currency);
  await stopPayments(ctx, statementId);
  await applyProofs(ctx, statementId, providerId, currency);
  await noteMissing(ctx, statementId);
  return { statementId, repeated: false, counts: await countsOf(ctx, statementId) };
}

function paidOn(ctx: Context, { lines, period }: ParsedStatement): string {
  const days = lines.flatMap((each) => each.day ?? []).sort();
  return period?.endsOn ?? days.at(-1) ?? dayOf(ctx.now, 'UTC');
}

/** What a statement says was paid otherwise than we hold is not paid again meanwhile. */
async function stopPayments(ctx: Context, statementId: string): Promise<void> {
  const rows = await exceptionsOfKinds(ctx, statementId, DOUBTING_KINDS);
  await raiseDoubts(
    ctx,
    rows.map((row) => ({
      payeeId: row.payee_id,
      instructionId: row.instruction_id,
      exceptionId: row.exception_id,
      why: row.kind,
    })),
  );
}

async function applyProofs(
  ctx: Context,
  statementId: string,
  providerId: bigint,
  currency: string,
): Promise<void> {
  const rows = await proofs(ctx, statementId);
  const outcomes = rows.map(
    (row): Outcome => ({
      key: row.key,
      result: row.result,
      amountMinor: row.amount_minor,
      currency,
      ...(row.provider_reference !== null &&
        row.result !== 'returned' && { providerReference: row.provider_reference }),
      ...(row.said !== null && { text: row.said }),
      ...((row.result === 'not-paid' || row.result === 'returned') && {
        reason: (row.reason ?? 'other') as NonPaymentReason,
      }),
      ...(row.result === 'returned' &&
        row.provider_reference !== null && { returnReference: row.provider_reference }),
    }),
  );
  await applyOutcomes(ctx, providerId, outcomes, 'statement');
}
