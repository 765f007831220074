/**
 * What limits an actor beside roles: areas and schemes it reaches, elements kept from it.
 *
 * An area stands for all areas below it (`Location.partOf`). A limit that names what does not exist
 * limits to nothing: a fault in it must not open the register.
 */

import type { Pool } from 'pg';
import { paramKey } from '../fhir/definitions/hash.ts';
import { typeNumber } from '../fhir/definitions/resource-types.ts';
import { idKey, problem, type Reach } from '../sdk/index.ts';

/** A pool, or the connection of a unit of work. */
export type Queries = Pick<Pool, 'query'>;

/** Limits as they are administered: FHIR ids. An absent list does not limit. */
export interface Limits {
  /** Location ids. */
  readonly areas?: readonly string[];
  /** InsurancePlan ids. */
  readonly schemes?: readonly string[];
}

/** The limits of an actor, as administered. */
export async function readLimits(pool: Queries, actorId: string): Promise<Limits> {
  const { rows } = await pool.query<{ limits: 'areas' | 'schemes'; ids: string[] }>(
    `select limits, array_agg(fhir_id order by fhir_id) as ids from access_reach
     where actor_id = $1 group by limits`,
    [actorId],
  );
  return Object.fromEntries(rows.map((row) => [row.limits, row.ids]));
}

/**
 * Gives an actor exactly these limits.
 *
 * @throws Problem not-found (actor), invalid (an empty list: it would mean no limit at all)
 */
export async function setLimits(db: Queries, actorId: string, limits: Limits): Promise<void> {
  const given = (['areas', 'schemes'] as const).filter((kind) => limits[kind] !== undefined);
  for (const kind of given) {
    if (limits[kind]!.length > 0) continue;
    throw problem(
      'invalid',
      'limits-malformed',
      `An empty list of ${kind} would limit to nothing; leave "${kind}" out for no limit.`,
      kind,
    );
  }
  const { rowCount } = await db.query(
    'update access_actor set changed_at = now() where actor_id = $1',
    [actorId],
  );
  if (!rowCount) throw problem('not-found', 'actor-unknown', 'There is no actor with this id.');
  await db.query('delete from access_reach where actor_id = $1', [actorId]);
  await db.query(
    `insert into access_reach (actor_id, limits, fhir_id)
     select distinct $1, l, i from unnest($2::text[], $3::text[]) x(l, i)`,
    [
      actorId,
      given.flatMap((kind) => limits[kind]!.map(() => kind)),
      given.flatMap((kind) => limits[kind]!),
    ],
  );
}

/** Limits as rids, with all areas below the named ones. */
export async function resolveReach(pool: Queries, limits: Limits): Promise<Reach> {
  return {
    areas: limits.areas ? await areasBelow(pool, limits.areas) : 'all',
    schemes: limits.schemes ? await schemesNamed(pool, limits.schemes) : 'all',
  };
}

async function areasBelow(pool: Queries, ids: readonly string[]): Promise<readonly bigint[]> {
  const type = typeNumber('Location');
  const { rows } = await pool.query<{ rid: bigint }>(
    `with recursive below as (
       select rid, id from resource
       where type = ${type} and id = any($1::uuid[]) and not deleted
       union
       select r.rid, r.id from below b
       join ref x on x.target = b.id and x.param = $2
       join resource r on r.rid = x.rid and r.type = ${type} and not r.deleted)
     select rid from below order by rid`,
    [ids.map(idKey), paramKey('Location', 'partof')],
  );
  return rows.map((row) => row.rid);
}

async function schemesNamed(pool: Queries, ids: readonly string[]): Promise<readonly bigint[]> {
  const { rows } = await pool.query<{ rid: bigint }>(
    `select rid from resource
     where type = ${typeNumber('InsurancePlan')} and id = any($1::uuid[]) and not deleted
     order by rid`,
    [ids.map(idKey)],
  );
  return rows.map((row) => row.rid);
}

/**
 * Elements that none of the roles shows: each role that reads the element's type masks it.
 *
 * @param roles  names of the actor's roles
 */
export async function masksOf(pool: Queries, roles: readonly string[]): Promise<readonly string[]> {
  const { rows } = await pool.query<{ path: string }>(
    `with reading as (
       select distinct m.path, r.role, k.path is not null as masked
       from (select distinct path from access_mask where role = any($1::text[])) m
       join access_role_permission r on r.role = any($1::text[])
         and r.permission in ('*', '*.read', split_part(m.path, '.', 1) || '.read')
       left join access_mask k on k.role = r.role and k.path = m.path)
     select path from reading group by path having bool_and(masked) order by path`,
    [roles],
  );
  return rows.map((row) => row.path);
}
