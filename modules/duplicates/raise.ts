/**
 * Raises suspicions about two people or two households: each a Task for somebody to look at, with a hold
 * on the record registered last where the policy of its grade says so. All of a portion is one statement
 * and one Bundle. What stands already, or was decided on these facts, is not raised again.
 *
 * Spec: https://hl7.org/fhir/R4/task.html
 */

import type { BundleEntry, Flag, Task } from '@medplum/fhirtypes';
import { type Context, codeSystem } from '../../src/sdk/index.ts';
import { flagOf } from '../households/index.ts';
import type { Grade } from './matching/grades.ts';
import { updateEntry, writeAll } from './merge/cases.ts';
import { HOLDS } from './settings.ts';
import { raiseRows } from './store/suspicions.ts';

type Inputs = NonNullable<Task['input']>;

/** What the two records are. */
export interface Kind {
  readonly type: 'Patient' | 'Group';
  /** Member of CodeSystem `task-code`. */
  readonly code: 'duplicate-review' | 'household-review';
  /** For people to read. */
  readonly noun: 'person' | 'household';
}

export const PEOPLE: Kind = { type: 'Patient', code: 'duplicate-review', noun: 'person' };
export const HOUSEHOLDS: Kind = { type: 'Group', code: 'household-review', noun: 'household' };

/** Two records to be raised; a < b. */
export interface Raising {
  readonly a: bigint;
  readonly b: bigint;
  /** FHIR ids; the second was registered last. */
  readonly ids: readonly [string, string];
  readonly p: number;
  /** As it is kept: how sure it is, or what is suspected of two households. */
  readonly kept: string;
  /** How sure it is, by which the second record is held; undefined: whatever the policy, it is not. */
  readonly grade: Grade | undefined;
  readonly modelId: number | null;
  /** Fingerprint of what was compared. */
  readonly facts: string;
  /** What the Task says beside the second record and its hold. */
  readonly inputs: Inputs;
}

/** An input of a Task. */
export const taskInput = (text: string, value: object): Inputs[number] => ({
  type: { text },
  ...value,
});

/** A probability as it is shown. */
export const rounded = (p: number): number => Math.round(p * 1e6) / 1e6;

/**
 * Raises those that nobody is looking at and nobody has decided on these facts.
 *
 * @returns how many
 */
export async function raise(ctx: Context, kind: Kind, all: readonly Raising[]): Promise<number> {
  const wanted = new Map(
    all.map((each) => {
      const [taskId, flag] = [ctx.newId(), holdOf(ctx, kind, each)];
      return [`${each.a} ${each.b}`, { ...each, taskId, flag }];
    }),
  );
  const rows = [...wanted.values()].map(({ kept, flag, ...each }) => ({
    ...each,
    grade: kept,
    flagId: flag?.id,
  }));
  const raised = await raiseRows(ctx, rows, kind.type);
  const entries = raised.flatMap(({ a, b }): BundleEntry[] => {
    const { flag, taskId, ...each } = wanted.get(`${a} ${b}`)!;
    const task = taskOf(ctx, kind, each, taskId, flag?.id);
    return [flag, task]
      .flatMap((resource) => resource ?? [])
      .map((each) => updateEntry(each, undefined));
  });
  if (entries.length > 0) await writeAll(ctx, entries);
  return raised.length;
}

/** The hold on the record registered last, as the policy of the grade says. */
export function holdOf(
  ctx: Context,
  { type, code, noun }: Kind,
  { grade, ids }: Pick<Raising, 'grade' | 'ids'>,
): (Flag & { readonly id: string }) | undefined {
  if (grade === undefined || grade === 'certainly-not') return undefined;
  const policy = ctx.setting(HOLDS[grade]);
  if (policy === 'none') return undefined;
  const hold = {
    subject: { type, id: ids[1] },
    code: 'duplicate-suspected',
    policy,
    explanation: `May be the same ${noun} as ${type}/${ids[0]}; a Task (${code}) asks.`,
  };
  return { ...flagOf(ctx, hold), id: ctx.newId() };
}

/** What the Task says of the second record, of what was found and of the hold. */
export function inputsOf(
  { type }: Kind,
  { ids, inputs }: Pick<Raising, 'ids' | 'inputs'>,
  flagId: string | undefined,
): Inputs {
  return [
    taskInput('record', { valueReference: { reference: `${type}/${ids[1]}` } }),
    ...inputs,
    ...(flagId ? [taskInput('hold', { valueReference: { reference: `Flag/${flagId}` } })] : []),
  ];
}

function taskOf(
  ctx: Context,
  kind: Kind,
  raising: Pick<Raising, 'ids' | 'inputs'>,
  id: string,
  flagId: string | undefined,
): Task {
  const earlier = { reference: `${kind.type}/${raising.ids[0]}` };
  return {
    resourceType: 'Task',
    id,
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code: kind.code }] },
    focus: earlier,
    for: earlier,
    authoredOn: ctx.now.toISOString(),
    lastModified: ctx.now.toISOString(),
    input: inputsOf(kind, raising, flagId),
  };
}
