/**
 * Links between households and pay points. Linking goes in rounds: each household wishes for its
 * best pay point that still has room, each pay point takes as many as it has room for, and those
 * left over wish again. A round is one statement, whatever the number of households.
 *
 * Linkers take turns by an advisory lock, so that a count read is a count kept; the constraint
 * `pay_point_room` stands behind that.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

export type LinkBasis = 'chosen' | 'preferred' | 'same-area' | 'nearest';

/** The link of a household. */
export interface Link {
  readonly pay_point_fhir_id: string;
  readonly basis: LinkBasis;
  readonly distance_metres: number | null;
}

const TAKE_TURNS = statement(
  'pay-points.take-turns',
  `select pg_advisory_xact_lock(hashtextextended('pay-points.link', 0))`,
);

/** Waits for other linkers, until this unit of work ends. */
export async function takeTurns(ctx: Context): Promise<void> {
  await ctx.db.query(TAKE_TURNS);
}

/**
 * $1 households (null: all), $2 metres, $3 now.
 * Metres by the haversine formula on a sphere of 6,371 km, good to half a percent.
 */
const LINK_ROUND = statement(
  'pay-points.link-round',
  `with waiting as materialized (
     select h.household_id, h.area_id, h.preferred_pay_point_id
     from households_household h
     left join pay_point_link l on l.household_id = h.household_id
     where h.active and l.household_id is null
       and ($1::bigint[] is null or h.household_id = any($1::bigint[]))
   ), point as materialized (
     select p.pay_point_id, p.area_id, a.path, p.households_max - p.households_count as room,
            coalesce(p.latitude, a.latitude) as latitude,
            coalesce(p.longitude, a.longitude) as longitude
     from pay_point p left join area a on a.area_id = p.area_id
     where p.active and (p.households_max is null or p.households_count < p.households_max)
   ), choice as materialized (
     select h.area_id, best.pay_point_id, best.metres, best.same
     from (select distinct area_id from waiting where area_id is not null) h
     join area a on a.area_id = h.area_id
     cross join lateral (
       select c.pay_point_id, c.metres, c.same
       from (
         select d.pay_point_id, d.same, d.shared,
                12742000 * asin(sqrt(case when d.chord > 1 then 1 else d.chord end)) as metres
         from (
           select p.pay_point_id, coalesce(p.area_id = a.area_id, false) as same,
                  power(sind((p.latitude - a.latitude) / 2), 2)
                  + cosd(a.latitude) * cosd(p.latitude)
                    * power(sind((p.longitude - a.longitude) / 2), 2) as chord,
                  (select count(*) from unnest(p.path) as up(id)
                   where up.id = any(a.path)) as shared
           from point p) d) c
       where c.same or c.metres <= $2 or (c.metres is null and c.shared > 0)
       order by c.same desc, c.metres nulls last, c.shared desc, c.pay_point_id
       limit 1) best
   ), wish as (
     select w.household_id, w.area_id, p.pay_point_id, p.room,
            case when f.pay_point_id is not null then 'preferred'
                 when c.same then 'same-area' else 'nearest' end as basis,
            case when f.pay_point_id is null then c.metres end as metres,
            row_number() over (
              partition by p.pay_point_id
              order by f.pay_point_id is null, w.household_id) as turn
     from waiting w
     left join point f on f.pay_point_id = w.preferred_pay_point_id
     left join choice c on c.area_id = w.area_id
     join point p on p.pay_point_id = coalesce(f.pay_point_id, c.pay_point_id)
   ), linked as (
     insert into pay_point_link (household_id, pay_point_id, basis, area_id, distance_metres,
       linked_at)
     select household_id, pay_point_id, basis, area_id, round(metres), $3
     from wish where room is null or turn <= room
     returning pay_point_id
   ), counted as (
     update pay_point p set households_count = p.households_count + n.links
     from (select pay_point_id, count(*) as links from linked group by 1) n
     where n.pay_point_id = p.pay_point_id
     returning n.links
   )
   select coalesce(sum(links), 0)::bigint as linked from counted`,
);

