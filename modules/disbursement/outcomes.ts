/**
 * Applies what providers say: states by compare-and-set and ledger postings in one transaction. A
 * repeat changes nothing; what does not fit becomes an exception for a person, never a change.
 */

import type { Context } from '../../src/sdk/index.ts';
import { giveBack, lockForResolution, post, release, transferReleased } from '../ledger/index.ts';
import { cancelWaiting } from './cancel.ts';
import { instructionMoved } from './events.ts';
import {
  type Asked,
  type GaveBack,
  judge,
  type Outcome,
  PAID_LATE,
  PAYER_REASONS,
  sumOf,
} from './instruction.ts';
import { retryAt } from './retry-policy.ts';
import {
  changeStates,
  type ExceptionRow,
  laterAttempts,
  noteExceptions,
  noteReturns,
  type ReturnRow,
  type StateChange,
} from './store/apply.ts';
import { type KnownRow, lockByKeys, setPaused } from './store/send.ts';

/** What applying outcomes came to. */
export interface Applied {
  readonly changed: number;
  readonly exceptions: number;
}

interface Decision {
  readonly row: KnownRow;
  readonly outcome: Outcome;
  readonly change: StateChange | undefined;
  /** What has come back by these outcomes. */
  readonly returns: readonly GaveBack[];
}

interface Judging {
  readonly ctx: Context;
  readonly providerId: bigint;
  readonly asked: Asked | undefined;
}

/**
 * Applies outcomes of a provider.
 *
 * @param source  how they were learnt: `answer`, `callback`, `enquiry`, `statement`, `officer`
 * @param asked  for answers to an enquiry: without it "not found" proves nothing
 */
export async function applyOutcomes(
  ctx: Context,
  providerId: bigint,
  outcomes: readonly Outcome[],
  source: string,
  asked?: Asked,
): Promise<Applied> {
  const said = outcomes.filter((each) => each.result !== 'accepted');
  if (said.length === 0) return { changed: 0, exceptions: 0 };
  const rows = await lockByKeys(ctx, [...new Set(said.map((each) => each.key))]);
  const byKey = new Map(
    rows
      .filter((row) => row.provider_id === providerId)
      .map((row) => [row.transaction_number, row]),
  );
  const exceptions: ExceptionRow[] = [];
  const decisions = new Map<string, Decision>();
  const judging = { ctx, providerId, asked };
  for (const outcome of said) decide(judging, outcome, byKey, decisions, exceptions);
  return carryOut(ctx, providerId, decisions, exceptions, source);
}

/** Instructions that the provider cannot pay: not sent, not paid, the money released. */
export async function refuseUnpayable(
  ctx: Context,
  providerId: bigint,
  rows: readonly (KnownRow & { currency_is_paid: boolean })[],
): Promise<void> {
  const decisions = new Map(
    rows.map((row) => {
      const reason = row.currency_is_paid ? 'amount_out_of_range' : 'currency_not_supported';
      const outcome: Outcome = { key: row.transaction_number, result: 'not-paid', reason };
      const change: StateChange = {
        payeeId: row.payee_id,
        instructionId: row.instruction_id,
        from: row.state,
        to: 'not-paid',
        reason,
        reasonText: 'not sent: outside what the provider can pay',
        providerReference: null,
      };
      return [row.transaction_number, { row, outcome, change, returns: [] }] as const;
    }),
  );
  await carryOut(ctx, providerId, decisions, [], 'limits');
}

async function carryOut(
  ctx: Context,
  providerId: bigint,
  decisions: ReadonlyMap<string, Decision>,
  exceptions: ExceptionRow[],
  source: string,
): Promise<Applied> {
  const changes = [...decisions.values()].flatMap((each) => (each.change ? [each.change] : []));
  const done = await changeStates(ctx, changes, source);
  const applied = [...decisions.values()].filter(
    (each) => each.change && done.has(each.row.instruction_id),
  );
  await lockForResolution(ctx, await reservesTouched(ctx, applied));
  await stopReplacements(ctx, applied, exceptions);
  await keepBooks(ctx, applied, source);
  await noteExceptions(ctx, exceptions);
  await pauseOnPayerFault(ctx, providerId, applied);
  for (const each of applied) tell(ctx, each.row, each.change!);
  return { changed: applied.length, exceptions: exceptions.length };
}

