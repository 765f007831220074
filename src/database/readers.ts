/**
 * Readers: further connections that all see one instant of the database, so that several processes
 * share a statement over whole tables, or one reads what another writes.
 *
 * A unit of work never waits for a second connection (`unit-of-work.ts`): readers are connections of
 * their own, outside every pool, and who finds none free does the work alone. A reader that waits for
 * a lock gives up after a while, because PostgreSQL cannot see that the unit waits for its reader.
 *
 * Spec: https://www.postgresql.org/docs/current/functions-admin.html (pg_export_snapshot)
 */

import pg from 'pg';
import type { Database } from '../sdk/index.ts';
import { callerHere, cancel } from './caller.ts';
import { database } from './connect.ts';

/** Readers of one process at once. */
const READERS_MAX = 4;

/** How long a reader waits for a lock, in seconds. */
const LOCK_SECONDS = 30;

const busy = new WeakMap<pg.Pool, number>();

/**
 * Runs `work` with `count` readers, or with none where so many cannot be had at once.
 *
 * @param pool  says where the database is
 * @param main  the transaction whose statements they read beside; not inside a savepoint
 */
export async function withReaders<Result>(
  pool: pg.Pool,
  main: Database,
  count: number,
  work: (readers: readonly Database[]) => Promise<Result>,
): Promise<Result> {
  const before = busy.get(pool) ?? 0;
  if (before + count > READERS_MAX) return work([]);
  busy.set(pool, before + count);
  const clients: pg.Client[] = [];
  try {
    if (!(await connectAll(pool, count, clients))) return await work([]);
    const { snapshot } = await main.one<{ snapshot: string }>(
      'select pg_export_snapshot() as snapshot',
    );
    await Promise.all(clients.map((client) => begin(client, snapshot)));
    const result = await work(clients.map((client) => database(client as pg.PoolClient, false)));
    await Promise.all(clients.splice(0).map((client) => leave(pool, client)));
    return result;
  } finally {
    busy.set(pool, (busy.get(pool) ?? 0) - count);
    for (const client of clients) drop(pool, client);
  }
}

/** False where the server has no connections to spare. */
async function connectAll(pool: pg.Pool, count: number, clients: pg.Client[]): Promise<boolean> {
  for (let n = 0; n < count; n += 1) {
    const client = new pg.Client({ ...pool.options, pipeline: false } as pg.ClientConfig);
    client.on('error', () => {});
    try {
      await client.connect();
    } catch {
      return false;
    }
    clients.push(client);
    callerHere()?.hold(client as pg.PoolClient, pool);
  }
  return true;
}

async function begin(client: pg.Client, snapshot: string): Promise<void> {
  await client.query('begin isolation level repeatable read read only');
  await client.query(`set transaction snapshot '${snapshot}'`);
  await client.query(`set local lock_timeout = '${LOCK_SECONDS}s'`);
}

async function leave(pool: pg.Pool, client: pg.Client): Promise<void> {
  callerHere()?.free(client as pg.PoolClient);
  await client.end().catch(() => drop(pool, client));
}

/** What still runs there is for nobody. */
function drop(pool: pg.Pool, client: pg.Client): void {
  callerHere()?.free(client as pg.PoolClient);
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  cancel(client as pg.PoolClient, pool)
    .catch(() => {})
    .finally(() => connection.stream.destroy());
}
