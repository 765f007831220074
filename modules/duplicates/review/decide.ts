/**
 * `Task/[id]/$decide-duplicate`: a reviewer says of two records that they are one person, are not, or
 * that somebody has to go and ask. Where payments are at stake two people must say the same, neither
 * seeing what the other said. Each verdict is kept for ever, as data by which the matching is measured.
 *
 * Not one person: the hold is lifted. One person: the hold stays until the records are merged, for a
 * person would be paid twice meanwhile; or they are kept apart by a Linkage, where two registries keep
 * one each.
 */

import type { Linkage, Parameters, Task } from '@medplum/fhirtypes';
import {
  type Context,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  type Problem,
  parameterIn,
  problem,
} from '../../../src/sdk/index.ts';
import { release } from '../holds.ts';
import { suspectHouseholds } from '../households/suspect.ts';
import { refuseMasked } from '../match.ts';
import { householdsNeedTwo, needsTwo } from '../merge/propose.ts';
import { REVIEW } from '../permissions.ts';
import { featuresOf } from '../store/features.ts';
import {
  closeSuspicions,
  endLease,
  insertVerdict,
  lease,
  type Suspicion,
  suspicionOf,
  type Verdict,
  verdictsOf,
} from '../store/review.ts';

const VERDICTS: readonly Verdict[] = ['duplicate', 'not-duplicate', 'field-check'];
/** Whom a suspicion belongs to while somebody asks in the field, and for how long. */
const FIELD = 'field-check';
const FIELD_MS = 30 * 24 * 3600 * 1000;

export const decideOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('decide-duplicate'),
    name: 'DecideDuplicate',
    title: 'Decide on a suspected duplicate',
    status: 'active',
    kind: 'operation',
    code: 'decide-duplicate',
    description:
      'The verdict on the two records of a suspicion: duplicate, not-duplicate or field-check, with the ' +
      'reason. Where payments are at stake it counts when two people have said the same.',
    affectsState: true,
    resource: ['Task'],
    system: false,
    type: false,
    instance: true,
    parameter: [
      { name: 'verdict', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'reason', use: 'in', min: 1, max: '1', type: 'string' },
      {
        name: 'keep-apart',
        use: 'in',
        min: 0,
        max: '1',
        type: 'boolean',
        documentation: 'Of a duplicate: the records stay two, joined by a Linkage.',
      },
      outputParameter('task', 'Task', 1),
      outputParameter('decided', 'boolean', 1),
      outputParameter('linkage', 'Reference', 0),
    ],
  },
  permission: REVIEW,
  narrowsAreas: true,
  run: decide,
};

interface Decision {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly keepApart: boolean;
}

async function decide(ctx: Context, input: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const decision = decisionIn(input);
  const found = await suspicionOf(ctx, input.id!);
  if (!found) {
    const says = `Task/${input.id} is no suspicion of a duplicate that you can see.`;
    throw problem('not-found', 'suspicion-unknown', says);
  }
  checkFree(ctx, found);
  const final = await isFinal(ctx, found, decision.verdict);
  await insertVerdict(ctx, { ...verdictOf(found), ...decision, final });
  const linkage = final && decision.keepApart ? await link(ctx, found) : undefined;
  if (decision.verdict === 'field-check') {
    await lease(ctx, found.task_id, FIELD, new Date(ctx.now.getTime() + FIELD_MS));
  } else await endLease(ctx, [found.task_id]);
  const closed = final && decision.verdict !== 'field-check';
  const task = await writeTask(ctx, found, decision, closed);
  if (closed) {
    await closeSuspicions(ctx, [found.task_id]);
    if (decision.verdict === 'not-duplicate') await toldApart(ctx, found);
  }
  ctx.audit({
    action: 'U',
    interaction: '$decide-duplicate',
    type: 'Task',
    id: found.task_id,
    detail: { verdict: decision.verdict, decided: closed },
  });
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'task', resource: task },
      { name: 'decided', valueBoolean: closed },
      ...(linkage ? [{ name: 'linkage', valueReference: { reference: linkage } }] : []),
    ],
  };
}

