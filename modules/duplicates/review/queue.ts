/**
 * The queue of suspicions: who asks is given the one that would do most harm if it were decided wrongly,
 * and has it for a while, so that two people never look at one pair by accident.
 *
 * Expected harm = what both records were due within a year × p × (1 − p).
 */

import type { Parameters, Task } from '@medplum/fhirtypes';
import {
  type Context,
  type CronLine,
  handle,
  job,
  type Operation,
  operationDefinition,
  outputParameter,
} from '../../../src/sdk/index.ts';
import { refuseMasked } from '../match.ts';
import { REVIEW } from '../permissions.ts';
import { lease, nextSuspicion, rankSuspicions, waiting } from '../store/review.ts';

/** How long a suspicion is somebody's. */
const LEASE_MS = 30 * 60 * 1000;
const YEAR_MS = 366 * 24 * 3600 * 1000;

/** From which day on payments count as at stake. */
function since(ctx: Context): string {
  return new Date(ctx.now.getTime() - YEAR_MS).toISOString().slice(0, 10);
}

export const rankQueue = job<Record<string, never>>(
  'duplicates.rank-queue',
  'ranks suspicions by what has been paid meanwhile',
);
export const rankQueueHandler = handle(rankQueue, async (ctx) => {
  await rankSuspicions(ctx, since(ctx), true);
});
export const rankQueueLine: CronLine = {
  at: '11 4 * * *',
  job: rankQueue,
  does: 'ranks the queue of suspected duplicates anew',
};

export const nextOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('next-suspicion'),
    name: 'NextSuspicion',
    title: 'Take the next suspicion',
    status: 'active',
    kind: 'operation',
    code: 'next-suspicion',
    description:
      'Gives the suspected duplicate whose wrong decision would do most harm, for half an hour; nobody ' +
      'else is given it meanwhile. Without a suspicion the answer has none.',
    affectsState: true,
    resource: ['Task'],
    system: false,
    type: true,
    instance: false,
    parameter: [
      outputParameter('suspicion', 'Task', 0),
      outputParameter('until', 'instant', 0),
      outputParameter('waiting', 'integer', 1),
    ],
  },
  permission: REVIEW,
  narrowsAreas: true,
  run: async (ctx): Promise<Parameters> => {
    refuseMasked(ctx);
    await rankSuspicions(ctx, since(ctx), false);
    const found = await nextSuspicion(ctx);
    const count = { name: 'waiting', valueInteger: await waiting(ctx) };
    if (!found) return { resourceType: 'Parameters', parameter: [count] };
    const until = new Date(ctx.now.getTime() + LEASE_MS);
    await lease(ctx, found.task_id, ctx.actor.id, until);
    return {
      resourceType: 'Parameters',
      parameter: [
        { name: 'suspicion', resource: await ctx.fhir.read<Task>('Task', found.task_id) },
        { name: 'until', valueInstant: until.toISOString() },
        count,
      ],
    };
  },
};
