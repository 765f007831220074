/**
 * Merges two registrations of one household in the open unit of work: everything or nothing, only onto
 * the versions that were looked at. First the households become one, then those of its members who stand
 * in it twice are merged one by one, each as a merge of its own that can be taken back alone.
 *
 * What is settled stays under the former household, which an alias finds. A payroll that is being approved
 * waits for the merge, or the merge for it.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import { type Context, problem } from '../../../src/sdk/index.ts';
import { draftedLinesOf, lockDraftsOf } from '../../payroll/index.ts';
import { addAliases } from '../store/aliases.ts';
import { formerGroupRids, insertMerge, type PatchRow } from '../store/merges.ts';
import { householdsPaidTwice } from '../store/stakes.ts';
import { type Case, caseTask, createEntry, provenance, updateEntry, writeAll } from './cases.ts';
import { gather, versionOf } from './gather.ts';
import { planGroupMerge } from './group-plan.ts';
import type { FollowUp } from './household.ts';
import { followUpCases, localPart, type Merged, paidTwiceCase, patchRows } from './merge.ts';
import { type Body, same } from './patch.ts';
import { planMerge, type World } from './plan.ts';
import type { Conflict } from './survivor.ts';

/** What is to be merged. */
export interface WantedGroups {
  readonly source: Group;
  readonly target: Group;
  /** Members of both who are one person: of the source, of the target. */
  readonly members: readonly (readonly [Patient, Patient])[];
}

/** One of the merges that it takes, in order. */
interface Part {
  readonly type: 'Group' | 'Patient';
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly patches: readonly PatchRow[];
}

/** A merge as it would be done. */
export interface PreparedGroups {
  readonly id: string;
  readonly wanted: WantedGroups;
  readonly world: World;
  /** Everything that changes or is made, as it will stand. */
  readonly after: World;
  readonly parts: readonly Part[];
  readonly followUps: readonly FollowUp[];
  readonly conflicts: readonly { readonly member: string; readonly conflict: Conflict }[];
  readonly sourceRid: bigint;
  readonly targetRid: bigint;
}

/** Reads and plans; writes nothing. */
export async function prepareGroups(ctx: Context, wanted: WantedGroups): Promise<PreparedGroups> {
  const { source, target, members } = wanted;
  const rids = await ctx.fhir.rids('Group', [source.id!, target.id!]);
  const people = members.flatMap((pair) => pair.map(({ id }) => id!));
  const world = await gather(ctx, [...new Set(people)], [source.id!, target.id!]);
  // The versions that were checked are those that are planned with.
  for (const each of [source, target, ...members.flat()]) {
    world.set(`${each.resourceType}/${each.id}`, each as never);
  }
  const id = ctx.newId();
  const today = ctx.now.toISOString().slice(0, 10);
  const now = new Map(world);
  const parts: Part[] = [];
  const lay = (part: Omit<Part, 'patches'>, after: World): void => {
    parts.push({ ...part, patches: patchRows(now, after) });
    for (const [key, body] of after) now.set(key, body);
  };
  const pair = { merge: id, source: source.id!, target: target.id!, today };
  const joined = planGroupMerge(now, pair);
  lay({ type: 'Group', id, source: source.id!, target: target.id! }, joined.after);
  const followUps = [...joined.followUps];
  const conflicts: { member: string; conflict: Conflict }[] = [];
  for (const [one, other] of members) {
    const plan = planMerge(now, { source: one.id!, target: other.id!, today }, undefined);
    const own = { type: 'Patient' as const, id: ctx.newId(), source: one.id!, target: other.id! };
    lay(own, plan.after);
    followUps.push(...plan.followUps);
    for (const conflict of plan.survivor.conflicts) conflicts.push({ member: one.id!, conflict });
  }
  const changed = [...now].filter(([key, body]) => !same(world.get(key), body));
  return {
    ...{ id, wanted, world, parts, followUps, conflicts },
    after: new Map<string, Body>(changed),
    sourceRid: rids.get(source.id!)!,
    targetRid: rids.get(target.id!)!,
  };
}

