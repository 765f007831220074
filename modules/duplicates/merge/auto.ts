/**
 * Merging by the machine: off unless an operator wants it, and then only what no person would look at
 * twice. A suspicion of grade certain that nobody has judged or is looking at, about two active records
 * that agree in all that is asked, of which neither was due anything, and no enrolment or household of
 * which would end. Each is a transaction of its own, with the house as the agent of its Provenance, and is
 * taken back as any other. It is no verdict by which the matching is measured.
 */

import type { Patient, Task } from '@medplum/fhirtypes';
import {
  type Context,
  type CronLine,
  handle,
  job,
  localId,
  Problem,
  setting,
} from '../../../src/sdk/index.ts';
import { settleMerged } from '../review/settle.ts';
import { lockForMerge } from '../store/merge-locks.ts';
import { certainSuspicions, suspicionOf, verdictsOf } from '../store/review.ts';
import { decidedAgainst } from './decided.ts';
import { isReplaced } from './living.ts';
import { merge, type Prepared, pairOf, prepare } from './merge.ts';
import { needsTwo } from './propose.ts';

export const AUTO_MERGE = setting<'off' | 'certain'>({
  name: 'DUPLICATES_AUTO_MERGE',
  means:
    'off: only people merge records. certain: each night pairs graded certain are merged where nothing ' +
    'was due to either, the records agree, and no enrolment or household ends.',
  default: 'off',
  parse: (text) => {
    if (text === 'off' || text === 'certain') return text;
    throw new Error('off or certain');
  },
});

/** Merges of one night. */
const MERGED_MAX = 1_000;

const mergeOne = job<{ readonly taskId: string }>(
  'duplicates.merge-certain',
  'merges the records of one certain suspicion',
);

export const mergeAllCertain = job<Record<string, never>>(
  'duplicates.merge-all-certain',
  'merges certain pairs, where an operator wants that',
);

export const autoMergeHandlers = [
  handle(mergeAllCertain, async (ctx) => {
    if (ctx.setting(AUTO_MERGE) === 'off') return;
    for (const taskId of await certainSuspicions(ctx, MERGED_MAX)) {
      ctx.enqueue(mergeOne, { taskId }, { key: `merge ${taskId}`, queue: mergeOne.name });
    }
  }),
  handle(mergeOne, async (ctx, { taskId }) => {
    if (ctx.setting(AUTO_MERGE) !== 'off') await mergeCertain(ctx, taskId);
  }),
];

export const autoMergeLine: CronLine = {
  at: '41 4 * * *',
  job: mergeAllCertain,
  does: 'merges certain duplicates, where an operator wants that',
};

/**
 * Merges the records of a suspicion, if nothing speaks against it.
 *
 * @returns what spoke against it; undefined when they were merged
 */
export async function mergeCertain(ctx: Context, taskId: string): Promise<string | undefined> {
  const found = await suspicionOf(ctx, taskId);
  if (found?.state !== 'open' || found.about !== 'Patient') return 'no open suspicion about people';
  if (found.grade !== 'certain') return 'not certain';
  if (found.owner_id !== null) return 'somebody is looking at it';
  if ((await verdictsOf(ctx, taskId)).length > 0) return 'somebody has judged it';
  const pair = await recordsOf(ctx, taskId);
  if (!pair) return 'a record is gone, replaced or not active';
  const { source, target } = pair;
  await lockForMerge(ctx, [`Patient/${source.id}`, `Patient/${target.id}`]);
  const prepared = await prepare(ctx, { ...pair, result: undefined });
  const against = await whatSpeaksAgainst(ctx, prepared);
  if (against !== undefined) return against;
  await settleMerged(ctx, prepared.sourceRid, prepared.targetRid, false);
  const done = await merge(ctx, await prepare(ctx, prepared.wanted), null);
  ctx.audit({
    action: 'U',
    interaction: '$merge',
    type: 'Patient',
    id: target.id!,
    detail: { merge: done.id, auto: true },
  });
  return undefined;
}

/** The record registered later, which is replaced, and the earlier one, if both are in use. */
async function recordsOf(
  ctx: Context,
  taskId: string,
): Promise<{ source: Patient; target: Patient } | undefined> {
  const { focus, input } = await ctx.fhir.read<Task>('Task', taskId);
  const record = input?.find(({ type }) => type.text === 'record')?.valueReference;
  const [target, source] = [
    await inUse(ctx, localId(focus?.reference, 'Patient')),
    await inUse(ctx, localId(record?.reference, 'Patient')),
  ];
  return target && source ? { source, target } : undefined;
}

async function inUse(ctx: Context, id: string | undefined): Promise<Patient | undefined> {
  if (id === undefined) return undefined;
  try {
    const patient = await ctx.fhir.read<Patient>('Patient', id);
    return patient.active !== false && !isReplaced(patient) ? patient : undefined;
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 410))
      return undefined;
    throw error;
  }
}

async function whatSpeaksAgainst(ctx: Context, prepared: Prepared): Promise<string | undefined> {
  const { plan, sourceRid, targetRid } = prepared;
  if (plan.survivor.conflicts.length > 0) return 'the records differ';
  if (plan.followUps.length > 0) return 'somebody would have to look at what it leaves';
  for (const [key, body] of plan.after) {
    const ends = key.startsWith('Coverage/') || (key.startsWith('Group/') && body.active === false);
    if (ends) return 'an enrolment or a household would change';
  }
  if ((await decidedAgainst(ctx, [pairOf(prepared)])).decided.length > 0)
    return 'decided to be two';
  if (await needsTwo(ctx, [sourceRid, targetRid])) return 'payments are at stake';
  return undefined;
}
