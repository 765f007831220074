/**
 * Takes a merge back: two records again, each with what it had; what was changed since is left and
 * listed, and so is what was made since, for nobody but people can tell whose it is.
 */

import type { Bundle, Patient, Resource } from '@medplum/fhirtypes';
import { type Context, Problem, problem } from '../../../src/sdk/index.ts';
import { restoreEnrolments } from '../../schemes/index.ts';
import { dropAliases } from '../store/aliases.ts';
import {
  enrolmentsOf,
  laterMerges,
  type MergeRow,
  markUndone,
  patchesOf,
  replacePatches,
  standingMerge,
} from '../store/merges.ts';
import { caseTask, createEntry, provenance, updateEntry, writeAll } from './cases.ts';
import { gather, versionOf } from './gather.ts';
import { householdOf, liveScheme } from './household.ts';
import { isAboutRecords } from './living.ts';
import { localPart } from './merge.ts';
import { type Body, type Patch, readPatch, same } from './patch.ts';
import type { World } from './plan.ts';
import { type Layer, type Left, meeting, replay } from './replay.ts';

/** What taking back would come to, or came to. */
export interface Unmerge {
  readonly merge: MergeRow;
  readonly current: World;
  readonly world: World;
  readonly left: readonly Left[];
  /** Resources about the person that were made or changed since, as `Type/id`. */
  readonly since: readonly string[];
  readonly later: readonly {
    readonly row: MergeRow;
    readonly patches: ReadonlyMap<string, Patch>;
  }[];
}

/** @throws Problem merge-none (422) when the record is not replaced by a merge of here */
export async function prepareUnmerge(ctx: Context, source: Patient): Promise<Unmerge> {
  const rid = (await ctx.fhir.rids('Patient', [source.id!])).get(source.id!)!;
  const merge = await standingMerge(ctx, rid);
  if (!merge) {
    const says = `Patient/${source.id} is not replaced by a merge that was done here.`;
    throw problem('business-rule', 'merge-none', says, 'source-patient');
  }
  const own = await layerOf(ctx, merge);
  const rows = (await laterMerges(ctx, merge.merge_id)).reverse();
  const layers = [];
  for (const row of rows) layers.push({ ...(await layerOf(ctx, row)), row });
  const met = meeting(own, layers);
  const keys = new Set([own, ...met].flatMap(({ patches }) => [...patches.keys()]));
  const people = met.flatMap(({ source: one, target }) => [one, target]);
  const around = met.length > 0 ? await gather(ctx, [...new Set(people)]) : new Map<string, Body>();
  const current = new Map([...around, ...(await readAll(ctx, [...keys]))]);
  const done = replay(current, own, met);
  const world = new Map(done.world);
  const taken = await takenEnrolments(ctx, current, world);
  for (const key of taken) world.set(key, current.get(key)!);
  return {
    merge,
    current,
    world,
    left: [...done.left, ...taken.map((key) => ({ key, path: 'status' }))],
    since: await madeSince(ctx, merge, keys),
    later: met.map(({ row }, index) => ({ row, patches: done.later[index]! })),
  };
}

async function layerOf(ctx: Context, row: MergeRow): Promise<Layer> {
  const patches = await patchesOf(ctx, row.merge_id);
  return {
    source: row.source_id,
    target: row.target_id,
    day: row.merged_at.toISOString().slice(0, 10),
    result: row.result === null ? undefined : (JSON.parse(row.result) as Patient),
    patches: new Map(patches.map(({ type, id, patch }) => [`${type}/${id}`, readPatch(patch)])),
  };
}

async function readAll(ctx: Context, keys: readonly string[]): Promise<World> {
  const world = new Map<string, Body>();
  for (const key of keys) {
    const [type, id] = key.split('/') as ['Patient', string];
    try {
      world.set(key, (await ctx.fhir.read(type, id)) as unknown as Body);
    } catch (error) {
      const gone = error instanceof Problem && (error.status === 404 || error.status === 410);
      if (!gone) throw error;
    }
  }
  return world;
}