/** Several outcomes of one key are judged one after the other, each on what the former left. */
function decide(
  { ctx, providerId, asked }: Judging,
  outcome: Outcome,
  byKey: ReadonlyMap<string, KnownRow>,
  decisions: Map<string, Decision>,
  exceptions: ExceptionRow[],
): void {
  const row = byKey.get(outcome.key);
  if (!row) {
    exceptions.push(exceptionOf(providerId, undefined, outcome, 'unknown-instruction'));
    return;
  }
  const earlier = decisions.get(outcome.key);
  const state = earlier?.change?.to ?? row.state;
  const returns = [...row.returns, ...(earlier?.returns ?? [])];
  const verdict = judge({ ...row, state, returns }, outcome, asked);
  if (verdict.kind === 'exception') {
    exceptions.push(exceptionOf(providerId, row, outcome, verdict.exception));
  }
  const to = verdict.kind === 'none' ? undefined : verdict.to;
  if (to === undefined) return;
  const reason = verdict.kind === 'change' ? verdict.reason : undefined;
  const gaveBack = verdict.kind === 'change' ? verdict.gaveBack : undefined;
  const gained = [...(earlier?.returns ?? []), ...(gaveBack ? [gaveBack] : [])];
  decisions.set(outcome.key, {
    row,
    outcome,
    change: {
      payeeId: row.payee_id,
      instructionId: row.instruction_id,
      from: row.state,
      to,
      reason: reason ?? null,
      reasonText: outcome.text?.slice(0, 500) ?? null,
      providerReference: outcome.providerReference ?? null,
      retryAt: to === 'not-paid' ? retryAt(reason, row.attempt, ctx.now) : undefined,
      returnedMinor: gained.length > 0 ? sumOf(gained) : undefined,
    },
    returns: gained,
  });
}

function exceptionOf(
  providerId: bigint,
  row: KnownRow | undefined,
  outcome: Outcome,
  kind: ExceptionRow['kind'],
): ExceptionRow {
  const amount = outcome.amountMinor === undefined ? '' : ` ${outcome.amountMinor}`;
  return {
    providerId,
    payeeId: row?.payee_id ?? null,
    instructionId: row?.instruction_id ?? null,
    key: outcome.key.slice(0, 100),
    kind,
    said: `${outcome.result}${amount} ${outcome.providerReference ?? ''}`.trim().slice(0, 200),
  };
}

const PAID: ReadonlySet<string> = new Set(['paid', 'returned']);

/** Reserves of what has changed, and of later attempts that a late success may cancel. */
async function reservesTouched(ctx: Context, applied: readonly Decision[]): Promise<string[]> {
  const later = await laterAttempts(
    ctx,
    lateSuccesses(applied).map(({ row }) => ({
      payeeId: row.payee_id,
      instructionId: row.instruction_id,
    })),
  );
  return [
    ...applied.map((each) => each.row.instruction_id),
    ...later.map((each) => each.instruction_id),
  ];
}

function lateSuccesses(applied: readonly Decision[]): readonly Decision[] {
  return applied.filter((each) => PAID.has(each.change!.to) && each.row.state === 'not-paid');
}

async function keepBooks(
  ctx: Context,
  applied: readonly Decision[],
  source: string,
): Promise<void> {
  const ids = (test: (change: StateChange) => boolean): string[] =>
    applied.filter((each) => test(each.change!)).map((each) => each.row.instruction_id);
  const paid = ids((change) => PAID.has(change.to) && !PAID.has(change.from));
  const { refused } = await post(ctx, paid);
  // Late success: the reserve was released when the provider first said no.
  await transferReleased(ctx, refused);
  await release(
    ctx,
    ids((change) => change.to === 'not-paid' || change.to === 'cancelled'),
  );
  await giveBack(ctx, await noteReturns(ctx, returnsOf(ctx, applied), source));
}

function returnsOf(ctx: Context, applied: readonly Decision[]): ReturnRow[] {
  return applied.flatMap(({ row, change, returns }) =>
    returns.map(({ key, minor }) => ({
      payeeId: row.payee_id,
      instructionId: row.instruction_id,
      key,
      transferId: ctx.newId(),
      amountMinor: minor,
      reason: change!.reason ?? 'other',
      said: change!.reasonText,
    })),
  );
}

/** Late success blocks a replacement: one that has not left is cancelled, another is an exception. */
async function stopReplacements(
  ctx: Context,
  applied: readonly Decision[],
  exceptions: ExceptionRow[],
): Promise<void> {
  const late = lateSuccesses(applied);
  if (late.length === 0) return;
  const replacements = await laterAttempts(
    ctx,
    late.map(({ row }) => ({ payeeId: row.payee_id, instructionId: row.instruction_id })),
  );
  const waiting = replacements.filter((each) => each.state === 'approved');
  await cancelWaiting(ctx, waiting, {
    reason: PAID_LATE,
    reasonText: null,
    source: 'late-success',
  });
  for (const each of replacements) {
    if (each.state !== 'sent' && each.state !== 'unknown' && each.state !== 'paid') continue;
    exceptions.push({
      providerId: each.provider_id,
      payeeId: each.payee_id,
      instructionId: each.instruction_id,
      key: each.transaction_number,
      kind: 'paid-twice',
      said: 'an earlier attempt was paid late',
    });
  }
}

async function pauseOnPayerFault(
  ctx: Context,
  providerId: bigint,
  applied: readonly Decision[],
): Promise<void> {
  const fault = applied.find(
    (each) => each.outcome.reason && PAYER_REASONS.has(each.outcome.reason),
  );
  if (fault) await setPaused(ctx, providerId, true, fault.outcome.reason!);
}

function tell(ctx: Context, row: KnownRow, change: StateChange): void {
  ctx.emit(instructionMoved, {
    purpose: row.purpose,
    sourceId: row.source_id,
    payeeId: row.payee_id.toString(),
    instructionId: row.instruction_id,
    attempt: row.attempt,
    state: change.to,
    reason: change.reason,
  });
}
