/**
 * People and programs that may sign in, their roles, and what the roles grant.
 */

import type { Pool } from 'pg';
import { type Actor, type Clock, newUuid, problem } from '../sdk/index.ts';
import { type Limits, masksOf, type Queries, readLimits, resolveReach } from './limits.ts';
import { hashSecret } from './secret.ts';

export type { Queries };

/** An actor as the administration sees it. */
export interface ActorRecord {
  readonly actor_id: string;
  readonly kind: 'user' | 'client';
  readonly name: string;
  readonly login: string;
  readonly active: boolean;
  readonly roles: readonly string[];
}

/** What a new actor is made of. */
export interface NewActor {
  readonly kind: 'user' | 'client';
  readonly name: string;
  readonly login: string;
  /** Password or client secret; undefined for clients that sign with a key. */
  readonly secret?: string;
  /** Public keys of a client that signs its assertions (private_key_jwt). */
  readonly jwks?: { keys: unknown[] };
  readonly roles: readonly string[];
}

const SELECT = `
  select a.actor_id, a.kind, a.name, a.login, a.active,
         coalesce(array_agg(r.role order by r.role) filter (where r.role is not null), '{}') as roles
  from access_actor a left join access_actor_role r using (actor_id)`;

/** Every actor. */
export async function listActors(pool: Queries): Promise<ActorRecord[]> {
  const { rows } = await pool.query<ActorRecord>(`${SELECT} group by a.actor_id order by a.login`);
  return rows;
}

/**
 * Makes an actor with roles, in one statement.
 *
 * @throws Problem duplicate (login), code-invalid (role)
 */
export async function createActor(db: Queries, clock: Clock, actor: NewActor): Promise<string> {
  const id = newUuid(clock.now());
  const hash = actor.secret === undefined ? null : await hashSecret(actor.secret);
  await checkRoles(db, actor.roles);
  const { rowCount } = await db.query(
    `with made as (
       insert into access_actor (actor_id, kind, name, login, secret_hash, jwks)
       values ($1, $2, $3, $4, $5, $6) on conflict (login) do nothing returning actor_id),
     given as (
       insert into access_actor_role select actor_id, role from made, unnest($7::text[]) role
       on conflict do nothing)
     select actor_id from made`,
    [
      ...[id, actor.kind, actor.name, actor.login, hash],
      ...[actor.jwks ? JSON.stringify(actor.jwks) : null, actor.roles],
    ],
  );
  if (!rowCount) {
    throw problem('duplicate', 'login-taken', 'This login is taken; choose another.', 'login');
  }
  return id;
}

async function checkRoles(db: Queries, roles: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ role: string }>(
    'select role from unnest($1::text[]) role where role not in (select role from access_role)',
    [roles],
  );
  if (rows[0]) {
    throw problem('code-invalid', 'role-unknown', `There is no role "${rows[0].role}".`, 'roles');
  }
}

/**
 * Gives an actor exactly these roles.
 *
 * @throws Problem not-found (actor), code-invalid (role)
 */
export async function setRoles(
  db: Queries,
  actorId: string,
  roles: readonly string[],
): Promise<void> {
  await checkRoles(db, roles);
  const { rowCount } = await db.query(
    `with changed as (
       update access_actor set changed_at = now() where actor_id = $1 returning actor_id),
     taken as (
       delete from access_actor_role where actor_id = $1 and role <> all($2::text[])),
     given as (
       insert into access_actor_role select actor_id, role from changed, unnest($2::text[]) role
       on conflict do nothing)
     select from changed`,
    [actorId, roles],
  );
  if (!rowCount) throw unknownActor();
}

/** Lets an actor in or shuts it out; its tokens end with the next reading of roles. */
export async function setActive(db: Queries, actorId: string, active: boolean): Promise<void> {
  const { rowCount } = await db.query(
    'update access_actor set active = $2, changed_at = now() where actor_id = $1',
    [actorId, active],
  );
  if (!rowCount) throw unknownActor();
}

