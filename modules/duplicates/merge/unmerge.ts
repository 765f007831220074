/**
 * Takes a merge back: two records again, each with what it had; what was changed since is left and
 * listed, and so is what was made since, for nobody but people can tell whose it is.
 */

import type { Bundle, Group, GroupMember, Patient, Resource } from '@medplum/fhirtypes';
import { type Context, localId, Problem, problem } from '../../../src/sdk/index.ts';
import { isHousehold } from '../../households/index.ts';
import { restoreEnrolments } from '../../schemes/index.ts';
import { dropAliases } from '../store/aliases.ts';
import { homesOf } from '../store/households.ts';
import {
  enrolmentsOf,
  laterMerges,
  type MergeRow,
  markUndone,
  partsOf,
  patchesOf,
  replacePatches,
  standingMerge,
} from '../store/merges.ts';
import { caseTask, createEntry, provenance, updateEntry, writeAll } from './cases.ts';
import { gather, versionOf } from './gather.ts';
import { householdOf, liveScheme, rowOf } from './household.ts';
import { isAboutRecords, refersTo } from './living.ts';
import { localPart } from './merge.ts';
import { type Body, type Patch, readPatch, same } from './patch.ts';
import type { World } from './plan.ts';
import { type Layer, type Left, meeting, replay } from './replay.ts';

/** What taking back would come to, or came to. */
export interface Unmerge {
  /** The merge that was asked for, and, of households, those of their members. */
  readonly merges: readonly [MergeRow, ...MergeRow[]];
  readonly current: World;
  readonly world: World;
  readonly left: readonly Left[];
  /** Resources about the record that were made or changed since, as `Type/id`. */
  readonly since: readonly string[];
  readonly later: readonly {
    readonly row: MergeRow;
    readonly patches: ReadonlyMap<string, Patch>;
  }[];
}

/** @throws Problem merge-none (422) when the record is not replaced by a merge of here */
export async function prepareUnmerge(ctx: Context, source: Patient | Group): Promise<Unmerge> {
  const type = source.resourceType;
  const rid = (await ctx.fhir.rids(type, [source.id!])).get(source.id!)!;
  const merge = await standingMerge(ctx, rid);
  if (!merge) {
    const says = `${type}/${source.id} is not replaced by a merge that was done here.`;
    throw problem('business-rule', 'merge-none', says, `source-${type.toLowerCase()}`);
  }
  const merges = [merge, ...(await partsOf(ctx, merge.merge_id))] as [MergeRow, ...MergeRow[]];
  const own: Layer[] = [];
  for (const row of merges) own.push(await layerOf(ctx, row));
  const layers = [];
  const ids = merges.map(({ merge_id }) => merge_id);
  for (const row of await laterMerges(ctx, ids)) layers.push({ ...(await layerOf(ctx, row)), row });
  const met = meeting(own, layers);
  const keys = new Set([...own, ...met].flatMap(({ patches }) => [...patches.keys()]));
  const current = new Map([...(await around(ctx, met)), ...(await readAll(ctx, [...keys]))]);
  const done = replay(current, own, met, ctx.now.toISOString().slice(0, 10));
  const world = new Map(done.world);
  const taken = await takenEnrolments(ctx, current, world);
  for (const key of taken) world.set(key, current.get(key)!);
  const elsewhere = await takenMembers(ctx, current, world);
  for (const [key, body] of elsewhere) world.set(key, body);
  return {
    merges,
    current,
    world,
    left: [
      ...done.left,
      ...taken.map((key) => ({ key, path: 'status' })),
      ...[...elsewhere.keys()].map((key) => ({ key, path: 'member' })),
    ],
    since: await madeSince(ctx, merges, keys),
    later: met.map(({ row }, index) => ({ row, patches: done.later[index]! })),
  };
}

/** What the merges that are done again look at. */
function around(ctx: Context, met: readonly Layer[]): Promise<Map<string, Body>> {
  const of = (type: Layer['type']): string[] => [
    ...new Set(
      met.filter((each) => each.type === type).flatMap((each) => [each.source, each.target]),
    ),
  ];
  return gather(ctx, of('Patient'), of('Group'));
}

