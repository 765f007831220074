/**
 * Who shares a key with somebody. Keys that too many share are left out; what remains is bounded, so
 * that ten thousand namesakes cost a page and not a second.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { CountKey, KnownCount } from '../registry/counts.ts';
import type { StoredFeature } from './features.ts';

/** Candidates of one person at most. */
export const CANDIDATES_MAX = 600;

const COLUMNS = 'f.patient_id, f.fhir_id, f.household_id, f.area, f.active, f.replaced_by, f.facts';

/**
 * SQL: whether a record has one of these keys; fresh records and others have an index each.
 *
 * @param keys  SQL of an array
 */
const shares = (keys: string): string =>
  `((f.fresh and f.keys && ${keys}) or (not f.fresh and f.keys && ${keys}))`;

/*
 * Materialised, because a limit beside a condition on an index of arrays leads PostgreSQL to read
 * the whole table in the hope of finding enough soon. Over 1,000,000 rows: one bitmap of the index.
 */
const FIND = statement(
  'duplicates.find-candidates',
  `with asked as materialized (
     select coalesce(array_agg(w.key), '{}') as keys from unnest($1::int4[]) as w(key)
     where not exists (select from match_big_key b where b.key = w.key)),
   found as materialized (
     select ${COLUMNS} from match_feature f where ${shares('(select keys from asked)')})
   select * from found limit ${CANDIDATES_MAX}`,
);

/** Records that share one of these keys. */
export async function findCandidates(
  ctx: Context,
  keys: readonly number[],
): Promise<StoredFeature[]> {
  return ctx.db.query<StoredFeature>(FIND, [keys]);
}

/**
 * SQL: records in use that share a key with each of `asked` (n, id, keys), each once.
 *
 * @param condition  SQL, beginning with and
 * @param limit  SQL: candidates of each at most
 */
const foundOf = (condition: string, limit: number | string): string =>
  `pair as materialized (
     select a.n, c.* from asked a cross join lateral (
       with found as materialized (
         select ${COLUMNS} from match_feature f
         where ${shares('a.keys')} and f.active and f.replaced_by is null ${condition})
       select * from found limit ${limit}) c)
   select array_agg(n) as of, ${COLUMNS} from pair f group by ${COLUMNS}`;

const OF_STORED = statement(
  'duplicates.candidates-of-stored',
  `with asked as materialized (
     select w.n::int4 as n, w.id, array_agg(k.key) as keys
     from unnest($1::bigint[]) with ordinality as w(id, n)
     join match_feature q on q.patient_id = w.id cross join unnest(q.keys) as k(key)
     where not exists (select from match_big_key b where b.key = k.key)
     group by w.n, w.id),
   ${foundOf('and f.patient_id <> a.id', CANDIDATES_MAX)}`,
);

const OF_FAMILY = statement(
  'duplicates.candidates-of-family',
  `with asked as materialized (
     select w.n, array_agg(w.key) as keys from unnest($1::int4[], $2::int4[]) as w(n, key)
     where not exists (select from match_big_key b where b.key = w.key)
     group by w.n),
   ${foundOf('and f.household_id is not null', '$3')}`,
);

/** A record that was found for some of those that were asked about, by their places from 1. */
export interface FoundFeature extends StoredFeature {
  readonly of: readonly number[];
}

/** Of each of so many that were asked about, the places of what was found for it. */
export function placesOf(found: readonly FoundFeature[], asked: number): readonly number[][] {
  const places = Array.from({ length: asked }, (): number[] => []);
  for (const [at, { of }] of found.entries()) for (const place of of) places[place - 1]!.push(at);
  return places;
}

/** Candidates of a family at most, and of each of its members at least so many. */
const FAMILY_MAX = 2_400;
const MEMBER_MIN = 100;

/**
 * Members of households who share a key with one of a family, each once.
 *
 * @param keys  of each member of the family
 */
