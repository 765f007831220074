/**
 * The queue of suspicions: who asks is given the one that would do most harm if it were decided wrongly,
 * and has it for a while, so that two people never look at one pair by accident.
 *
 * Expected harm = what both records were due within a year × p × (1 − p).
 */

import type { Group, Parameters, ParametersParameter, Patient, Task } from '@medplum/fhirtypes';
import {
  type Context,
  type CronLine,
  handle,
  inputParameter,
  job,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  Problem,
  problem,
} from '../../../src/sdk/index.ts';
import { isHousehold } from '../../households/index.ts';
import { refuseMasked } from '../match.ts';
import { REVIEW } from '../permissions.ts';
import {
  giveBack,
  lease,
  nextSuspicion,
  rankNewSuspicions,
  rankSuspicions,
  type Suspicion,
  waiting,
} from '../store/review.ts';
import { lockEdges } from '../store/suspicions.ts';

/** How long a suspicion is somebody's. */
const LEASE_MS = 30 * 60 * 1000;
const YEAR_MS = 366 * 24 * 3600 * 1000;

/** Suspicions ranked by one call; more are ranked behind it. */
const RANKED_MAX = 500;
/** Suspicions counted. */
const COUNTED_MAX = 1_000;
/** Suspicions passed by because the actor cannot read them. */
const TRIED_MAX = 20;
/** Suspicions that a caller passes by. */
const EXCEPT_MAX = 100;
const HOUSEHOLDS_MAX = 20;

/** From which day on payments count as at stake. */
function since(ctx: Context): string {
  return new Date(ctx.now.getTime() - YEAR_MS).toISOString().slice(0, 10);
}

export const rankQueue = job<Record<string, never>>(
  'duplicates.rank-queue',
  'ranks suspicions by what has been paid meanwhile',
);
export const rankQueueHandler = handle(rankQueue, async (ctx) => {
  // Others write many suspicions in an order of their own.
  await lockEdges(ctx);
  await rankSuspicions(ctx, since(ctx));
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
      'Gives the suspected duplicate whose wrong decision would do most harm, with both records and their ' +
      'households, for half an hour; nobody else is given it meanwhile. Without a suspicion the answer has ' +
      'none.',
    affectsState: true,
    resource: ['Task'],
    system: false,
    type: true,
    instance: false,
    parameter: [
      inputParameter(
        'except',
        'Reference',
        'Suspicions that the caller gives back, or passes by.',
        '*',
      ),
      outputParameter('suspicion', 'Task', 0),
      outputParameter('record', 'Resource', 0, '*'),
      outputParameter('household', 'Group', 0, '*'),
      outputParameter('until', 'instant', 0),
      {
        ...outputParameter('waiting', 'integer', 1),
        documentation: `How many are open; no more than ${COUNTED_MAX} are counted.`,
      },
    ],
  },
  permission: REVIEW,
  narrowsAreas: true,
  run: next,
};

async function next(ctx: Context, input: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const except = exceptIn(input);
  await giveBack(ctx, except);
  const ranked = await rankNewSuspicions(ctx, since(ctx), RANKED_MAX);
  if (ranked === RANKED_MAX) ctx.enqueue(rankQueue, {}, { key: rankQueue.name });
  const parameter: ParametersParameter[] = [];
  const found = await nextVisible(ctx, except);
  if (found) {
    const until = new Date(ctx.now.getTime() + LEASE_MS);
    await lease(ctx, found.task.id!, ctx.actor.id, until);
    parameter.push(
      { name: 'suspicion', resource: found.task },
      ...found.records.map((resource) => ({ name: 'record', resource })),
      ...(await householdsOf(ctx, found.records)).map((resource) => ({
        name: 'household',
        resource,
      })),
      { name: 'until', valueInstant: until.toISOString() },
    );
  }
  const count = { name: 'waiting', valueInteger: await waiting(ctx, COUNTED_MAX) };
  return { resourceType: 'Parameters', parameter: [...parameter, count] };
}

function exceptIn({ parameters }: OperationInput): string[] {
  const given = (parameters.parameter ?? []).filter(({ name }) => name === 'except');
  return given.slice(0, EXCEPT_MAX).map(({ valueReference }, at) => {
    const id = localId(valueReference?.reference, 'Task');
    if (id) return id;
    throw problem('value', 'suspicion-reference', 'It is a reference to a Task.', `except[${at}]`);
  });
}

/** The first suspicion whose Task and records the actor can read: of others nothing could be decided. */
async function nextVisible(
  ctx: Context,
  except: readonly string[],
): Promise<{ task: Task; records: readonly (Patient | Group)[] } | undefined> {
  const passed = [...except];
  for (let tried = 0; tried < TRIED_MAX; tried += 1) {
    const found = await nextSuspicion(ctx, passed);
    if (!found) return undefined;
    const task = await readable(() => ctx.fhir.read<Task>('Task', found.task_id));
    const records = task && (await readable(() => recordsOf(ctx, found, task)));
    if (task && records) return { task, records };
    passed.push(found.task_id);
  }
  return undefined;
}

/** The two records, that of the focus first. */
async function recordsOf(
  ctx: Context,
  { about }: Suspicion,
  { focus, input = [] }: Task,
): Promise<(Patient | Group)[]> {
  const other = input.find(({ type }) => type.text === 'record')?.valueReference;
  const ids = [focus, other].flatMap((each) => localId(each?.reference, about) ?? []);
  const records: (Patient | Group)[] = [];
  for (const id of ids) records.push(await ctx.fhir.read<Patient | Group>(about, id));
  return records;
}

/** Households that people stand in or have stood in. */
async function householdsOf(
  ctx: Context,
  records: readonly (Patient | Group)[],
): Promise<readonly Group[]> {
  const people = records.filter(({ resourceType }) => resourceType === 'Patient');
  if (people.length === 0) return [];
  const members = people.map(({ id }) => `Patient/${id}`).join(',');
  const query = `member=${members}&_count=${HOUSEHOLDS_MAX}`;
  const { entry = [] } = await ctx.fhir.search<Group>('Group', query);
  return entry.flatMap(({ resource }) => (resource && isHousehold(resource) ? [resource] : []));
}

/** What is read; undefined where it is gone or not to be seen. */
async function readable<Found>(read: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 410))
      return undefined;
    throw error;
  }
}
