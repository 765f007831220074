/**
 * Which records a record answers for. Only the record that remains is ever merged again, so that the
 * rows of a merge are those of the replaced record and of what it answered for itself.
 */

import { type Context, idKey, statement } from '../../../src/sdk/index.ts';

const ADD = statement(
  'duplicates.add-aliases',
  `insert into patient_alias (survivor_key, former_key, survivor_rid, former_rid, former_id)
   select $1::uuid, $3::uuid, $2::bigint, $4::bigint, $5::text
   union all
   select $1::uuid, former_key, $2::bigint, former_rid, former_id from patient_alias where survivor_rid = $4::bigint
   on conflict do nothing`,
);

/** A person's record by both of its ids. */
export interface RecordIds {
  readonly rid: bigint;
  readonly id: string;
}

/** The target answers for the source, and for whomever the source answered for. */
export async function addAliases(
  ctx: Context,
  source: RecordIds,
  target: RecordIds,
): Promise<void> {
  await ctx.db.run(ADD, [idKey(target.id), target.rid, idKey(source.id), source.rid, source.id]);
}

const DROP = statement(
  'duplicates.drop-aliases',
  `delete from patient_alias
   where survivor_rid in (select $2::bigint union select survivor_rid from patient_alias where former_rid = $2)
     and former_rid in (select $1::bigint union select former_rid from patient_alias where survivor_rid = $1)`,
);

/** The target, and whoever answers for it, answers for the source no longer. */
export async function dropAliases(ctx: Context, source: bigint, target: bigint): Promise<void> {
  await ctx.db.run(DROP, [source, target]);
}

const FORMERS = statement(
  'duplicates.former-records',
  `select k.id, a.former_id from unnest($1::text[], $2::uuid[]) k(id, key)
   join patient_alias a on a.survivor_key = k.key`,
);

/** FHIR ids of the records that these answer for, by FHIR id. */
export async function formerIds(
  ctx: Pick<Context, 'db'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await ctx.db.query<{ id: string; former_id: string }>(FORMERS, [
    ids,
    ids.map(idKey),
  ]);
  const found = Map.groupBy(rows, (row) => row.id);
  return new Map([...found].map(([id, group]) => [id, group.map((row) => row.former_id)]));
}

const SURVIVORS = statement(
  'duplicates.survivors',
  `select m.source_id, m.target_id from unnest($1::uuid[]) k(key)
   join patient_alias a on a.former_key = k.key
   join merge_record m on m.source_rid = a.former_rid and m.target_rid = a.survivor_rid
     and m.state = 'merged'`,
);

/** Of these people, those who are replaced, each with the record that replaced it. */
export async function replacements(
  ctx: Context,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db.query<{ source_id: string; target_id: string }>(SURVIVORS, [
    ids.map(idKey),
  ]);
  return new Map(rows.map((row) => [row.source_id, row.target_id]));
}
