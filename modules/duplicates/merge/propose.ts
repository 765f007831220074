/**
 * Two people for a merge where money is at stake: the first call proposes, the call of another person
 * merges, if neither record nor the result has changed in between.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import { type Context, problem, setting } from '../../../src/sdk/index.ts';
import {
  closeProposal,
  insertProposal,
  openProposal,
  type ProposalRow,
} from '../store/proposals.ts';
import { householdsMoneyAtStake, moneyAtStake, recordsOf } from '../store/stakes.ts';
import { caseTask } from './cases.ts';

/** From which sum on a merge takes two people. */
export const SECOND_PERSON_FROM = setting<bigint>({
  name: 'MERGE_SECOND_PERSON_FROM',
  means:
    'Minor units that either record was due within a year, from which on a merge takes two people; 0: always',
  default: 1n,
  parse: (text) => {
    if (!/^\d{1,18}$/.test(text)) throw new Error('a number of minor units, such as 500000');
    return BigInt(text);
  },
});

/** What two people have to agree on: the versions of both records, and what is to come of them. */
export interface Proposed {
  readonly source: Patient | Group;
  readonly target: Patient | Group;
  readonly sourceRid: bigint;
  readonly targetRid: bigint;
  /** What the caller asks for beyond the merge itself, as JSON. */
  readonly result: string | null;
  readonly needsTwo: (ctx: Context) => Promise<boolean>;
}

/** Whether the merge may be done now, and who proposed it; or the Task that waits for another. */
export type Standing =
  | { readonly may: true; readonly proposedBy: string | null }
  | { readonly may: false; readonly task: string };

/** Asks whether one person suffices; if not, takes the proposal of another, or writes one. */
export async function secondPerson(ctx: Context, proposed: Proposed): Promise<Standing> {
  const { sourceRid, targetRid } = proposed;
  if (!(await proposed.needsTwo(ctx))) return { may: true, proposedBy: null };
  const open = await openProposal(ctx, sourceRid, targetRid);
  if (open && stands(open, proposed)) {
    if (open.proposed_by === ctx.actor.id) return { may: false, task: `Task/${open.task_id}` };
    await closeProposal(ctx, open.proposal_id, 'accepted');
    await endTask(ctx, open.task_id, 'completed');
    return { may: true, proposedBy: open.proposed_by };
  }
  if (open) {
    await closeProposal(ctx, open.proposal_id, 'lapsed');
    await endTask(ctx, open.task_id, 'cancelled');
  }
  return propose(ctx, proposed);
}

/** True where what people were due within a year takes two persons to decide on them. */
export async function needsTwo(ctx: Context, people: readonly bigint[]): Promise<boolean> {
  const from = ctx.setting(SECOND_PERSON_FROM);
  if (from === 0n) return true;
  const records: bigint[] = [];
  for (const rid of people) records.push(...(await recordsOf(ctx, rid)));
  return (await moneyAtStake(ctx, records, yearAgo(ctx))) >= from;
}

/** True where what households were due within a year takes two persons to decide on them. */
export async function householdsNeedTwo(
  ctx: Context,
  households: readonly bigint[],
): Promise<boolean> {
  const from = ctx.setting(SECOND_PERSON_FROM);
  return from === 0n || (await householdsMoneyAtStake(ctx, households, yearAgo(ctx))) >= from;
}

function yearAgo(ctx: Context): string {
  return new Date(ctx.now.getTime() - YEAR_MS).toISOString().slice(0, 10);
}

const YEAR_MS = 366 * 24 * 3600 * 1000;

function versions({ source, target }: Proposed): [number, number] {
  return [Number(source.meta?.versionId), Number(target.meta?.versionId)];
}

function stands(open: ProposalRow, proposed: Proposed): boolean {
  const [source, target] = versions(proposed);
  const same = open.source_version === source && open.target_version === target;
  return same && open.result === proposed.result;
}

async function propose(ctx: Context, proposed: Proposed): Promise<Standing> {
  const { source, target, sourceRid, targetRid, result } = proposed;
  const id = ctx.newId();
  const focus = `${source.resourceType}/${source.id}`;
  const about = [
    { as: 'source', reference: focus },
    { as: 'target', reference: `${target.resourceType}/${target.id}` },
  ];
  const what = source.resourceType === 'Group' ? 'household' : 'person';
  const says = `Merge two records of one ${what}; payments are at stake, so another person does it.`;
  const task = await ctx.fhir.create(
    caseTask(ctx, { code: 'merge-proposal', merge: id, focus, says, about }),
  );
  const [source_version, target_version] = versions(proposed);
  const row = {
    ...{ proposal_id: id, source_version, target_version, result },
    task_id: task.id!,
  };
  if (await insertProposal(ctx, { source: sourceRid, target: targetRid }, row)) {
    return { may: false, task: `Task/${task.id}` };
  }
  throw problem(
    'conflict',
    'merge-raced',
    'Somebody has proposed this merge at the same moment; call again.',
  );
}

async function endTask(ctx: Context, id: string, status: 'completed' | 'cancelled'): Promise<void> {
  const task = await ctx.fhir.read('Task', id);
  await ctx.fhir.update({ ...task, status, lastModified: ctx.now.toISOString() } as never);
}