export async function candidatesOfFamily(
  ctx: Context,
  keys: readonly (readonly number[])[],
): Promise<FoundFeature[]> {
  const pairs = keys.flatMap((each, at) => each.map((key) => [at + 1, key] as const));
  return ctx.db.query<FoundFeature>(OF_FAMILY, [
    pairs.map(([n]) => n),
    pairs.map(([, key]) => key),
    Math.max(MEMBER_MIN, Math.floor(FAMILY_MAX / keys.length)),
  ]);
}

/** Records in use that share a key with one of these records, each once. */
export async function candidatesOfStored(
  ctx: Context,
  patientIds: readonly bigint[],
): Promise<FoundFeature[]> {
  return ctx.db.query<FoundFeature>(OF_STORED, [patientIds]);
}

const CROWDED = statement(
  'duplicates.note-crowded-keys',
  `insert into match_big_key (key, people)
   select w.key, n.people from unnest($1::int4[]) as w(key)
   cross join lateral (select count(*)::int as people from (
     select from match_feature f where ${shares('array[w.key]')} limit $2) f) n
   where n.people > $3
   on conflict (key) do update set people = excluded.people`,
);

/**
 * Notes those of these keys that more than `most` people share.
 *
 * @returns how many
 */
export async function noteCrowded(
  ctx: Context,
  keys: readonly number[],
  most: number,
): Promise<number> {
  return ctx.db.run(CROWDED, [keys, most + 1, most]);
}

const KEYS = statement(
  'duplicates.keys-of-stored',
  'select distinct unnest(keys) as key from match_feature where patient_id = any($1::bigint[])',
);

/** All keys of these records. */
export async function keysOfStored(ctx: Context, patientIds: readonly bigint[]): Promise<number[]> {
  const rows = await ctx.db.query<{ key: number }>(KEYS, [patientIds]);
  return rows.map((row) => row.key);
}

const WEIGHTS = statement(
  'duplicates.weights',
  `select c.kind, c.hash, v.held from unnest($1::int2[], $2::int4[]) as c(kind, hash)
   join match_value v using (kind, hash)
   union all
   (select m.kind, hashtext(o.content), o.model_id::int
    from (values (-1)) m(kind), match_model o where o.accepted order by o.model_id desc limit 1)
   union all
   select -2, null, greatest(reltuples, pg_stat_get_live_tuples(oid), 0)::int from pg_class
   where oid = 'match_feature'::regclass`,
);

interface WeightRow {
  readonly kind: number;
  readonly hash: number;
  readonly held: number | null;
}

const COUNTS = statement(
  'duplicates.counts',
  `select kind, hash, v.held from unnest($1::int2[], $2::int4[]) as c(kind, hash)
   join match_value v using (kind, hash)`,
);

/** Counts by their keys. */
export function readCounts(ctx: Context, wanted: readonly CountKey[]): Promise<KnownCount[]> {
  return ctx.db.query<KnownCount>(COUNTS, columnsOf(wanted));
}

const columnsOf = (wanted: readonly CountKey[]): number[][] => [
  wanted.map(({ kind }) => kind),
  wanted.map(({ hash }) => hash),
];

/** What scores depend on beside the records. */
export interface Weights {
  readonly counts: readonly KnownCount[];
  /** The model in force by its number and a hash of its text; undefined: the shipped one. */
  readonly model: { readonly id: number; readonly hash: number } | undefined;
  /** People in the registry, roughly. */
  readonly people: number;
}

/** Counts by their keys, the model in force and the size of the registry. */
export async function readWeights(ctx: Context, wanted: readonly CountKey[]): Promise<Weights> {
  const rows = await ctx.db.query<WeightRow>(WEIGHTS, columnsOf(wanted));
  const model = rows.find(({ kind }) => kind === -1);
  return {
    counts: rows.flatMap(({ kind, hash, held }) =>
      kind >= 0 && held !== null ? [{ kind, hash, held }] : [],
    ),
    model: model && { id: model.held ?? 0, hash: model.hash },
    people: rows.find(({ kind }) => kind === -2)?.held ?? 0,
  };
}
