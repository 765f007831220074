/**
 * Decides by hand what became of an unknown instruction, or that money of a paid one has come back: one
 * person proposes with evidence, another confirms. Nothing moves before the second.
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  fromFhirMoney,
  lifecycle,
  type Operation,
  parameterIn,
  problem,
  transition,
} from '../../src/sdk/index.ts';
import { instructionOperation, textOf } from './definitions.ts';
import {
  NON_PAYMENT_REASONS,
  type NonPaymentReason,
  type Outcome,
  RESOLVE,
} from './instruction.ts';
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

/** States in which a result can be said of an instruction. */
const OPEN_TO: Readonly<Record<Result, readonly string[]>> = {
  paid: ['unknown'],
  'not-paid': ['unknown'],
  'partly-paid': ['unknown'],
  returned: ['paid'],
};
type Result = ResolutionRow['result'];

async function oneThat(ctx: Context, id: string, result: Result): Promise<InstructionRow> {
  const row = await findInstruction(ctx, id);
  if (row && OPEN_TO[result].includes(row.state)) return row;
  throw problem(
    'conflict',
    'wrong-state',
    result === 'returned'
      ? 'Only of what was paid can money come back.'
      : 'Only an unknown outcome can be resolved.',
  );
}

const RESULTS: readonly Result[] = ['paid', 'not-paid', 'partly-paid', 'returned'];

function resultOf(parameters: Parameters, among: readonly Result[] = RESULTS): Result {
  const text = textOf(parameters, 'result');
  const found = among.find((each) => each === text);
  if (found) return found;
  throw problem('code-invalid', 'result-unknown', `result is ${among.join(', ')}.`, 'result');
}

/** An amount of the instruction; more than it is refused. */
function amountOf(parameters: Parameters, row: InstructionRow): bigint {
  const money = parameterIn({ parameters }, 'amount')?.valueMoney;
  const { minor, currency } = fromFhirMoney(money, 'amount');
  if (minor > 0n && minor <= row.amount_minor && currency === row.currency) return minor;
  const most = formatAmount({ minor: row.amount_minor, currency: row.currency });
  throw problem(
    'value',
    'amount-differs',
    `Give an amount above zero and of ${most} ${row.currency} at most.`,
    'amount',
  );
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

type Proposal = Pick<ResolutionRow, 'result' | 'reason' | 'evidence' | 'amount_minor'>;

async function keep(
  ctx: Context,
  row: InstructionRow,
  what: Proposal,
  interaction: string,
): Promise<Parameters> {
  if ((await propose(ctx, row, what)) === undefined) {
    throw problem(
      'conflict',
      'already-proposed',
      'A proposal about this instruction is open; another person confirms or rejects it first.',
    );
  }
  note(ctx, interaction, row, { result: what.result });
  return stateAnswer('proposed');
}
const resolveUnknown: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'resolve-unknown',
    'Proposes what became of an unknown instruction, with evidence from the provider (a statement, ' +
      'a letter): paid, not-paid with a reason, or partly-paid with the amount that was paid. It ' +
      'counts when another person has confirmed it by $confirm-resolution.',
    [
      { name: 'result', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'evidence', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'reason', use: 'in', min: 0, max: '1', type: 'code' },
      { name: 'amount', use: 'in', min: 0, max: '1', type: 'Money' },
    ],
  ),
  async run(ctx, { id, parameters }) {
    const result = resultOf(parameters, ['paid', 'not-paid', 'partly-paid']);
    const row = await oneThat(ctx, id!, result);
    const reason = result === 'not-paid' ? reasonOf(parameters) : null;
    const evidence = textOf(parameters, 'evidence')!;
    const amount = result === 'partly-paid' ? amountOf(parameters, row) : null;
    return keep(ctx, row, { result, reason, evidence, amount_minor: amount }, '$resolve-unknown');
  },
};

const recordReturn: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'record-return',
    'Proposes that money that was paid has come back, all or a part, with a reason and evidence (a ' +
      'statement, a deposit slip). It counts when another person has confirmed it by ' +
      '$confirm-resolution with the result returned; then what came back can be paid again.',
    [
      { name: 'amount', use: 'in', min: 1, max: '1', type: 'Money' },
      { name: 'reason', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'evidence', use: 'in', min: 1, max: '1', type: 'string' },
    ],
  ),
  async run(ctx, { id, parameters }) {
    const row = await oneThat(ctx, id!, 'returned');
    const amount = amountOf(parameters, row);
    const [reason, evidence] = [reasonOf(parameters), textOf(parameters, 'evidence')!];
    const what = { result: 'returned', reason, evidence, amount_minor: amount } as const;
    return keep(ctx, row, what, '$record-return');
  },
};