function decisionIn(input: OperationInput): Decision {
  const given = parameterIn(input, 'verdict');
  const code = given?.valueCode ?? given?.valueString;
  const verdict = VERDICTS.find((each) => each === code);
  if (!verdict) {
    const says = `A verdict is one of ${VERDICTS.join(', ')}.`;
    throw problem('code-invalid', 'verdict-unknown', says, 'verdict');
  }
  const reason = parameterIn(input, 'reason')?.valueString?.trim();
  if (!reason) throw problem('required', 'reason-missing', 'Say why.', 'reason');
  const keepApart = parameterIn(input, 'keep-apart')?.valueBoolean === true;
  if (keepApart && verdict !== 'duplicate') {
    const says = 'Only records of one person are kept apart by a Linkage.';
    throw problem('invariant', 'keep-apart-duplicate', says, 'keep-apart');
  }
  return { verdict, reason, keepApart };
}

/** @throws Problem conflict when it is decided, or in another's hands */
function checkFree(ctx: Context, found: Suspicion): void {
  if (found.state === 'closed') {
    const says = `Task/${found.task_id} has been decided; the records are matched anew when they change.`;
    throw problem('conflict', 'suspicion-closed', says);
  }
  const mine = found.owner_id === null || found.owner_id === ctx.actor.id;
  if (!mine && found.owner_id !== FIELD) throw inHands(found);
}

function inHands({ task_id }: Suspicion): Problem {
  const says = `Somebody else is looking at Task/${task_id}; take the next one by Task/$next-suspicion.`;
  return problem('conflict', 'suspicion-in-hands', says);
}

/** One person suffices unless payments are at stake; then another must have said the same. */
async function isFinal(ctx: Context, found: Suspicion, verdict: Verdict): Promise<boolean> {
  if (verdict === 'field-check') return true;
  const asks = found.about === 'Group' ? householdsNeedTwo : needsTwo;
  if (!(await asks(ctx, [found.a, found.b]))) return true;
  const given = await verdictsOf(ctx, found.task_id);
  return given.some((each) => each.decided_by !== ctx.actor.id && each.verdict === verdict);
}

/** A suspicion as a verdict names it. */
export function verdictOf({ a, b, task_id, p, grade, model_id }: Suspicion) {
  return { a, b, taskId: task_id, p, grade, modelId: model_id };
}

async function writeTask(
  ctx: Context,
  found: Suspicion,
  { verdict }: Decision,
  closed: boolean,
): Promise<Task> {
  const task = await ctx.fhir.read<Task>('Task', found.task_id);
  // What one of two people said is not written where the other would read it.
  const changed: Task = closed
    ? {
        ...task,
        status: 'completed',
        output: [{ type: { text: 'verdict' }, valueCode: verdict }],
      }
    : {
        ...task,
        ...(verdict === 'field-check' && { status: 'on-hold' as const }),
        businessStatus: {
          text: verdict === 'field-check' ? 'asked in the field' : 'waits for a second person',
        },
      };
  return ctx.fhir.update<Task>({ ...changed, lastModified: ctx.now.toISOString() });
}

/** Lifts the hold; of people, what was suspected of their households may have been because of it. */
async function toldApart(ctx: Context, { about, a, b, flag_ids }: Suspicion): Promise<void> {
  await release(ctx, flag_ids);
  if (about === 'Group') return;
  const homes = (await featuresOf(ctx, [a, b])).flatMap((row) => row.household_id ?? []);
  await suspectHouseholds(ctx, homes);
}

/** Confirmed, and kept apart: both records stay, and whoever reads one finds the other. */
async function link(ctx: Context, found: Suspicion): Promise<string> {
  const task = await ctx.fhir.read<Task>('Task', found.task_id);
  const other = task.input?.find(({ type }) => type.text === 'record');
  const made = await ctx.fhir.create<Linkage>({
    resourceType: 'Linkage',
    active: true,
    item: [
      { type: 'source', resource: { reference: task.focus!.reference! } },
      { type: 'alternate', resource: { reference: other!.valueReference!.reference! } },
    ],
  });
  return `Linkage/${made.id}`;
}
