/**
 * First start: somebody must be able to sign in. Makes the administrator with a random password,
 * shown once, and the client for automation that the settings name.
 */

import type { Pool } from 'pg';
import type { Clock } from '../sdk/index.ts';
import { BOOTSTRAP_CLIENT_ID, BOOTSTRAP_CLIENT_SECRET, type Settings } from '../settings.ts';
import { createActor, isUnclaimed, lockAccess, type Queries } from './actors.ts';
import { randomSecret } from './secret.ts';

/** What the operator must be told once. */
export interface FirstAccess {
  readonly login: string;
  readonly password: string;
  readonly client: string | undefined;
}

/**
 * Makes the first actors of an empty house; undefined when there are actors already. All or
 * nothing, and one process at a time.
 */
export async function bootstrap(
  pool: Pool,
  clock: Clock,
  settings: Settings,
): Promise<FirstAccess | undefined> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await lockAccess(client);
    const found = (await isUnclaimed(client)) ? await claim(client, clock, settings) : undefined;
    await client.query('commit');
    return found;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

async function claim(db: Queries, clock: Clock, settings: Settings): Promise<FirstAccess> {
  const secret = randomSecret();
  const login = 'administrator';
  const roles = ['administrator'];
  await createActor(db, clock, { kind: 'user', name: 'Administrator', login, secret, roles });
  const id = settings.get(BOOTSTRAP_CLIENT_ID);
  const given = settings.get(BOOTSTRAP_CLIENT_SECRET);
  if (id && given) {
    await createActor(db, clock, { kind: 'client', name: id, login: id, secret: given, roles });
  }
  return { login, password: secret, client: id && given ? id : undefined };
}
