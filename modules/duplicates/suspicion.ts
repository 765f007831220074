/**
 * Suspicions: two records that may be one person, for somebody to look at. Each is a Task with both
 * records, the score and its explanation, and, as the policy of its grade says, a hold on the record
 * registered last. Nothing else happens by itself.
 *
 * Spec: https://hl7.org/fhir/R4/task.html
 */

import type { Task } from '@medplum/fhirtypes';
import { type Context, codeSystem } from '../../src/sdk/index.ts';
import { raiseHold } from '../households/index.ts';
import type { Grade } from './matching/grades.ts';
import { HOLDS } from './settings.ts';
import { noteFlags, raiseRows } from './store/suspicions.ts';

/** A pair that may be one person; a < b. */
export interface Suspicion {
  readonly a: bigint;
  readonly b: bigint;
  /** FHIR ids of the Patients. */
  readonly ids: readonly [string, string];
  readonly p: number;
  readonly grade: Grade;
  /** JSON: what each field said. */
  readonly explanation: string;
  readonly modelId: number | null;
  /** Fingerprint of what was compared. */
  readonly facts: string;
}

/**
 * Raises those that nobody is looking at and nobody has decided on these facts.
 *
 * @returns how many
 */
export async function raiseSuspicions(
  ctx: Context,
  suspicions: readonly Suspicion[],
): Promise<number> {
  const wanted = new Map(
    suspicions.map((each) => [`${each.a} ${each.b}`, { ...each, taskId: ctx.newId() }]),
  );
  const raised = await raiseRows(ctx, [...wanted.values()]);
  const flags: { a: bigint; b: bigint; flagId: string }[] = [];
  const tasks: Task[] = [];
  for (const { a, b } of raised) {
    const each = wanted.get(`${a} ${b}`)!;
    const flagId = await holdFor(ctx, each);
    if (flagId !== undefined) flags.push({ a, b, flagId });
    tasks.push(taskOf(ctx, each, flagId));
  }
  await noteFlags(ctx, flags);
  if (tasks.length > 0) {
    await ctx.fhir.transaction({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: tasks.map((resource) => ({
        resource,
        request: { method: 'PUT', url: `Task/${resource.id}` },
      })),
    });
  }
  return raised.length;
}

async function holdFor(ctx: Context, { grade, ids }: Suspicion): Promise<string | undefined> {
  if (grade === 'certainly-not') return undefined;
  const policy = ctx.setting(HOLDS[grade]);
  if (policy === 'none') return undefined;
  const flag = await raiseHold(ctx, {
    subject: { type: 'Patient', id: ids[1] },
    code: 'duplicate-suspected',
    policy,
    explanation: `May be the same person as Patient/${ids[0]}; a Task (duplicate-review) asks.`,
  });
  return flag.id;
}

function taskOf(
  ctx: Context,
  { taskId, ids, p, grade, explanation, modelId }: Suspicion & { readonly taskId: string },
  flagId: string | undefined,
): Task {
  const input = (text: string, value: object) => ({ type: { text }, ...value });
  return {
    resourceType: 'Task',
    id: taskId,
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code: 'duplicate-review' }] },
    focus: { reference: `Patient/${ids[0]}` },
    for: { reference: `Patient/${ids[0]}` },
    authoredOn: ctx.now.toISOString(),
    lastModified: ctx.now.toISOString(),
    input: [
      input('record', { valueReference: { reference: `Patient/${ids[1]}` } }),
      input('score', { valueDecimal: Math.round(p * 1e6) / 1e6 }),
      input('grade', { valueCode: grade }),
      input('explanation', { valueString: explanation }),
      input('model', { valueString: modelId === null ? 'shipped' : String(modelId) }),
      ...(flagId ? [input('hold', { valueReference: { reference: `Flag/${flagId}` } })] : []),
    ],
  };
}