/** Enrolments that cannot return, for the household has been enrolled in the scheme anew. */
async function takenEnrolments(ctx: Context, current: World, world: World): Promise<string[]> {
  const taken: string[] = [];
  for (const [key, body] of world) {
    const before = current.get(key);
    if (!key.startsWith('Coverage/') || !before || same(body, before)) continue;
    const [scheme, household] = [liveScheme(body as never), householdOf(body as never)];
    if (!scheme || !household || liveScheme(before as never)) continue;
    const rids = await ctx.fhir.rids('Group', [household]);
    for (const id of await enrolmentsOf(ctx, [...rids.values()])) {
      const other = await ctx.fhir.read('Coverage', id);
      if (`Coverage/${id}` !== key && liveScheme(other as never) === scheme) taken.push(key);
    }
  }
  return taken;
}

const SINCE_MAX = 200;
const SPEAKS_OF_RECORDS = new Set(['Provenance', 'AuditEvent', 'Linkage']);

/** What the compartment of the record that remained has got since; at most 200, the latest first. */
async function madeSince(
  ctx: Context,
  merge: MergeRow,
  touched: ReadonlySet<string>,
): Promise<string[]> {
  const query = `_lastUpdated=ge${merge.merged_at.toISOString()}&_sort=-_lastUpdated&_count=${SINCE_MAX}`;
  const path = `Patient/${merge.target_id}/*` as 'Patient';
  const page: Bundle<Resource> = await ctx.fhir.search(path, query);
  return (page.entry ?? [])
    .flatMap(({ resource }) => resource ?? [])
    .filter((each) => !SPEAKS_OF_RECORDS.has(each.resourceType) && !isAboutRecords(each as never))
    .map(({ resourceType, id }) => `${resourceType}/${id}`)
    .filter((key) => !touched.has(key));
}

/** What was written. */
export interface Unmerged {
  readonly tasks: readonly string[];
  readonly restored: number;
}

/** Writes what was prepared, onto the versions that were read. */
export async function unmerge(ctx: Context, prepared: Unmerge): Promise<Unmerged> {
  const { merge, current, world, left, since, later } = prepared;
  const changed = [...world].filter(([key, body]) => !same(current.get(key), body));
  const coverages = changed.map(([key]) => key).filter((key) => key.startsWith('Coverage/'));
  restoreEnrolments(
    ctx,
    coverages.map((key) => key.slice('Coverage/'.length)),
  );
  const next = (key: string): number => Number(versionOf(current, key)) + 1;
  const versions = changed.map(([key, { resourceType, id }]) => ({
    type: String(resourceType),
    id: String(id),
    version: next(key),
  }));
  const review = left.length + since.length > 0;
  // Before the records are written: the guard refuses to free one that is still merged.
  await markUndone(ctx, merge.merge_id);
  await dropAliases(ctx, merge.source_rid, merge.target_rid);
  const entries = changed.map(([key, body]) => updateEntry(body as never, versionOf(current, key)));
  const made = await writeAll(ctx, [
    ...entries,
    createEntry(provenance(ctx, 'unmerge', versions, merge.merge_id, null)),
    ...(review ? [createEntry(caseTask(ctx, reviewCase(merge, left, since)))] : []),
  ]);
  for (const { row, patches } of later) {
    await replacePatches(
      ctx,
      row.merge_id,
      [...patches].map(([key, patch]) => {
        const [type, id] = key.split('/') as [string, string];
        const version = same(current.get(key), world.get(key)) ? next(key) - 1 : next(key);
        return {
          type,
          id,
          patch: JSON.stringify(patch),
          version_before: version,
          version_after: version,
        };
      }),
    );
  }
  const places = (made.entry ?? []).slice(entries.length + 1);
  return {
    tasks: places.map(({ response }) => localPart(response?.location)),
    restored: changed.length,
  };
}

function reviewCase(merge: MergeRow, left: readonly Left[], since: readonly string[]) {
  const changes = left.map(({ key, path }) => (path ? `${key} (${path})` : `${key} (deleted)`));
  const about = [...new Set(left.filter(({ path }) => path).map(({ key }) => key))].map(
    (reference) => ({ as: 'changed-since', reference }),
  );
  return {
    code: 'unmerge-review' as const,
    merge: merge.merge_id,
    focus: `Patient/${merge.source_id}`,
    says:
      (changes.length > 0
        ? `Changed since the merge and left as it stands: ${changes.join(', ')}. `
        : '') +
      (since.length > 0
        ? 'What was made since is about the record that remained; look whose it is.'
        : ''),
    about: [...about, ...since.map((reference) => ({ as: 'made-since', reference }))],
  };
}
