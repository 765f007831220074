/**
 * Rows of merges: what was merged, how it is undone, who proposed; and what of payments a merge has
 * to know.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Merged } from '../merge/living.ts';

/** A merge as it is kept. */
export interface MergeRow {
  readonly merge_id: string;
  readonly type: Merged;
  readonly parent_id: string | null;
  readonly key: bigint;
  readonly source_rid: bigint;
  readonly target_rid: bigint;
  readonly source_id: string;
  readonly target_id: string;
  readonly state: 'merged' | 'undone';
  readonly result: string | null;
  readonly merged_by: string;
  readonly merged_at: Date;
  readonly undone_at: Date | null;
}

/** How one resource is undone. */
export interface PatchRow {
  readonly type: string;
  readonly id: string;
  readonly patch: string;
  readonly version_before: number;
  readonly version_after: number;
}

const ENROLMENTS = statement(
  'duplicates.enrolments-of',
  `select fhir_id from schemes_enrolment where household_id = any($1::bigint[])
   and state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended') order by fhir_id`,
);

/** FHIR ids of the live enrolments of households. */
export async function enrolmentsOf(ctx: Context, households: readonly bigint[]): Promise<string[]> {
  if (households.length === 0) return [];
  const rows = await ctx.db.query<{ fhir_id: string }>(ENROLMENTS, [households]);
  return rows.map((row) => row.fhir_id);
}

const INSERT = statement(
  'duplicates.insert-merge',
  `with patches as (
     insert into merge_patch (merge_id, place, type, id, patch, version_before, version_after)
     select $1, place, type, id, patch, version_before, version_after
     from unnest($10::text[], $11::text[], $12::text[], $13::int[], $14::int[])
       with ordinality as x(type, id, patch, version_before, version_after, place))
   insert into merge_record (merge_id, source_rid, target_rid, source_id, target_id, result,
     proposed_by, merged_by, merged_at, type, parent_id)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $15, $16)
   on conflict (source_rid) where state = 'merged' do nothing
   returning merge_id`,
);

/** What a merge is when it is written down. */
export interface NewMerge {
  readonly id: string;
  readonly sourceRid: bigint;
  readonly targetRid: bigint;
  readonly source: string;
  readonly target: string;
  readonly result: string | null;
  readonly proposedBy: string | null;
  /** People, unless said otherwise. */
  readonly type?: Merged;
  /** The merge of households that it is a part of. */
  readonly parent?: string;
}

/** Writes a merge down; false when the source is merged already. */
export async function insertMerge(
  ctx: Context,
  merge: NewMerge,
  patches: readonly PatchRow[],
): Promise<boolean> {
  const rows = await ctx.db.query(INSERT, [
    merge.id,
    merge.sourceRid,
    merge.targetRid,
    merge.source,
    merge.target,
    merge.result,
    merge.proposedBy,
    ctx.actor.id,
    ctx.now,
    ...patchColumns(patches),
    merge.type ?? 'Patient',
    merge.parent ?? null,
  ]);
  return rows.length > 0;
}

function patchColumns(patches: readonly PatchRow[]): unknown[] {
  return [
    patches.map((each) => each.type),
    patches.map((each) => each.id),
    patches.map((each) => each.patch),
    patches.map((each) => each.version_before),
    patches.map((each) => each.version_after),
  ];
}

const DROP_PATCHES = statement(
  'duplicates.drop-patches',
  'delete from merge_patch where merge_id = $1',
);
const ADD_PATCHES = statement(
  'duplicates.add-patches',
  `insert into merge_patch (merge_id, place, type, id, patch, version_before, version_after)
   select $1, place, type, id, patch, version_before, version_after
   from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[])
     with ordinality as x(type, id, patch, version_before, version_after, place)`,
);

/** A merge that stays is written down anew after an earlier one was taken out from below it. */
export async function replacePatches(
  ctx: Context,
  mergeId: string,
  patches: readonly PatchRow[],
): Promise<void> {
  await ctx.db.run(DROP_PATCHES, [mergeId]);
  await ctx.db.run(ADD_PATCHES, [mergeId, ...patchColumns(patches)]);
}