/**
 * Links these households (all that have no link, when `households` is null), round by round.
 * The caller has taken turns.
 *
 * @returns how many were linked
 */
export async function linkWaiting(
  ctx: Context,
  households: readonly bigint[] | null,
  distanceMaxMetres: number,
): Promise<bigint> {
  let total = 0n;
  for (;;) {
    const { linked } = await ctx.db.one<{ linked: bigint }>(LINK_ROUND, [
      households,
      distanceMaxMetres,
      ctx.now,
    ]);
    if (linked === 0n) return total;
    total += linked;
  }
}

const COUNT_DOWN = `
  update pay_point p set households_count = p.households_count - n.links
  from (select pay_point_id, count(*) as links from gone group by 1) n
  where n.pay_point_id = p.pay_point_id`;

const UNLINK_STALE = statement(
  'pay-points.unlink-stale',
  `with gone as (
     delete from pay_point_link l
     using unnest($1::bigint[]) as w(household_id)
     left join households_household h on h.household_id = w.household_id
     where l.household_id = w.household_id
       and (h.household_id is null or not h.active
         or (l.basis <> 'chosen'
           and (l.area_id is distinct from h.area_id
             or h.preferred_pay_point_id <> l.pay_point_id)))
     returning l.pay_point_id
   )${COUNT_DOWN}`,
);

/** Undoes links of households that have left, moved, or now prefer another pay point. */
export async function unlinkStale(ctx: Context, households: readonly bigint[]): Promise<void> {
  await ctx.db.run(UNLINK_STALE, [households]);
}

const UNLINK_POINTS = statement(
  'pay-points.unlink-points',
  `with gone as (
     delete from pay_point_link where pay_point_id = any($1::bigint[]) returning pay_point_id
   )${COUNT_DOWN}`,
);

/** Undoes all links to pay points that have closed; answers how many pay points had any. */
export async function unlinkPayPoints(ctx: Context, payPoints: readonly bigint[]): Promise<number> {
  return payPoints.length === 0 ? 0 : ctx.db.run(UNLINK_POINTS, [payPoints]);
}

const UNLINK = statement(
  'pay-points.unlink',
  `with gone as (
     delete from pay_point_link where household_id = $1 returning pay_point_id
   )${COUNT_DOWN}`,
);

const CHOOSE = statement(
  'pay-points.choose',
  `with point as (
     update pay_point set households_count = households_count + 1
     where pay_point_id = $2 and active
       and (households_max is null or households_count < households_max)
     returning pay_point_id
   )
   insert into pay_point_link (household_id, pay_point_id, basis, area_id, linked_at)
   select h.household_id, point.pay_point_id, 'chosen', h.area_id, $3
   from point, households_household h where h.household_id = $1`,
);

/** Links a household to the pay point an officer chose; false when there is no room. */
export async function choosePayPoint(
  ctx: Context,
  household: bigint,
  payPoint: bigint,
): Promise<boolean> {
  await ctx.db.run(UNLINK, [household]);
  return (await ctx.db.run(CHOOSE, [household, payPoint, ctx.now])) === 1;
}

const LINK_OF = statement(
  'pay-points.link-of',
  `select p.fhir_id as pay_point_fhir_id, l.basis, l.distance_metres
   from pay_point_link l join pay_point p on p.pay_point_id = l.pay_point_id
   where l.household_id = $1`,
);

/** The link of a household, if any. */
export async function linkOf(ctx: Context, household: bigint): Promise<Link | undefined> {
  return ctx.db.maybe<Link>(LINK_OF, [household]);
}

const UNLINKED = statement(
  'pay-points.count-unlinked',
  `select count(*) as count
   from households_household h
   left join pay_point_link l on l.household_id = h.household_id
   where h.active and l.household_id is null`,
);

/** Active households without a pay point. */
export async function countUnlinked(ctx: Context): Promise<bigint> {
  return (await ctx.db.one<{ count: bigint }>(UNLINKED)).count;
}
