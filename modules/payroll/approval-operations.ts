/**
 * Operations by which payrolls are decided on: votes on the whole and on lines, returning and submitting
 * again, what was voted, and who votes for whom.
 */

import type { OperationDefinition, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  instanceOperation,
  isDay,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  permission,
  problem,
} from '../../src/sdk/index.ts';
import {
  approve,
  cancelLinesOf,
  close,
  decideOnLines,
  drop,
  resubmit,
  returnToMaker,
  titleOf,
} from './decide.ts';
import { APPROVE, CANCEL, DRAFT, REJECT } from './lifecycle.ts';
import { addDelegation, delegations, endDelegation, findActor } from './store/delegations.ts';
import { votesOf } from './store/votes.ts';

/** Names a delegate for oneself, and sees delegations. */
export const DELEGATE = permission('payroll.delegate', 'lets another person vote for oneself');
/** Says so for others: who is ill cannot. */
export const DELEGATE_ANY = permission('payroll.delegate-any', 'notes absences of others');
/** Reads summaries, votes and reports of payrolls. */
export const READ = permission('payroll.read', 'reads summaries, votes and reports of payrolls');

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

const REASON: Parameter = { name: 'reason', use: 'in', min: 0, max: '1', type: 'string' };
const LINES: Parameter = { name: 'line', use: 'in', min: 1, max: '*', type: 'Reference' };

const answer = (parameter: ParametersParameter[]): Parameters => ({
  resourceType: 'Parameters',
  parameter,
});
const done = (): Parameters => answer([{ name: 'result', valueBoolean: true }]);
const textOf = (input: OperationInput, name: string): string | undefined =>
  parameterIn(input, name)?.valueString;

const approval: Operation = {
  permission: APPROVE,
  definition: instanceOperation(
    'approve',
    'List',
    'Accepts a payroll drafted by another person; the last vote that its flow needs approves it. ' +
      'count and amount are control totals.',
    [
      { name: 'count', use: 'in', min: 0, max: '1', type: 'integer' },
      { name: 'amount', use: 'in', min: 0, max: '1', type: 'string' },
    ],
  ),
  async run(ctx, input) {
    const count = parameterIn(input, 'count')?.valueInteger;
    const amount = textOf(input, 'amount');
    if ((count === undefined) !== (amount === undefined)) {
      throw problem('required', 'control-totals', 'Declare both count and amount, or neither.');
    }
    const declared = count === undefined || amount === undefined ? undefined : { count, amount };
    const made = await approve(ctx, input.id!, declared);
    return answer([
      { name: 'approved', valueBoolean: made.approved },
      { name: 'ordered', valueInteger: made.ordered },
      { name: 'held-back', valueInteger: made.heldBack },
      ...(made.step
        ? [
            { name: 'step', valueInteger: made.step.number },
            { name: 'waits-for', valueString: made.step.name },
            { name: 'votes', valueInteger: made.accepted },
          ]
        : []),
    ]);
  },
};

/** An operation that takes a reason and answers that it was done. */
function reasoned(
  code: string,
  right: Operation['permission'],
  description: string,
  run: (ctx: Context, id: string, reason: string | undefined) => Promise<void>,
): Operation {
  return {
    permission: right,
    definition: instanceOperation(code, 'List', description, [REASON]),
    async run(ctx, input) {
      await run(ctx, input.id!, textOf(input, 'reason'));
      return done();
    },
  };
}

function linesOf(input: OperationInput): string[] {
  const given = (input.parameters.parameter ?? []).filter((each) => each.name === 'line');
  return given.map((each) => {
    const id = localId(each.valueReference?.reference, 'Claim');
    if (id && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
    throw problem('not-found', 'line-unknown', 'Name lines as Claim/[id].', 'line');
  });
}

const lineOperations: readonly Operation[] = [
  {
    permission: APPROVE,
    definition: instanceOperation(
      'accept-lines',
      'List',
      'Notes that lines were looked at and accepted, where a step asks for each.',
      [LINES],
    ),
    async run(ctx, input) {
      await decideOnLines(ctx, input.id!, linesOf(input), null);
      return done();
    },
  },
  {
    permission: REJECT,
    definition: instanceOperation(
      'reject-lines',
      'List',
      'Takes lines off a payroll that waits for approval, with a reason; they stay off.',
      [LINES, { ...REASON, min: 1 }],
    ),
    async run(ctx, input) {
      await decideOnLines(ctx, input.id!, linesOf(input), textOf(input, 'reason')!);
      return done();
    },
  },
  {
    permission: CANCEL,
    definition: instanceOperation(
      'cancel-lines',
      'List',
      'Cancels lines of an approved payroll that have not been sent, with a reason: all that are named, ' +
        'or none.',
      [LINES, { ...REASON, min: 1 }],
    ),
    async run(ctx, input) {
      const reason = textOf(input, 'reason');
      const cancelled = await cancelLinesOf(ctx, input.id!, linesOf(input), reason);
      return answer([{ name: 'cancelled', valueInteger: cancelled }]);
    },
  },
];

const VOTES_MAX = 10_000;

const votes: Operation = {
  permission: READ,
  definition: instanceOperation(
    'votes',
    'List',
    'Who submitted a payroll and who voted on it and on its lines, oldest first.',
    [],
    false,
  ),
  async run(ctx, input) {
    await titleOf(ctx, input.id!);
    const rows = await votesOf(ctx, input.id!, VOTES_MAX);
    return answer(
      rows.map((row) => ({
        name: 'vote',
        part: [
          { name: 'round', valueInteger: row.round },
          { name: 'step', valueInteger: row.step },
          { name: 'act', valueCode: row.act },
          { name: 'by', valueString: row.actor_id },
          ...(row.seat_id === row.actor_id ? [] : [{ name: 'for', valueString: row.seat_id }]),
          ...(row.line_id === null
            ? []
            : [{ name: 'line', valueReference: { reference: `Claim/${row.line_id}` } }]),
          ...(row.reason === null ? [] : [{ name: 'reason', valueString: row.reason }]),
          { name: 'at', valueInstant: row.at.toISOString() },
        ],
      })),
    );
  },
};

function systemOperation(
  code: string,
  description: string,
  parameter: Parameter[],
  affectsState: boolean,
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: operationDefinition(code),
    name: code.replaceAll('-', ''),
    status: 'active',
    kind: 'operation',
    code,
    description,
    affectsState,
    system: true,
    type: false,
    instance: false,
    parameter,
  };
}

