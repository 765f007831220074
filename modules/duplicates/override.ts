/**
 * `Task/[id]/$override-hold`: lifts the hold of a suspicion before it is decided, with a reason that
 * the trail keeps. The Task stays: somebody is still to look.
 */

import type { Task } from '@medplum/fhirtypes';
import {
  type Context,
  instanceOperation,
  type Operation,
  type OperationInput,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { release } from './holds.ts';
import { OVERRIDE } from './permissions.ts';
import { suspicionOfTask } from './store/suspicions.ts';

const REASON_MAX = 500;

export const overrideOperation: Operation = {
  definition: instanceOperation(
    'override-hold',
    'Task',
    'Lifts the hold of a suspected duplicate before it is decided.',
    [
      {
        name: 'reason',
        use: 'in',
        min: 1,
        max: '1',
        type: 'string',
        documentation: 'Why the family is not to wait; kept with the Task.',
      },
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Task' },
    ],
  ),
  permission: OVERRIDE,
  run: override,
};

async function override(ctx: Context, input: OperationInput): Promise<Task> {
  const reason = parameterIn(input, 'reason')?.valueString?.trim() ?? '';
  if (reason === '' || reason.length > REASON_MAX) {
    throw problem(
      'required',
      'reason-missing',
      `Give a reason of up to ${REASON_MAX} letters.`,
      'reason',
    );
  }
  const task = await ctx.fhir.read<Task>('Task', input.id!);
  const suspicion = await suspicionOfTask(ctx, input.id!);
  if (!suspicion) {
    throw problem(
      'conflict',
      'task-no-suspicion',
      'This Task is no suspected duplicate.',
      'Task.code',
    );
  }
  if (suspicion.state !== 'open' || suspicion.flag_ids.length === 0) {
    throw problem('conflict', 'suspicion-no-hold', 'No hold of this suspicion stands.');
  }
  await release(ctx, suspicion.flag_ids);
  ctx.audit({ action: 'E', interaction: '$override-hold', type: 'Task', id: input.id! });
  return ctx.fhir.update<Task>({
    ...task,
    lastModified: ctx.now.toISOString(),
    note: [
      ...(task.note ?? []),
      { time: ctx.now.toISOString(), authorString: ctx.actor.id, text: `Hold lifted: ${reason}` },
    ],
  });
}
