/**
 * Rows of areas and pay points. An area's path is kept, so that "lives in this district" is one
 * look-up however deep the tree is.
 */

import { type Context, problem, statement } from '../../../src/sdk/index.ts';
import type { AreaFacts, PayPointFacts } from '../location.ts';

export interface AreaWrite {
  readonly rid: bigint;
  readonly version: number;
  readonly facts: AreaFacts;
  readonly parentId: bigint | null;
}

export interface PayPointWrite {
  readonly rid: bigint;
  readonly version: number;
  readonly facts: PayPointFacts;
  readonly providerId: bigint | null;
  readonly areaId: bigint | null;
}

const WRITE_AREAS = statement(
  'pay-points.write-areas',
  `insert into area (area_id, fhir_id, parent_id, name, code, dhis2_uid, latitude, longitude,
     active, version, path)
   select w.*, array[w.area_id]
   from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
     $7::float8[], $8::float8[], $9::boolean[], $10::int[])
     as w(area_id, fhir_id, parent_id, name, code, dhis2_uid, latitude, longitude, active, version)
   on conflict (area_id) do update set
     parent_id = excluded.parent_id, name = excluded.name, code = excluded.code,
     dhis2_uid = excluded.dhis2_uid, latitude = excluded.latitude,
     longitude = excluded.longitude, active = excluded.active, version = excluded.version`,
);

/** Walks down from the changed areas whose parent has not changed, rewriting paths. */
const WRITE_PATHS = statement(
  'pay-points.write-paths',
  `with recursive walk as (
     select a.area_id, coalesce(p.path, array[]::bigint[]) || a.area_id as path,
            a.area_id = any(coalesce(p.path, array[]::bigint[])) as loops
     from area a left join area p on p.area_id = a.parent_id
     where a.area_id = any($1::bigint[])
       and (a.parent_id is null or a.parent_id <> all($1::bigint[]))
     union all
     select a.area_id, w.path || a.area_id, a.area_id = any(w.path)
     from walk w join area a on a.parent_id = w.area_id
     where not w.loops
   ), written as (
     update area a set path = w.path from walk w
     where a.area_id = w.area_id and not w.loops and a.path is distinct from w.path
   )
   select bool_or(loops) as loops,
          count(distinct area_id) filter (where area_id = any($1::bigint[])) as reached
   from walk`,
);

/**
 * Inserts or updates areas and the paths of all below them.
 *
 * @throws Problem `area-loop` when an area would contain itself
 */
export async function writeAreas(ctx: Context, writes: readonly AreaWrite[]): Promise<void> {
  if (writes.length === 0) return;
  const rids = writes.map((write) => write.rid);
  await ctx.db.run(WRITE_AREAS, [
    rids,
    writes.map((write) => write.facts.id),
    writes.map((write) => write.parentId),
    writes.map((write) => write.facts.name),
    writes.map((write) => write.facts.code),
    writes.map((write) => write.facts.dhis2Uid),
    writes.map((write) => write.facts.latitude),
    writes.map((write) => write.facts.longitude),
    writes.map((write) => write.facts.active),
    writes.map((write) => write.version),
  ]);
  const walked = await ctx.db.one<{ loops: boolean | null; reached: bigint }>(WRITE_PATHS, [rids]);
  if (walked.loops || walked.reached < BigInt(writes.length)) {
    throw problem(
      'invariant',
      'area-loop',
      'An area would be part of itself; mend partOf.',
      'Location.partOf',
    );
  }
}

const OVERFULL = statement(
  'pay-points.overfull',
  `select p.fhir_id, p.households_count
   from pay_point p
   join unnest($1::bigint[], $2::int[]) as w(pay_point_id, households_max)
     on w.pay_point_id = p.pay_point_id
   where p.households_count > w.households_max and w.households_max is not null
   limit 1`,
);

const WRITE_PAY_POINTS = statement(
  'pay-points.write',
  `insert into pay_point (pay_point_id, fhir_id, name, provider_id, area_id, latitude, longitude,
     households_max, active, version)
   select *
   from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::float8[],
     $7::float8[], $8::int[], $9::boolean[], $10::int[])
   on conflict (pay_point_id) do update set
     name = excluded.name, provider_id = excluded.provider_id, area_id = excluded.area_id,
     latitude = excluded.latitude, longitude = excluded.longitude,
     households_max = excluded.households_max, active = excluded.active,
     version = excluded.version`,
);

/**
 * Inserts or updates pay points.
 *
 * @throws Problem `pay-point-overfull` when its room falls below the households it has
 */
export async function writePayPoints(
  ctx: Context,
  writes: readonly PayPointWrite[],
): Promise<void> {
  if (writes.length === 0) return;
  const rids = writes.map((write) => write.rid);
  const rooms = writes.map((write) => write.facts.householdsMax);
  const [full] = await ctx.db.query<{ fhir_id: string; households_count: number }>(OVERFULL, [
    rids,
    rooms,
  ]);
  if (full) {
    throw problem(
      'business-rule',
      'pay-point-overfull',
      `Location/${full.fhir_id} serves ${full.households_count} households already; ` +
        'link some of them elsewhere before lowering its room.',
      `Location.extension('households-max')`,
    );
  }
  await ctx.db.run(WRITE_PAY_POINTS, [
    rids,
    writes.map((write) => write.facts.id),
    writes.map((write) => write.facts.name),
    writes.map((write) => write.providerId),
    writes.map((write) => write.areaId),
    writes.map((write) => write.facts.latitude),
    writes.map((write) => write.facts.longitude),
    rooms,
    writes.map((write) => write.facts.active),
    writes.map((write) => write.version),
  ]);
}

const REMOVE_AREAS = statement(
  'pay-points.remove-areas',
  'delete from area where area_id = any($1::bigint[])',
);

const REMOVE_PAY_POINTS = statement(
  'pay-points.remove',
  'delete from pay_point where pay_point_id = any($1::bigint[])',
);

/** Forgets Locations that are areas or pay points no longer; links must have been undone. */
export async function removePlaces(
  ctx: Context,
  places: { readonly areas: readonly bigint[]; readonly payPoints: readonly bigint[] },
): Promise<void> {
  if (places.areas.length > 0) await ctx.db.run(REMOVE_AREAS, [places.areas]);
  if (places.payPoints.length > 0) await ctx.db.run(REMOVE_PAY_POINTS, [places.payPoints]);
}