/** Gives an actor a new password or client secret and ends its sessions. */
export async function setSecret(db: Queries, actorId: string, secret: string): Promise<void> {
  const { rowCount } = await db.query(
    `with ended as (
       delete from access_oidc where model in ('Session', 'RefreshToken', 'AuthorizationCode')
         and payload ->> 'accountId' = $1)
     update access_actor set secret_hash = $2, jwks = null, changed_at = now()
     where actor_id = $1`,
    [actorId, await hashSecret(secret)],
  );
  if (!rowCount) throw unknownActor();
}

/** The roles among these that grant everything. */
export async function allPowerful(db: Queries, roles: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ role: string }>(
    `select role from access_role_permission where permission = '*' and role = any($1::text[])`,
    [roles],
  );
  return rows.map((row) => row.role);
}

/** One change of access at a time, so that two administrators cannot shut out each other. */
export async function lockAccess(db: Queries): Promise<void> {
  await db.query(`select pg_advisory_xact_lock(hashtextextended('amana.access', 0))`);
}

/** @throws Problem business-rule when nobody is left who may do everything */
export async function checkAdministratorLeft(db: Queries): Promise<void> {
  const { rowCount } = await db.query(
    `select from access_actor join access_actor_role using (actor_id)
     join access_role_permission using (role) where active and permission = '*' limit 1`,
  );
  if (!rowCount) {
    throw problem(
      'business-rule',
      'last-administrator',
      'Nobody would be left who may do everything; make another administrator first.',
    );
  }
}

function unknownActor() {
  return problem('not-found', 'actor-unknown', 'There is no actor with this id.');
}

/** Credentials of a login; undefined when unknown or inactive. */
export async function findLogin(
  pool: Pool,
  login: string,
): Promise<
  | {
      actor_id: string;
      kind: 'user' | 'client';
      name: string;
      secret_hash: string | null;
      jwks: unknown;
    }
  | undefined
> {
  const { rows } = await pool.query(
    `select actor_id, kind, name, secret_hash, jwks from access_actor
     where login = $1 and active`,
    [login],
  );
  return rows[0];
}

/** True until the first actor exists. */
export async function isUnclaimed(pool: Queries): Promise<boolean> {
  const { rowCount } = await pool.query('select 1 from access_actor limit 1');
  return rowCount === 0;
}

/** The actor behind a login or id, with what its roles grant and what limits it; undefined when inactive. */
export async function loadActor(pool: Queries, idOrLogin: string): Promise<Actor | undefined> {
  const { rows } = await pool.query<{
    actor_id: string;
    kind: 'user' | 'client';
    name: string;
    roles: string[];
  }>(
    `select a.actor_id, a.kind, a.name,
            coalesce(array_agg(r.role) filter (where r.role is not null), '{}') as roles
     from access_actor a
     left join access_actor_role r using (actor_id)
     where (a.actor_id = $1 or a.login = $1) and a.active
     group by a.actor_id`,
    [idOrLogin],
  );
  const row = rows[0];
  if (!row) return undefined;
  return {
    id: row.actor_id,
    kind: row.kind,
    name: row.name,
    ...(await grantsOf(pool, row.roles, await readLimits(pool, row.actor_id))),
  };
}

/** What roles and limits together grant. */
export async function grantsOf(
  pool: Queries,
  roles: readonly string[],
  limits: Limits,
): Promise<Pick<Actor, 'permissions' | 'reach' | 'masks'>> {
  const masks = await masksOf(pool, roles);
  return {
    permissions: await permissionsOf(pool, roles),
    reach: await resolveReach(pool, limits),
    ...(masks.length > 0 && { masks }),
  };
}

/** Permissions of roles. */
async function permissionsOf(
  pool: Queries,
  roles: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ permission: string }>(
    'select distinct permission from access_role_permission where role = any($1::text[])',
    [roles],
  );
  return new Set(rows.map((row) => row.permission));
}
