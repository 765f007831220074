/**
 * Administration of people and programs: `/access/actors`, JSON in and out, permission
 * `access.manage`. Secrets are shown once, when they are made.
 */

import express, { type Request, type Response } from 'express';
import {
  allPowerful,
  checkAdministratorLeft,
  createActor,
  listActors,
  lockAccess,
  type NewActor,
  type Queries,
  setActive,
  setRoles,
  setSecret,
} from '../access/actors.ts';
import type { Authenticator } from '../access/authenticate.ts';
import { readLimits, setLimits } from '../access/limits.ts';
import { randomSecret } from '../access/secret.ts';
import type { App, UnitOfWork } from '../app.ts';
import { runUnitOfWork } from '../database/unit-of-work.ts';
import { type Actor, type Problem, permission, problem } from '../sdk/index.ts';

/** Makes and changes actors and their roles. */
export const MANAGE = permission('access.manage', 'makes users and clients and gives roles');

/** Work of the administration inside its unit of work. */
type Act = (unit: UnitOfWork, db: Queries, request: Request) => Promise<Result>;
interface Result {
  readonly status: number;
  readonly body?: object;
  /** Id of the actor that was changed, for the trail. */
  readonly actorId?: string;
}

/** Routes of the administration. */
export function manageRoutes(app: App, authenticator: Authenticator): express.Router {
  const router = express.Router();
  const json = express.json({ limit: '64kb', type: () => true });
  const serve = (interaction: string, act: Act) => async (request: Request, response: Response) => {
    const actor = await authenticator.actorOf(request.headers.authorization);
    const requestId = response.locals.requestId as string;
    const { status, body } = await runUnitOfWork(app, actor, { requestId }, async (unit) => {
      unit.demand(MANAGE);
      refuseLimited(actor);
      const result = await act(unit, unit.client!, request);
      if (result.actorId) unit.audit({ action: 'E', interaction, id: result.actorId });
      return result;
    });
    authenticator.forget();
    if (body) response.status(status).json(body);
    else response.status(status).end();
  };
  router.get(
    '/access/actors',
    serve('list-actors', async (_unit, db) => ({ status: 200, body: await listActors(db) })),
  );
  router.post('/access/actors', json, serve('create-actor', create));
  router.put('/access/actors/:id/roles', json, serve('set-roles', changeRoles));
  router.get('/access/actors/:id/limits', serve('read-limits', showLimits));
  router.put('/access/actors/:id/limits', json, serve('set-limits', changeLimits));
  router.put('/access/actors/:id/active', json, serve('set-active', changeActive));
  router.put('/access/actors/:id/secret', json, serve('set-secret', changeSecret));
  return router;
}

const create: Act = async (unit, db, request) => {
  const wanted = checked(request.body);
  await mayGive(unit, db, wanted.roles);
  const secret = wanted.jwks ? undefined : (wanted.secret ?? randomSecret());
  const id = await createActor(db, unit.app.clock, { ...wanted, ...(secret && { secret }) });
  const made = wanted.secret ? undefined : secret;
  return {
    status: 201,
    body: { actor_id: id, login: wanted.login, ...(made && { secret: made }) },
    actorId: id,
  };
};

const changeRoles: Act = async (unit, db, request) => {
  const actorId = String(request.params.id);
  const roles = request.body as unknown;
  if (!isTexts(roles)) throw bad('Send a list of role names.');
  await lockAccess(db);
  await mayGive(unit, db, [...roles, ...(await rolesOf(db, actorId))]);
  await setRoles(db, actorId, roles);
  await checkAdministratorLeft(db);
  return { status: 204, actorId };
};

const showLimits: Act = async (_unit, db, request) => ({
  status: 200,
  body: await readLimits(db, String(request.params.id)),
});

const changeLimits: Act = async (unit, db, request) => {
  const actorId = String(request.params.id);
  const { areas, schemes, ...more } = (request.body ?? {}) as Record<string, unknown>;
  const isList = (value: unknown) => value === undefined || isTexts(value);
  if (!isList(areas) || !isList(schemes) || Object.keys(more).length > 0) {
    throw bad(
      'Send {"areas": [Location ids], "schemes": [InsurancePlan ids]}; both may be left out.',
    );
  }
  await mayGive(unit, db, await rolesOf(db, actorId));
  await setLimits(db, actorId, {
    ...(areas !== undefined && { areas: areas as string[] }),
    ...(schemes !== undefined && { schemes: schemes as string[] }),
  });
  return { status: 204, actorId };
};

const changeActive: Act = async (unit, db, request) => {
  const actorId = String(request.params.id);
  const { active } = (request.body ?? {}) as { active?: unknown };
  if (typeof active !== 'boolean') throw bad('Send {"active": true} or {"active": false}.');
  await lockAccess(db);
  await mayGive(unit, db, await rolesOf(db, actorId));
  await setActive(db, actorId, active);
  await checkAdministratorLeft(db);
  return { status: 204, actorId };
};

const changeSecret: Act = async (unit, db, request) => {
  const actorId = String(request.params.id);
  const { secret } = (request.body ?? {}) as { secret?: unknown };
  checkSecret(secret);
  await mayGive(unit, db, await rolesOf(db, actorId));
  const made = secret ?? randomSecret();
  await setSecret(db, actorId, made);
  return { status: 200, body: secret ? {} : { secret: made }, actorId };
};

async function rolesOf(db: Queries, actorId: string): Promise<readonly string[]> {
  return (await listActors(db)).find((each) => each.actor_id === actorId)?.roles ?? [];
}

/**
 * Whoever is limited could lift the limits: its own, or by making an actor without any.
 *
 * @throws Problem forbidden
 */
function refuseLimited({ reach, scopes, masks }: Actor): void {
  const isLimited = reach.areas !== 'all' || reach.schemes !== 'all' || masks?.length;
  if (!isLimited && !scopes) return;
  throw problem(
    'forbidden',
    'role-above',
    scopes
      ? 'SMART scopes do not speak of actors; use a token that was asked for without them.'
      : 'You are limited yourself (areas, schemes or masked elements), so you give and take nothing.',
  );
}

/** Who may not do everything gives and takes no role that may, nor the secret of one who may. */
async function mayGive(unit: UnitOfWork, db: Queries, roles: readonly string[]): Promise<void> {
  if (unit.actor.permissions.has('*')) return;
  const [role] = await allPowerful(db, roles);
  if (role) {
    throw problem('forbidden', 'role-above', `Only an administrator may deal with "${role}".`);
  }
}

function checked(body: unknown): NewActor {
  const { kind, name, login, secret, jwks, roles } = (body ?? {}) as Record<string, unknown>;
  if (kind !== 'user' && kind !== 'client') throw bad('kind is "user" or "client".');
  if (typeof name !== 'string' || !name) throw bad('Give a name.');
  if (typeof login !== 'string' || !/^[\w.@-]{3,100}$/.test(login)) {
    throw bad('login has 3 to 100 letters, digits, ".", "@", "_" or "-".');
  }
  checkSecret(secret);
  if (!isTexts(roles)) throw bad('roles is a list of role names.');
  if (jwks !== undefined && !Array.isArray((jwks as { keys?: unknown } | null)?.keys)) {
    throw bad('jwks is a JSON Web Key Set.');
  }
  return { kind, name, login, secret, jwks: jwks as NewActor['jwks'], roles };
}

function checkSecret(secret: unknown): asserts secret is string | undefined {
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < 12)) {
    throw bad('secret has at least 12 characters; leave it out to have one made.');
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function bad(diagnostics: string): Problem {
  return problem('invalid', 'actor-malformed', diagnostics);
}
