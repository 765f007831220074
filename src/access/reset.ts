/**
 * A new password for who has lost it, for the operator of the machine: whoever can reach the
 * database needs no other right.
 */

import { createPool } from '../database/connect.ts';
import { startEmbedded } from '../database/embedded.ts';
import { problem } from '../sdk/index.ts';
import { DATA_DIR, DATABASE_URL, type Settings } from '../settings.ts';
import { findLogin, setSecret } from './actors.ts';
import { randomSecret } from './secret.ts';

/**
 * Replaces the password of a login and ends its sessions.
 *
 * @returns the new password
 * @throws Problem not-found when there is no such login
 */
export async function resetPassword(settings: Settings, login: string): Promise<string> {
  const given = settings.get(DATABASE_URL);
  const embedded = given ? undefined : await startEmbedded(settings.get(DATA_DIR));
  const pool = createPool(given ?? embedded!.url, { max: 1 });
  try {
    const found = await findLogin(pool, login);
    if (!found) throw problem('not-found', 'login-unknown', `There is no login "${login}".`);
    const password = randomSecret();
    await setSecret(pool, found.actor_id, password);
    return password;
  } finally {
    await pool.end();
    await embedded?.leave();
  }
}
