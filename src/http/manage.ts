/**
 * Administration of people and programs: `/access/actors`, JSON in and out, permission
 * `access.manage`. Secrets are shown once, when they are made.
 */

import express, { type Request, type Response } from 'express';
import type { Pool } from 'pg';
import { createActor, listActors, type NewActor, setRoles } from '../access/actors.ts';
import type { Authenticator } from '../access/authenticate.ts';
import { randomSecret } from '../access/secret.ts';
import { type Clock, type Problem, permission, problem } from '../sdk/index.ts';

/** Makes and changes actors and their roles. */
export const MANAGE = permission('access.manage', 'makes users and clients and gives roles');

/** Routes of the administration. */
export function manageRoutes(
  pool: Pool,
  clock: Clock,
  authenticator: Authenticator,
): express.Router {
  const router = express.Router();
  const json = express.json({ limit: '64kb' });
  const allowed = async (request: Request): Promise<void> => {
    const { permissions } = await authenticator.actorOf(request.headers.authorization);
    if (permissions.has('*') || permissions.has(MANAGE.name)) return;
    throw problem('forbidden', 'permission-missing', `This needs "${MANAGE.name}".`);
  };
  router.get('/access/actors', async (request: Request, response: Response) => {
    await allowed(request);
    response.json(await listActors(pool));
  });
  router.post('/access/actors', json, async (request: Request, response: Response) => {
    await allowed(request);
    const wanted = checked(request.body);
    const secret = wanted.jwks ? undefined : (wanted.secret ?? randomSecret());
    const id = await createActor(pool, clock, { ...wanted, ...(secret && { secret }) });
    response
      .status(201)
      .json({ actor_id: id, login: wanted.login, ...(!wanted.secret && secret && { secret }) });
  });
  router.put('/access/actors/:id/roles', json, async (request: Request, response: Response) => {
    await allowed(request);
    const roles = request.body as unknown;
    if (!isTexts(roles)) throw bad('Send a list of role names.');
    await setRoles(pool, String(request.params.id), roles);
    authenticator.forget();
    response.status(204).end();
  });
  return router;
}

function checked(body: unknown): NewActor {
  const { kind, name, login, secret, jwks, roles } = (body ?? {}) as Record<string, unknown>;
  if (kind !== 'user' && kind !== 'client') throw bad('kind is "user" or "client".');
  if (typeof name !== 'string' || !name) throw bad('Give a name.');
  if (typeof login !== 'string' || !/^[\w.@-]{3,100}$/.test(login)) {
    throw bad('login has 3 to 100 letters, digits, ".", "@", "_" or "-".');
  }
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < 12)) {
    throw bad('secret has at least 12 characters; leave it out to have one made.');
  }
  if (!isTexts(roles)) throw bad('roles is a list of role names.');
  if (jwks !== undefined && !Array.isArray((jwks as { keys?: unknown }).keys)) {
    throw bad('jwks is a JSON Web Key Set.');
  }
  return { kind, name, login, secret, jwks: jwks as NewActor['jwks'], roles };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function bad(diagnostics: string): Problem {
  return problem('invalid', 'actor-malformed', diagnostics);
}