async function layerOf(ctx: Context, row: MergeRow): Promise<Layer> {
  const patches = await patchesOf(ctx, row.merge_id);
  return {
    type: row.type,
    id: row.merge_id,
    order: Number(row.key),
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
      const other = world.get(`Coverage/${id}`) ?? (await ctx.fhir.read('Coverage', id));
      if (`Coverage/${id}` !== key && liveScheme(other as never) === scheme) taken.push(key);
    }
  }
  return taken;
}

/**
 * Households whose former members live elsewhere by now: nobody is fetched back from where they have gone.
 *
 * @returns those households, with the rows of such members left as they are
 */
async function takenMembers(
  ctx: Context,
  current: World,
  world: World,
): Promise<Map<string, Body>> {
  const today = ctx.now.toISOString().slice(0, 10);
  const runs = (body: Body | undefined, id: string): boolean =>
    body !== undefined && rowOf(body as never, id, today) !== undefined;
  const returning = [...world].flatMap(([key, body]) => {
    const before = current.get(key);
    if (body.resourceType !== 'Group' || !isHousehold(body as never) || same(body, before))
      return [];
    return ((body.member ?? []) as GroupMember[])
      .flatMap(({ entity }) => localId(entity?.reference, 'Patient') ?? [])
      .filter((id) => runs(body, id) && !runs(before, id))
      .map((id) => ({ key, id }));
  });
  const homes = await homesOf(
    ctx,
    returning.map(({ id }) => id),
  );
  const kept = new Map<string, Body>();
  for (const { key, id } of returning) {
    const home = homes.get(id);
    if (home === undefined || home === key) continue;
    if (world.has(home) && !runs(world.get(home), id)) continue;
    kept.set(key, withRowsOf(kept.get(key) ?? world.get(key)!, current.get(key), id));
  }
  return kept;
}

/** The household with its rows of a person as they are now. */
function withRowsOf(body: Body, now: Body | undefined, id: string): Body {
  const isTheirs = ({ entity }: GroupMember): boolean => refersTo(entity, id);
  const rows = ((now?.member ?? []) as GroupMember[]).filter(isTheirs);
  const member = ((body.member ?? []) as GroupMember[]).flatMap((each) =>
    isTheirs(each) ? (rows.shift() ?? []) : [each],
  );
  return { ...body, member: [...member, ...rows] };
}

const SINCE_MAX = 200;
const SPEAKS_OF_RECORDS = new Set(['Provenance', 'AuditEvent', 'Linkage']);

/** What is about the records that remained and has come since; at most 200 of each, the latest first. */
async function madeSince(
  ctx: Context,
  merges: readonly MergeRow[],
  touched: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const { type, target_id, merged_at } of merges) {
    const since = `_lastUpdated=ge${merged_at.toISOString()}&_sort=-_lastUpdated&_count=${SINCE_MAX}`;
    const queries =
      type === 'Patient'
        ? [[`Patient/${target_id}/*`, since]]
        : ['Flag', 'Task'].map((each) => [each, `subject=Group/${target_id}&${since}`]);
    for (const [path, query] of queries) {
      const page: Bundle<Resource> = await ctx.fhir.search(path as 'Patient', query!);
      found.push(
        ...(page.entry ?? [])
          .flatMap(({ resource }) => resource ?? [])
          .filter(
            (each) => !SPEAKS_OF_RECORDS.has(each.resourceType) && !isAboutRecords(each as never),
          )
          .map(({ resourceType, id }) => `${resourceType}/${id}`),
      );
    }
  }
  return [...new Set(found)].filter((key) => !touched.has(key));
}

/** What was written. */
export interface Unmerged {
  readonly tasks: readonly string[];
  readonly restored: number;
}

/** Writes what was prepared, onto the versions that were read. */
export async function unmerge(ctx: Context, prepared: Unmerge): Promise<Unmerged> {
  const { merges, current, world, left, since, later } = prepared;
  const [merge] = merges;
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
  for (const row of merges) {
    await markUndone(ctx, row.merge_id);
    if (row.type === 'Patient') await dropAliases(ctx, row.source_rid, row.target_rid);
  }
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
    focus: `${merge.type}/${merge.source_id}`,
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
