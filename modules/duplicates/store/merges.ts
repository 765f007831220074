/**
 * Rows of merges: what was merged, how it is undone, who proposed; and what of payments a merge has
 * to know.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A merge as it is kept. */
export interface MergeRow {
  readonly merge_id: string;
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
     proposed_by, merged_by, merged_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
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

const LATER = statement(
  'duplicates.later-merges',
  `with recursive tree(rid) as (
     select target_rid from merge_record where merge_id = $1
     union
     select m.target_rid from merge_record m join tree t on m.source_rid = t.rid
       where m.state = 'merged'),
   whole(rid) as (
     select rid from tree
     union
     select m.source_rid from merge_record m join whole w on m.target_rid = w.rid
       where m.state = 'merged')
   select m.* from merge_record m
   where m.state = 'merged' and m.target_rid in (select rid from whole)
     and m.key > (select key from merge_record where merge_id = $1)
   order by m.key desc for update of m`,
);

/** Standing merges into the same person that came after this one, the latest first; locked. */
export function laterMerges(ctx: Context, mergeId: string): Promise<MergeRow[]> {
  return ctx.db.query<MergeRow>(LATER, [mergeId]);
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

const TREE = statement(
  'duplicates.tree',
  `with recursive up(rid) as (
     select $1::bigint
     union
     select m.target_rid from merge_record m join up u on m.source_rid = u.rid where m.state = 'merged'),
   whole(rid) as (
     select rid from up
     union
     select m.source_rid from merge_record m join whole w on m.target_rid = w.rid
       where m.state = 'merged')
   select m.* from merge_record m where m.target_rid in (select rid from whole) order by m.key`,
);

/** All merges around a person, undone ones of the same records included, in order. */
export function mergesAround(ctx: Context, rid: bigint): Promise<MergeRow[]> {
  return ctx.db.query<MergeRow>(TREE, [rid]);
}
