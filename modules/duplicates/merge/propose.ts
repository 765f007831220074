/**
 * Two people for a merge where money is at stake: the first call proposes, the call of another person
 * merges, if neither record nor the result has changed in between.
 */

import { type Context, problem, setting } from '../../../src/sdk/index.ts';
import {
  closeProposal,
  insertProposal,
  openProposal,
  type ProposalRow,
} from '../store/proposals.ts';
import { moneyAtStake, recordsOf } from '../store/stakes.ts';
import { caseTask } from './cases.ts';
import type { Prepared } from './merge.ts';

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

/** Whether the merge may be done now, and who proposed it; or the Task that waits for another. */
export type Standing =
  | { readonly may: true; readonly proposedBy: string | null }
  | { readonly may: false; readonly task: string };

/** Asks whether one person suffices; if not, takes the proposal of another, or writes one. */
export async function secondPerson(ctx: Context, prepared: Prepared): Promise<Standing> {
  const { sourceRid, targetRid } = prepared;
  if (!(await needsTwo(ctx, [sourceRid, targetRid]))) return { may: true, proposedBy: null };
  const open = await openProposal(ctx, sourceRid, targetRid);
  if (open && stands(open, prepared)) {
    if (open.proposed_by === ctx.actor.id) return { may: false, task: `Task/${open.task_id}` };
    await closeProposal(ctx, open.proposal_id, 'accepted');
    await endTask(ctx, open.task_id, 'completed');
    return { may: true, proposedBy: open.proposed_by };
  }
  if (open) {
    await closeProposal(ctx, open.proposal_id, 'lapsed');
    await endTask(ctx, open.task_id, 'cancelled');
  }
  return propose(ctx, prepared);
}

/** True where what people were due within a year takes two persons to decide on them. */
export async function needsTwo(ctx: Context, people: readonly bigint[]): Promise<boolean> {
  const from = ctx.setting(SECOND_PERSON_FROM);
  if (from === 0n) return true;
  const records: bigint[] = [];
  for (const rid of people) records.push(...(await recordsOf(ctx, rid)));
  const since = new Date(ctx.now.getTime() - YEAR_MS).toISOString().slice(0, 10);
  return (await moneyAtStake(ctx, records, since)) >= from;
}

const YEAR_MS = 366 * 24 * 3600 * 1000;

function versions({ wanted }: Prepared): [number, number] {
  return [Number(wanted.source.meta?.versionId), Number(wanted.target.meta?.versionId)];
}

function resultOf({ wanted }: Prepared): string | null {
  return wanted.result ? JSON.stringify(wanted.result) : null;
}

function stands(open: ProposalRow, prepared: Prepared): boolean {
  const [source, target] = versions(prepared);
  const same = open.source_version === source && open.target_version === target;
  return same && open.result === resultOf(prepared);
}

async function propose(ctx: Context, prepared: Prepared): Promise<Standing> {
  const { wanted, sourceRid, targetRid } = prepared;
  const id = ctx.newId();
  const about = [
    { as: 'source', reference: `Patient/${wanted.source.id}` },
    { as: 'target', reference: `Patient/${wanted.target.id}` },
  ];
  const says = 'Merge two records of one person; payments are at stake, so another person does it.';
  const focus = `Patient/${wanted.source.id}`;
  const task = await ctx.fhir.create(
    caseTask(ctx, { code: 'merge-proposal', merge: id, focus, says, about }),
  );
  const [source_version, target_version] = versions(prepared);
  const proposal = {
    proposal_id: id,
    source_version,
    target_version,
    result: resultOf(prepared),
    task_id: task.id!,
  };
  if (await insertProposal(ctx, { source: sourceRid, target: targetRid }, proposal)) {
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
