/**
 * Decides by hand what became of an unknown instruction: one person proposes with evidence, another
 * confirms. Nothing moves before the second.
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  lifecycle,
  type Operation,
  problem,
  transition,
} from '../../src/sdk/index.ts';
import { instructionOperation, textOf } from './definitions.ts';
import { NON_PAYMENT_REASONS, type NonPaymentReason, RESOLVE } from './instruction.ts';
import { applyOutcomes } from './outcomes.ts';
import { findInstruction, type InstructionRow, peekInstruction } from './store/find.ts';
import { exchangeOf } from './store/message.ts';
import {
  decideResolution,
  openProposal,
  propose,
  proposed,
  type ResolutionRow,
} from './store/resolution.ts';

/** States of a proposal about an unknown outcome. */
export const resolutionLifecycle = lifecycle({
  name: 'resolution',
  initial: 'proposed',
  states: ['proposed', 'confirmed', 'rejected'],
  transitions: [
    {
      act: 'confirm',
      from: ['proposed'],
      to: 'confirmed',
      permission: RESOLVE,
      anotherPersonThan: ['propose'],
    },
    { act: 'reject', from: ['proposed'], to: 'rejected', permission: RESOLVE, needsReason: true },
  ],
});

async function unknownOne(ctx: Context, id: string): Promise<InstructionRow> {
  const row = await findInstruction(ctx, id);
  if (row?.state === 'unknown') return row;
  throw problem('conflict', 'wrong-state', 'Only an unknown outcome can be resolved.');
}

function resultOf(parameters: Parameters): 'paid' | 'not-paid' {
  const result = textOf(parameters, 'result');
  if (result === 'paid' || result === 'not-paid') return result;
  throw problem('code-invalid', 'result-unknown', 'result is "paid" or "not-paid".', 'result');
}

function reasonOf(parameters: Parameters): NonPaymentReason {
  const text = textOf(parameters, 'reason');
  const found = NON_PAYMENT_REASONS.find((each) => each === text);
  if (found) return found;
  throw problem(
    'code-invalid',
    'non-payment-reason',
    `Give a reason: ${NON_PAYMENT_REASONS.join(', ')}.`,
    'reason',
  );
}

function stateAnswer(state: ResolutionRow['state']): Parameters {
  return { resourceType: 'Parameters', parameter: [{ name: 'state', valueCode: state }] };
}

const resolveUnknown: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'resolve-unknown',
    'Proposes what became of an unknown instruction, with evidence from the provider (a statement, ' +
      'a letter). It counts when another person has confirmed it by $confirm-resolution.',
    [
      { name: 'result', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'evidence', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'reason', use: 'in', min: 0, max: '1', type: 'code' },
    ],
  ),
  async run(ctx, { id, parameters }) {
    const row = await unknownOne(ctx, id!);
    const result = resultOf(parameters);
    const reason = result === 'not-paid' ? reasonOf(parameters) : null;
    const evidence = textOf(parameters, 'evidence')!;
    const kept = await propose(ctx, row, { result, reason, evidence });
    if (kept === undefined) {
      throw problem(
        'conflict',
        'already-proposed',
        'A proposal about this instruction is open; another person confirms or rejects it first.',
      );
    }
    note(ctx, '$resolve-unknown', row, { result });
    return stateAnswer('proposed');
  },
};

const confirm: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'confirm-resolution',
    'Confirms what another person has proposed by $resolve-unknown; the result is repeated, so that ' +
      'nobody confirms what they have not read.',
    [{ name: 'result', use: 'in', min: 1, max: '1', type: 'code' }],
  ),
  async run(ctx, { id, parameters }) {
    const row = await unknownOne(ctx, id!);
    const open = await openOne(ctx, row);
    const earlier = { propose: open.proposed_by };
    transition(ctx, resolutionLifecycle, 'confirm', open.state, earlier);
    if (resultOf(parameters) !== open.result) {
      throw problem(
        'business-rule',
        'resolution-differs',
        `Proposed is "${open.result}"; confirm exactly that, or reject it.`,
        'result',
      );
    }
    await decideResolution(ctx, open.resolution_id, 'confirmed', null);
    const said = { result: open.result, text: open.evidence };
    const outcome = { key: row.transaction_number, ...said, reason: open.reason ?? undefined };
    await applyOutcomes(ctx, row.provider_id, [outcome], 'officer');
    note(ctx, '$confirm-resolution', row, { result: open.result });
    return stateAnswer('confirmed');
  },
};

const reject: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'reject-resolution',
    'Rejects, or withdraws, what was proposed by $resolve-unknown, with a reason.',
    [{ name: 'reason', use: 'in', min: 1, max: '1', type: 'string' }],
  ),
  async run(ctx, { id, parameters }) {
    const row = await findInstruction(ctx, id!);
    const open = await openOne(ctx, row);
    const reason = textOf(parameters, 'reason');
    transition(ctx, resolutionLifecycle, 'reject', open.state, {}, reason);
    await decideResolution(ctx, open.resolution_id, 'rejected', reason ?? null);
    note(ctx, '$reject-resolution', row!, { result: open.result });
    return stateAnswer('rejected');
  },
};

async function openOne(ctx: Context, row: InstructionRow | undefined): Promise<ResolutionRow> {
  const open = row && (await proposed(ctx, row));
  if (open) return open;
  throw problem(
    'conflict',
    'not-proposed',
    'Nobody has proposed what became of this instruction; propose it by $resolve-unknown.',
  );
}

function note(
  ctx: Context,
  interaction: string,
  row: InstructionRow,
  detail: Record<string, string>,
): void {
  ctx.audit({
    action: 'U',
    interaction,
    type: 'ClaimResponse',
    id: row.instruction_id,
    detail,
  });
}

const MESSAGES_MAX = 200;

const evidence: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'evidence',
    'What was said to the provider about an instruction and what it answered, oldest first, and the ' +
      'proposal that is open.',
    [],
    false,
  ),
  async run(ctx, { id }) {
    const row = await peekInstruction(ctx, id!);
    if (!row) {
      throw problem('not-found', 'instruction-unknown', `There is no instruction ${id}.`);
    }
    const open = await openProposal(ctx, row);
    const messages = await exchangeOf(ctx, row.provider_id, row.transaction_number, MESSAGES_MAX);
    return {
      resourceType: 'Parameters',
      parameter: [
        { name: 'state', valueCode: row.state },
        ...(open ? [{ name: 'proposal', part: proposalParts(open) }] : []),
        ...messages.map((each) => ({
          name: 'message',
          part: [
            { name: 'kind', valueCode: each.kind },
            { name: 'about', valueCode: each.about },
            { name: 'at', valueInstant: each.received_at.toISOString() },
            { name: 'body', valueString: each.body.toString('utf8') },
          ],
        })),
      ],
    };
  },
};

function proposalParts(open: ResolutionRow): ParametersParameter[] {
  return [
    { name: 'result', valueCode: open.result },
    ...(open.reason === null ? [] : [{ name: 'reason', valueCode: open.reason }]),
    { name: 'evidence', valueString: open.evidence },
    { name: 'by', valueString: open.proposed_by },
    { name: 'at', valueInstant: open.proposed_at.toISOString() },
  ];
}

/** Operations by which people decide unknown outcomes. */
export const resolving: readonly Operation[] = [resolveUnknown, confirm, reject, evidence];
