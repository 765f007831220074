/**
 * Finds instructions for operations and other rooms.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { InstructionState } from '../instruction.ts';

/** An instruction as operations see it. */
export interface InstructionRow {
  readonly payee_id: bigint;
  readonly instruction_id: string;
  readonly provider_id: bigint;
  readonly transaction_number: string;
  readonly state: InstructionState;
  readonly purpose: string;
  readonly source_id: string;
  readonly amount_minor: bigint;
  readonly currency: string;
  /** Some of what was paid has come back. */
  readonly gave_back: boolean;
}

const BY_ID = statement(
  'disbursement.by-id',
  `select payee_id, instruction_id, provider_id,
     disbursement_transaction_number(key) as transaction_number, state, purpose, source_id,
     amount_minor, currency, returned_minor is not null as gave_back
   from instruction where instruction_id = case when $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end for update`,
);

/** The instruction of an id, locked; undefined when there is none. */
export function findInstruction(ctx: Context, id: string): Promise<InstructionRow | undefined> {
  return ctx.db.maybe<InstructionRow>(BY_ID, [id]);
}

const PEEK = statement(
  'disbursement.peek',
  `select payee_id, instruction_id, provider_id,
     disbursement_transaction_number(key) as transaction_number, state, purpose, source_id,
     amount_minor, currency, returned_minor is not null as gave_back
   from instruction where instruction_id = case when $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end`,
);

/** The same without a lock, for acts that take other locks first. */
export function peekInstruction(ctx: Context, id: string): Promise<InstructionRow | undefined> {
  return ctx.db.maybe<InstructionRow>(PEEK, [id]);
}

const ASK_NOW = statement(
  'disbursement.ask-now',
  `update instruction set enquire_at = $2
   where instruction_id = case when $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end and state in ('sent', 'unknown')`,
);

/** Makes the enquiry of an instruction due; false when it is neither sent nor unknown. */
export async function askNow(ctx: Context, id: string): Promise<boolean> {
  return (await ctx.db.run(ASK_NOW, [id, ctx.now])) > 0;
}