const confirm: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'confirm-resolution',
    'Confirms what another person has proposed by $resolve-unknown or $record-return; the result is ' +
      'repeated, so that nobody confirms what they have not read.',
    [{ name: 'result', use: 'in', min: 1, max: '1', type: 'code' }],
  ),
  async run(ctx, { id, parameters }) {
    const result = resultOf(parameters);
    const row = await findInstruction(ctx, id!);
    const open = await openOne(ctx, row);
    const earlier = { propose: open.proposed_by };
    transition(ctx, resolutionLifecycle, 'confirm', open.state, earlier);
    if (result !== open.result) {
      throw problem(
        'business-rule',
        'resolution-differs',
        `Proposed is "${open.result}"; confirm exactly that, or reject it.`,
        'result',
      );
    }
    await oneThat(ctx, id!, result);
    await decideResolution(ctx, open.resolution_id, 'confirmed', null);
    await carryOut(ctx, row!, open);
    note(ctx, '$confirm-resolution', row!, { result: open.result });
    return stateAnswer('confirmed');
  },
};

/** Applies what two people hold to be so; what does not fit what has come since is refused. */
async function carryOut(ctx: Context, row: InstructionRow, open: ResolutionRow): Promise<void> {
  const outcome: Outcome = {
    key: row.transaction_number,
    result: open.result,
    text: open.evidence,
    reason: open.reason ?? undefined,
    ...(open.amount_minor !== null && { amountMinor: open.amount_minor }),
    // Each confirmed proposal is a return of its own.
    ...(open.result === 'returned' && { returnReference: `by-hand ${open.resolution_id}` }),
  };
  const { changed } = await applyOutcomes(ctx, row.provider_id, [outcome], 'officer');
  if (changed > 0 || open.result !== 'returned') return;
  throw problem(
    'conflict',
    'returned-too-much',
    'So much has not been kept of this payment any more; reject the proposal and look again.',
  );
}

const reject: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'reject-resolution',
    'Rejects, or withdraws, what was proposed by $resolve-unknown or $record-return, with a reason.',
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
    'Nobody has proposed what became of this instruction; propose it by $resolve-unknown or $record-return.',
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

/**
 * One message orders payments of hundreds of people, in the words of the provider: nothing can narrow or
 * mask it, so that it is shown to those only from whom nothing is kept.
 */
function readsWhole({ actor }: Context): boolean {
  if (actor.breakGlass !== undefined) return true;
  const { areas, schemes } = actor.reach;
  return areas === 'all' && schemes === 'all' && !actor.masks?.length;
}

const evidence: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'evidence',
    'What was said to the provider about an instruction and what it answered, oldest first, and the ' +
      'proposal that is open. Whoever is limited or has masks is not shown what was said.',
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
        ...(open ? [{ name: 'proposal', part: proposalParts(open, row) }] : []),
        ...messages.map((each) => ({
          name: 'message',
          part: [
            { name: 'kind', valueCode: each.kind },
            { name: 'about', valueCode: each.about },
            { name: 'at', valueInstant: each.received_at.toISOString() },
            ...(readsWhole(ctx)
              ? [{ name: 'body', valueString: each.body.toString('utf8') }]
              : [{ name: 'withheld', valueBoolean: true }]),
          ],
        })),
      ],
    };
  },
};

function proposalParts(open: ResolutionRow, { currency }: InstructionRow): ParametersParameter[] {
  const minor = open.amount_minor;
  return [
    { name: 'result', valueCode: open.result },
    ...(open.reason === null ? [] : [{ name: 'reason', valueCode: open.reason }]),
    ...(minor === null
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
    { name: 'evidence', valueString: open.evidence },
    { name: 'by', valueString: open.proposed_by },
    { name: 'at', valueInstant: open.proposed_at.toISOString() },
  ];
}

/** Operations by which people decide unknown outcomes, and note what came back. */
export const resolving: readonly Operation[] = [
  resolveUnknown,
  recordReturn,
  confirm,
  reject,
  evidence,
];