const STANDING = statement(
  'duplicates.standing-merge',
  `select * from merge_record where source_rid = $1 and state = 'merged' for update`,
);

/** The merge by which a record is replaced now, locked. */
export function standingMerge(ctx: Context, sourceRid: bigint): Promise<MergeRow | undefined> {
  return ctx.db.maybe<MergeRow>(STANDING, [sourceRid]);
}

const PARTS = statement(
  'duplicates.parts-of-merge',
  `select * from merge_record where parent_id = $1 and state = 'merged' order by key for update`,
);

/** Merges of members that are parts of a merge of households and stand still, in order; locked. */
export function partsOf(ctx: Context, mergeId: string): Promise<MergeRow[]> {
  return ctx.db.query<MergeRow>(PARTS, [mergeId]);
}

const LATER = statement(
  'duplicates.later-merges',
  `with recursive met(merge_id) as (
     select unnest($1::uuid[])
     union
     select theirs.merge_id from met
     join merge_patch own on own.merge_id = met.merge_id
     join merge_patch theirs on theirs.type = own.type and theirs.id = own.id
     join merge_record m on m.merge_id = theirs.merge_id and m.state = 'merged'
       and m.key > (select key from merge_record where merge_id = $1[1]))
   select m.* from merge_record m
   where m.merge_id in (select merge_id from met) and m.merge_id <> all($1::uuid[])
   order by m.key for update of m`,
);

/**
 * Standing merges that touched the same resources as these or as one that did, and came after the first
 * of these, the earliest first; locked.
 */
export function laterMerges(ctx: Context, mergeIds: readonly string[]): Promise<MergeRow[]> {
  return ctx.db.query<MergeRow>(LATER, [mergeIds]);
}

const PATCHES = statement(
  'duplicates.patches',
  'select type, id, patch, version_before, version_after from merge_patch where merge_id = $1 order by place',
);

/** How a merge is undone. */
export function patchesOf(ctx: Context, mergeId: string): Promise<PatchRow[]> {
  return ctx.db.query<PatchRow>(PATCHES, [mergeId]);
}

const UNDONE = statement(
  'duplicates.merge-undone',
  `update merge_record set state = 'undone', undone_by = $2, undone_at = $3 where merge_id = $1`,
);

/** Notes that a merge was taken back. */
export async function markUndone(ctx: Context, mergeId: string): Promise<void> {
  await ctx.db.run(UNDONE, [mergeId, ctx.actor.id, ctx.now]);
}

const REPLACED_GROUPS = statement(
  'duplicates.replaced-groups',
  `select source_id, target_id from merge_record
   where source_id = any($1::text[]) and type = 'Group' and state = 'merged'`,
);

/** Of these households, those that are replaced, each with the one that replaced it. */
export async function replacedGroups(
  ctx: Context,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db.query<{ source_id: string; target_id: string }>(REPLACED_GROUPS, [ids]);
  return new Map(rows.map((row) => [row.source_id, row.target_id]));
}

const FORMER_GROUPS = statement(
  'duplicates.former-groups',
  `with recursive former(id, former_id, former_rid) as (
     select target_id, source_id, source_rid from merge_record
     where target_id = any($1::text[]) and type = 'Group' and state = 'merged'
     union
     select f.id, m.source_id, m.source_rid from former f
     join merge_record m on m.target_id = f.former_id and m.type = 'Group' and m.state = 'merged')
   select * from former`,
);

/** Households that these answer for, through any number of merges. */
function formersOf(
  ctx: Pick<Context, 'db'>,
  ids: readonly string[],
): Promise<{ id: string; former_id: string; former_rid: bigint }[]> {
  return ctx.db.query(FORMER_GROUPS, [ids]);
}

/** FHIR ids of the households that these answer for, by FHIR id. */
export async function formerGroupIds(
  ctx: Pick<Context, 'db'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = Map.groupBy(await formersOf(ctx, ids), (row) => row.id);
  return new Map([...found].map(([id, group]) => [id, group.map((row) => row.former_id)]));
}

/** rids of the households that one answers for. */
export async function formerGroupRids(ctx: Context, id: string): Promise<bigint[]> {
  return (await formersOf(ctx, [id])).map((row) => row.former_rid);
}
