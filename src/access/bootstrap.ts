/**
 * First start: somebody must be able to sign in. Makes the administrator with a random password,
 * shown once, and the client for automation that the settings name.
 */

import type { Pool } from 'pg';
import type { Clock } from '../sdk/index.ts';
import { BOOTSTRAP_CLIENT_ID, BOOTSTRAP_CLIENT_SECRET, type Settings } from '../settings.ts';
import { createActor, isUnclaimed } from './actors.ts';
import { randomSecret } from './secret.ts';

/** What the operator must be told once. */
export interface FirstAccess {
  readonly login: string;
  readonly password: string;
  readonly client: string | undefined;
}

/** Makes the first actors of an empty house; undefined when there are actors already. */
export async function bootstrap(
  pool: Pool,
  clock: Clock,
  settings: Settings,
): Promise<FirstAccess | undefined> {
  if (!(await isUnclaimed(pool))) return undefined;
  const password = randomSecret();
  const login = 'administrator';
  const roles = ['administrator'];
  await createActor(pool, clock, {
    kind: 'user',
    name: 'Administrator',
    login,
    secret: password,
    roles,
  });
  const id = settings.get(BOOTSTRAP_CLIENT_ID);
  const secret = settings.get(BOOTSTRAP_CLIENT_SECRET);
  if (id && secret) {
    await createActor(pool, clock, { kind: 'client', name: id, login: id, secret, roles });
  }
  return { login, password, client: id && secret ? id : undefined };
}
