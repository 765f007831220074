/**
 * Secrets that the house made for itself on first start and keeps in the database, so that all its
 * processes share them and a restart keeps cursors and tokens valid.
 */

import type { Pool } from 'pg';

/** The secret of this name; undefined until it has been made. */
export async function readSecret(pool: Pool, name: string): Promise<Buffer | undefined> {
  const { rows } = await pool.query<{ value: Buffer }>(
    'select value from house_secret where name = $1',
    [name],
  );
  return rows[0]?.value;
}

/** Keeps a secret unless another process was first; answers the one that stands. */
export async function keepSecret(pool: Pool, name: string, value: Buffer): Promise<Buffer> {
  await pool.query(
    'insert into house_secret (name, value) values ($1, $2) on conflict do nothing',
    [name, value],
  );
  return (await readSecret(pool, name))!;
}
