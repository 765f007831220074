/**
 * Proposals of people about unknown outcomes, and what was decided on them.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { NonPaymentReason } from '../instruction.ts';

/** A proposal. */
export interface ResolutionRow {
  readonly resolution_id: string;
  readonly result: 'paid' | 'not-paid' | 'partly-paid' | 'returned';
  readonly reason: NonPaymentReason | null;
  readonly evidence: string;
  /** Of a part payment what was paid, of a return what came back. */
  readonly amount_minor: bigint | null;
  readonly state: 'proposed' | 'confirmed' | 'rejected';
  readonly proposed_by: string;
  readonly proposed_at: Date;
}

const PROPOSE = statement(
  'disbursement.propose',
  `insert into disbursement_resolution (resolution_id, payee_id, instruction_id, result, reason,
     evidence, state, proposed_by, proposed_at, amount_minor)
   values ($1, $2, $3, $4, $5, $6, 'proposed', $7, $8, $9)
   on conflict (payee_id, instruction_id) where state = 'proposed' do nothing
   returning resolution_id`,
);

/** Keeps a proposal; undefined when another one is open. */
export async function propose(
  ctx: Context,
  instruction: { payee_id: bigint; instruction_id: string },
  what: Pick<ResolutionRow, 'result' | 'reason' | 'evidence' | 'amount_minor'>,
): Promise<string | undefined> {
  const row = await ctx.db.maybe<{ resolution_id: string }>(PROPOSE, [
    ctx.newId(),
    instruction.payee_id,
    instruction.instruction_id,
    what.result,
    what.reason,
    what.evidence,
    ctx.actor.id,
    ctx.now,
    what.amount_minor,
  ]);
  return row?.resolution_id;
}

const OPEN = `select resolution_id, result, reason, evidence, amount_minor, state, proposed_by,
   proposed_at
   from disbursement_resolution
   where payee_id = $1 and instruction_id = $2 and state = 'proposed'`;
const PROPOSED = statement('disbursement.proposed', `${OPEN} for update`);
const SHOWN = statement('disbursement.open-proposal', OPEN);

/** The open proposal about an instruction, to be shown. */
export function openProposal(
  ctx: Context,
  instruction: { payee_id: bigint; instruction_id: string },
): Promise<ResolutionRow | undefined> {
  return ctx.db.maybe<ResolutionRow>(SHOWN, [instruction.payee_id, instruction.instruction_id]);
}

/** The open proposal about an instruction, locked. */
export function proposed(
  ctx: Context,
  instruction: { payee_id: bigint; instruction_id: string },
): Promise<ResolutionRow | undefined> {
  return ctx.db.maybe<ResolutionRow>(PROPOSED, [instruction.payee_id, instruction.instruction_id]);
}

const DECIDE = statement(
  'disbursement.decide-resolution',
  `update disbursement_resolution
   set state = $2, decided_by = $3, decided_at = $4, decided_why = $5
   where resolution_id = $1 and state = 'proposed'`,
);

/** Notes the decision on a proposal. */
export async function decideResolution(
  ctx: Context,
  resolutionId: string,
  state: 'confirmed' | 'rejected',
  why: string | null,
): Promise<void> {
  await ctx.db.run(DECIDE, [resolutionId, state, ctx.actor.id, ctx.now, why]);
}
