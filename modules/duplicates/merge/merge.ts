/**
 * Merges two records of one person in the open unit of work: everything or nothing, only onto the
 * versions that were looked at. What is settled stays under the former id, which an alias finds; what
 * is being paid is paid. Nothing merges by itself.
 */

import type { Patient } from '@medplum/fhirtypes';
import { type Context, problem } from '../../../src/sdk/index.ts';
import { lockDraftsOf } from '../../payroll/index.ts';
import { addAliases } from '../store/aliases.ts';
import { insertMerge, type PatchRow } from '../store/merges.ts';
import { paidTwice, recordsOf } from '../store/stakes.ts';
import { type Case, caseTask, createEntry, provenance, updateEntry, writeAll } from './cases.ts';
import type { ToBeOne } from './decided.ts';
import { gather, versionOf } from './gather.ts';
import { difference, MADE } from './patch.ts';
import { type Plan, planMerge, type World } from './plan.ts';

/** What is to be merged. */
export interface Wanted {
  readonly source: Patient;
  readonly target: Patient;
  readonly result: Patient | undefined;
}

/** A merge as it would be done. */
export interface Prepared {
  readonly wanted: Wanted;
  readonly world: World;
  readonly plan: Plan;
  readonly sourceRid: bigint;
  readonly targetRid: bigint;
}

/** Reads and plans; writes nothing. Whoever goes on to merge has called `lockForMerge` before. */
export async function prepare(ctx: Context, wanted: Wanted): Promise<Prepared> {
  const { source, target, result } = wanted;
  const rids = await ctx.fhir.rids('Patient', [source.id!, target.id!]);
  const world = await gather(ctx, [source.id!, target.id!]);
  // The versions that were checked are those that are planned with.
  for (const each of [source, target]) world.set(`Patient/${each.id}`, each as never);
  const today = ctx.now.toISOString().slice(0, 10);
  const plan = planMerge(world, { source: source.id!, target: target.id!, today }, result);
  return {
    wanted,
    world,
    plan,
    sourceRid: rids.get(source.id!)!,
    targetRid: rids.get(target.id!)!,
  };
}

/** The two records of a merge, by both of their ids. */
export function pairOf({ wanted, sourceRid, targetRid }: Prepared): ToBeOne {
  return {
    type: 'Patient',
    source: { id: wanted.source.id!, rid: sourceRid },
    target: { id: wanted.target.id!, rid: targetRid },
  };
}

/** @throws Problem merge-conflict (422), naming each field that has to be decided */
export function checkConflicts({ plan }: Prepared): void {
  const fields = plan.survivor.conflicts.map(({ field }) => field);
  if (fields.length === 0) return;
  throw problem(
    'business-rule',
    'merge-conflict',
    `The records differ in ${fields.join(', ')}; send result-patient with what is true.`,
    'result-patient',
  );
}

/** What a merge came to. */
export interface Merged {
  readonly id: string;
  /** Tasks of what has to be looked at. */
  readonly tasks: readonly string[];
}

/** How each resource that changes is undone. */
export function patchRows(world: World, after: World): PatchRow[] {
  return [...after].map(([key, body]) => {
    const before = world.get(key);
    const version = Number(versionOf(world, key) ?? 0);
    return {
      type: String(body.resourceType),
      id: String(body.id),
      patch: JSON.stringify(before ? difference(before, body) : MADE),
      version_before: version,
      version_after: version + 1,
    };
  });
}

/**
 * Writes a prepared merge.
 *
 * @throws Problem precondition-failed (412) when something has changed meanwhile, conflict (409) when
 *   the source was merged meanwhile
 */
export async function merge(
  ctx: Context,
  prepared: Prepared,
  proposedBy: string | null,
): Promise<Merged> {
  const { wanted, world, plan, sourceRid, targetRid } = prepared;
  const id = ctx.newId();
  // A payroll that is being approved either sees the merge, or has ordered what the merge then sees.
  await lockDraftsOf(ctx, await recordsOf(ctx, sourceRid));
  const patches = patchRows(world, plan.after);
  const entries = [...plan.after].map(([key, body]) =>
    updateEntry(body as never, versionOf(world, key)),
  );
  const cases = [...followUpCases(id, plan.followUps), ...(await twice(ctx, id, prepared))];
  const changed = patches.map((each) => ({ ...each, version: each.version_after }));
  const made = await writeAll(ctx, [
    ...entries,
    createEntry(provenance(ctx, 'merge', changed, id, proposedBy)),
    ...cases.map((each) => createEntry(caseTask(ctx, each))),
  ]);
  const { source, target, result } = wanted;
  const row = {
    id,
    sourceRid,
    targetRid,
    source: source.id!,
    target: target.id!,
    result: result ? JSON.stringify(result) : null,
    proposedBy,
  };
  if (!(await insertMerge(ctx, row, patches))) {
    throw problem('conflict', 'merge-raced', `Patient/${source.id} is being merged by another.`);
  }
  await addAliases(ctx, { rid: sourceRid, id: source.id! }, { rid: targetRid, id: target.id! });
  const places = (made.entry ?? []).slice(entries.length + 1);
  return { id, tasks: places.map(({ response }) => localPart(response?.location)) };
}

/** `Task/[id]` of a location. */
export function localPart(location: string | undefined): string {
  return /([A-Z]\w+\/[^/]+)(?:\/_history\/[^/]+)?$/.exec(location ?? '')?.[1] ?? '';
}

export function followUpCases(merge: string, followUps: Plan['followUps']): Case[] {
  return followUps.map(({ focus, says }) => ({ code: 'merge-follow-up', merge, focus, says }));
}

/** Both records paid for one period: told to people, who decide; nothing is taken back by itself. */
async function twice(ctx: Context, merge: string, prepared: Prepared): Promise<Case[]> {
  const { sourceRid, targetRid, wanted } = prepared;
  const [source, target] = [await recordsOf(ctx, sourceRid), await recordsOf(ctx, targetRid)];
  const found = await paidTwice(ctx, source, target);
  if (found.length === 0) return [];
  return [paidTwiceCase(merge, `Patient/${wanted.target.id}`, found)];
}

/** The case of a person, or a household, who was paid under two records. */
export function paidTwiceCase(
  merge: string,
  focus: string,
  found: readonly { readonly one: string; readonly other: string; readonly due_on: string }[],
): Case {
  const periods = [...new Set(found.map((each) => each.due_on))];
  const lines = [...new Set(found.flatMap(({ one, other }) => [one, other]))];
  return {
    code: 'paid-twice',
    merge,
    focus,
    says:
      `Two records of one ${focus.startsWith('Group/') ? 'household' : 'person'} were paid for the same ` +
      `period, due on ${periods.join(', ')}; decide what is to be done. Nothing has been taken back.`,
    about: lines.map((line) => ({ as: 'payment', reference: `Claim/${line}` })),
  };
}
