/**
 * Closings that free a payment: proposed by one person, approved by another.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A proposal to close. */
export interface ClosingRow {
  readonly reason: string;
  readonly proposed_by: string;
}

const PROPOSE = statement(
  'reconciliation.propose-closing',
  `insert into reconciliation_closing (exception_id, reason, note, proposed_by, proposed_at)
   values ($1, $2, $3, $4, $5)
   on conflict (exception_id) do update set reason = excluded.reason, note = excluded.note,
     proposed_by = excluded.proposed_by, proposed_at = excluded.proposed_at`,
);

/** Keeps a proposal; another reason replaces the one before. */
export async function proposeClosing(
  ctx: Context,
  exceptionId: string,
  reason: string,
  note: string | undefined,
): Promise<void> {
  await ctx.db.run(PROPOSE, [exceptionId, reason, note ?? null, ctx.actor.id, ctx.now]);
}

const PROPOSED = statement(
  'reconciliation.proposed-closing',
  'select reason, proposed_by from reconciliation_closing where exception_id = $1',
);

/** The proposal for an exception. */
export function proposedClosing(
  ctx: Context,
  exceptionId: string,
): Promise<ClosingRow | undefined> {
  return ctx.db.maybe<ClosingRow>(PROPOSED, [exceptionId]);
}

const DOUBTS = statement(
  'reconciliation.doubts',
  `select payee_id, instruction_id, exception_id, kind from reconciliation_exception
   where statement_id = $1 and instruction_id is not null and closed_at is null
     and kind = any($2::text[])
   order by payee_id, instruction_id`,
);

/** Exceptions of a statement that stand against paying their instruction. */
export function exceptionsOfKinds(
  ctx: Context,
  statementId: string,
  kinds: readonly string[],
): Promise<{ payee_id: bigint; instruction_id: string; exception_id: string; kind: string }[]> {
  return ctx.db.query(DOUBTS, [statementId, kinds]);
}