/**
 * A line of the household that is replaced, on a payroll that waits for its approval, is lost with its
 * enrolment; where the household that remains has none there, the family would not be paid.
 *
 * @throws Problem conflict (409), naming the payroll
 */
async function refuseDrafted(ctx: Context, prepared: PreparedGroups): Promise<void> {
  const { sourceRid, targetRid, wanted } = prepared;
  const lines = await draftedLinesOf(ctx, [sourceRid, targetRid]);
  const own = new Set(
    lines.filter((each) => each.household_id === targetRid).map((each) => each.payroll_id),
  );
  const lost = lines.find((each) => each.household_id === sourceRid && !own.has(each.payroll_id));
  if (!lost) return;
  throw problem(
    'conflict',
    'merge-payroll-open',
    `Group/${wanted.source.id} stands on payroll List/${lost.payroll_id}, which waits for its approval, ` +
      `and Group/${wanted.target.id} does not: the family would not be paid. Approve, return or cancel ` +
      'that payroll first.',
    'source-group',
  );
}

/** Everybody who stands or has stood in the two households. */
async function everybodyIn(ctx: Context, { source, target }: WantedGroups): Promise<bigint[]> {
  const ids = [...(source.member ?? []), ...(target.member ?? [])].flatMap(
    ({ entity }) => entity?.reference?.split('/').at(-1) ?? [],
  );
  return [...(await ctx.fhir.rids('Patient', [...new Set(ids)])).values()];
}

/**
 * Writes a prepared merge.
 *
 * @throws Problem precondition-failed (412) when something has changed meanwhile, conflict (409) when a
 *   record was merged meanwhile, or when a line of a payroll would be lost
 */
export async function mergeGroups(
  ctx: Context,
  prepared: PreparedGroups,
  proposedBy: string | null,
): Promise<Merged> {
  const { id, world, after, parts, wanted } = prepared;
  await lockDraftsOf(ctx, await everybodyIn(ctx, wanted));
  await refuseDrafted(ctx, prepared);
  const entries = [...after].map(([key, body]) =>
    updateEntry(body as never, versionOf(world, key)),
  );
  const cases = [...followUpCases(id, prepared.followUps), ...(await twice(ctx, prepared))];
  const changed = patchRows(world, after).map((each) => ({ ...each, version: each.version_after }));
  const made = await writeAll(ctx, [
    ...entries,
    createEntry(provenance(ctx, 'merge', changed, id, proposedBy)),
    ...cases.map((each) => createEntry(caseTask(ctx, each))),
  ]);
  for (const part of parts) await writePart(ctx, part, id, proposedBy);
  const places = (made.entry ?? []).slice(entries.length + 1);
  return { id, tasks: places.map(({ response }) => localPart(response?.location)) };
}

async function writePart(
  ctx: Context,
  { type, id, source, target, patches }: Part,
  whole: string,
  proposedBy: string | null,
): Promise<void> {
  const rids = await ctx.fhir.rids(type, [source, target]);
  const [sourceRid, targetRid] = [rids.get(source)!, rids.get(target)!];
  const row = { type, id, source, target, sourceRid, targetRid, result: null, proposedBy };
  const parent = type === 'Patient' ? { parent: whole } : {};
  if (!(await insertMerge(ctx, { ...row, ...parent }, patches))) {
    throw problem('conflict', 'merge-raced', `${type}/${source} is being merged by another.`);
  }
  if (type === 'Group') return;
  await addAliases(ctx, { rid: sourceRid, id: source }, { rid: targetRid, id: target });
}

/** Both registrations paid for one period: told to people, who decide. */
async function twice(ctx: Context, prepared: PreparedGroups): Promise<Case[]> {
  const { source, target } = prepared.wanted;
  const all = async (rid: bigint, id: string): Promise<bigint[]> => [
    rid,
    ...(await formerGroupRids(ctx, id)),
  ];
  const found = await householdsPaidTwice(
    ctx,
    await all(prepared.sourceRid, source.id!),
    await all(prepared.targetRid, target.id!),
  );
  return found.length === 0 ? [] : [paidTwiceCase(prepared.id, `Group/${target.id}`, found)];
}
