/**
 * Doubts of other rooms (a statement that says what our books do not): while one stands, the
 * instruction is not sent and not ordered again.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A doubt, by the exception that raised it. */
export interface Doubt {
  readonly payeeId: bigint;
  readonly instructionId: string;
  readonly exceptionId: string;
  readonly why: string;
}

/** SQL: whether anything stands against paying the instruction of an alias. */
export const doubtful = (alias: string): string =>
  `(exists (select 1 from disbursement_exception e
      where e.instruction_id = ${alias}.instruction_id and e.closed_at is null)
    or exists (select 1 from disbursement_doubt d
      where d.instruction_id = ${alias}.instruction_id and d.settled_at is null))`;

const LOCK = statement(
  'disbursement.lock-doubted',
  `select i.instruction_id from unnest($1::bigint[], $2::uuid[]) x(payee_id, instruction_id)
   join instruction i using (payee_id, instruction_id)
   order by i.payee_id, i.instruction_id for update of i`,
);
const RAISE = statement(
  'disbursement.raise-doubts',
  `insert into disbursement_doubt (payee_id, instruction_id, exception_id, why, raised_at)
   select *, $5 from unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::text[])
   on conflict do nothing`,
);

/** Raises doubts. What is being sent at this moment is waited for. */
export async function raiseDoubts(ctx: Context, doubts: readonly Doubt[]): Promise<void> {
  if (doubts.length === 0) return;
  const payees = doubts.map((each) => each.payeeId);
  const instructions = doubts.map((each) => each.instructionId);
  await ctx.db.query(LOCK, [payees, instructions]);
  await ctx.db.run(RAISE, [
    payees,
    instructions,
    doubts.map((each) => each.exceptionId),
    doubts.map((each) => each.why),
    ctx.now,
  ]);
}

const SETTLE = statement(
  'disbursement.settle-doubts',
  'update disbursement_doubt set settled_at = $2 where exception_id = $1 and settled_at is null',
);

/** Settles the doubts that an exception has raised. */
export async function settleDoubts(ctx: Context, exceptionId: string): Promise<void> {
  await ctx.db.run(SETTLE, [exceptionId, ctx.now]);
}
