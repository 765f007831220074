/**
 * Exceptions: listed, locked, closed, and written off.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** An exception, from a statement or from a provider's answer. */
export interface ExceptionRow {
  readonly exception_id: string;
  readonly origin: 'statement' | 'disbursement';
  readonly statement_id: string | null;
  readonly line_no: number | null;
  readonly provider_id: bigint;
  readonly instruction_id: string | null;
  readonly kind: string;
  readonly amount_minor: bigint | null;
  readonly currency: string | null;
  readonly said: string;
  readonly at: Date;
  readonly closed_at: Date | null;
  readonly closed_by: string | null;
  readonly closure_reason: string | null;
  readonly proposed_by: string | null;
}

const OPEN = statement(
  'reconciliation.open-exceptions',
  `select * from reconciliation_exception_all
   where provider_id = $1 and closed_at is null order by at, exception_id limit $2`,
);

/** Open exceptions of a provider, oldest first. */
export function openExceptions(
  ctx: Context,
  providerId: bigint,
  limit: number,
): Promise<ExceptionRow[]> {
  return ctx.db.query<ExceptionRow>(OPEN, [providerId, limit]);
}

const LOCK = statement(
  'reconciliation.lock-exception',
  'select pg_advisory_xact_lock(hashtextextended($1, 0))',
);
const FIND = statement(
  'reconciliation.find-exception',
  `select * from reconciliation_exception_all
   where exception_id = case when $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end`,
);

/** The exception of an id, locked against other decisions. */
export async function lockException(ctx: Context, id: string): Promise<ExceptionRow | undefined> {
  await ctx.db.run(LOCK, [`exception:${id}`]);
  return ctx.db.maybe<ExceptionRow>(FIND, [id]);
}

const CLOSE = statement(
  'reconciliation.close',
  `with closed as (
     update reconciliation_exception set closed_at = $2, closed_by = $3, closure_reason = $4
     where exception_id = $1 and closed_at is null returning statement_id)
   update reconciliation_statement s set version = version + 1, updated_at = $2
   from closed c where s.statement_id = c.statement_id`,
);

/** Closes an exception of a statement; false when it was closed meanwhile. */
export async function closeOurs(
  ctx: Context,
  exceptionId: string,
  reason: string,
): Promise<boolean> {
  return (await ctx.db.run(CLOSE, [exceptionId, ctx.now, ctx.actor.id, reason])) > 0;
}

/** Money given up. */
export interface WriteOff {
  readonly account_code: string;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly proposed_by: string;
}

const PROPOSE = statement(
  'reconciliation.propose',
  `insert into reconciliation_write_off
     (exception_id, account_code, amount_minor, currency, note, proposed_by, proposed_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);

/** Records a proposal to write money off. */
export async function proposeWriteOff(
  ctx: Context,
  exceptionId: string,
  off: { account: string; minor: bigint; currency: string; note: string | undefined },
): Promise<void> {
  await ctx.db.run(PROPOSE, [
    exceptionId,
    off.account,
    off.minor,
    off.currency,
    off.note ?? null,
    ctx.actor.id,
    ctx.now,
  ]);
}

const PROPOSED = statement(
  'reconciliation.proposed',
  `select account_code, amount_minor, currency, proposed_by from reconciliation_write_off
   where exception_id = $1`,
);

/** The proposal for an exception; undefined when there is none. */
export function proposedWriteOff(ctx: Context, exceptionId: string): Promise<WriteOff | undefined> {
  return ctx.db.maybe<WriteOff>(PROPOSED, [exceptionId]);
}

const APPROVE = statement(
  'reconciliation.approve',
  `update reconciliation_write_off set approved_by = $2, approved_at = $3, transfer_id = $4
   where exception_id = $1 and approved_by is null`,
);

/** Records that another person has approved, and the transfer that moved the money. */
export async function approveWriteOff(
  ctx: Context,
  exceptionId: string,
  transferId: string,
): Promise<void> {
  await ctx.db.run(APPROVE, [exceptionId, ctx.actor.id, ctx.now, transferId]);
}