const input = (name: string, type: Parameter['type'], min: 0 | 1): Parameter => ({
  ...{ name, type, min },
  use: 'in',
  max: '1',
});

async function actorOf(ctx: Context, name: string, place: string): Promise<string> {
  const found = await findActor(ctx, name);
  if (found !== undefined) return found;
  throw problem('not-found', 'actor-unknown', `Nobody active here is called ${name}.`, place);
}

async function delegate(ctx: Context, given: OperationInput): Promise<Parameters> {
  const forWhom = textOf(given, 'for');
  const from = forWhom === undefined ? ctx.actor.id : await actorOf(ctx, forWhom, 'for');
  if (from !== ctx.actor.id) ctx.demand(DELEGATE_ANY);
  const name = textOf(given, 'to');
  const to = name === undefined ? null : await actorOf(ctx, name, 'to');
  const startsOn = parameterIn(given, 'from')?.valueDate ?? '';
  const endsOn = parameterIn(given, 'until')?.valueDate ?? '';
  if (!isDay(startsOn) || !isDay(endsOn) || startsOn > endsOn || from === to) {
    throw problem(
      'business-rule',
      'delegation-malformed',
      'Give whole days from and until, in this order, and another person than oneself.',
      'from',
    );
  }
  const reason = textOf(given, 'reason')!;
  const id = await addDelegation(ctx, { from, to, startsOn, endsOn, reason });
  ctx.audit({ action: 'E', interaction: '$delegate-approval', detail: { from, to: to ?? '' } });
  return answer([{ name: 'delegation', valueString: id }]);
}

const delegating: readonly Operation[] = [
  {
    permission: DELEGATE,
    definition: systemOperation(
      'delegate-approval',
      'Lets another person vote on payrolls for oneself (or for somebody else, with the permission) ' +
        'from a day until a day; without "to" it notes an absence.',
      [
        input('to', 'string', 0),
        input('for', 'string', 0),
        input('from', 'date', 1),
        input('until', 'date', 1),
        input('reason', 'string', 1),
      ],
      true,
    ),
    run: delegate,
  },
  {
    permission: DELEGATE,
    definition: systemOperation(
      'end-delegation',
      'Ends a delegation of oneself, or of others with the permission.',
      [input('delegation', 'string', 1)],
      true,
    ),
    async run(ctx, given) {
      const id = textOf(given, 'delegation')!;
      if (await endDelegation(ctx, id, ctx.may(DELEGATE_ANY))) return done();
      throw problem('not-found', 'delegation-unknown', 'There is no such delegation of yours.');
    },
  },
  {
    permission: DELEGATE,
    definition: systemOperation(
      'delegations',
      'Delegations and absences that are in force or will be.',
      [],
      false,
    ),
    async run(ctx) {
      const rows = await delegations(ctx);
      return answer(
        rows.map((row) => ({
          name: 'delegation',
          part: [
            { name: 'id', valueString: row.delegation_id },
            { name: 'for', valueString: row.from_actor },
            ...(row.to_actor === null ? [] : [{ name: 'to', valueString: row.to_actor }]),
            { name: 'from', valueDate: row.starts_on },
            { name: 'until', valueDate: row.ends_on },
            { name: 'reason', valueString: row.reason },
          ],
        })),
      );
    },
  },
];

/** Operations that decide on payrolls. */
export const approvalOperations: readonly Operation[] = [
  approval,
  reasoned(
    'reject',
    REJECT,
    'Rejects a payroll drafted by another person, with a reason.',
    (ctx, id, reason) => drop(ctx, id, 'reject', reason),
  ),
  reasoned(
    'return',
    REJECT,
    'Returns a payroll to its maker, with a reason; $submit puts it to the vote again.',
    returnToMaker,
  ),
  reasoned(
    'cancel',
    CANCEL,
    'Cancels a payroll, with a reason; of one that is approved what has not been sent.',
    (ctx, id, reason) => drop(ctx, id, 'cancel', reason),
  ),
  {
    permission: DRAFT,
    definition: instanceOperation(
      'submit',
      'List',
      'Puts a payroll that was returned to the vote again.',
      [],
    ),
    async run(ctx, { id }) {
      await resubmit(ctx, id!);
      return done();
    },
  },
  {
    permission: CANCEL,
    definition: instanceOperation(
      'close',
      'List',
      'Closes an approved payroll; refused with what is unresolved. It closes by itself with its last ' +
        'line.',
      [],
    ),
    async run(ctx, { id }) {
      await close(ctx, id!);
      return done();
    },
  },
  ...lineOperations,
  votes,
  ...delegating,
];
