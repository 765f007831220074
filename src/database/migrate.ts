/**
 * Migrations: plain `.sql` files, `NNNN_<room>_<what>.sql`, in one total order, forward only, run
 * by knex. What one start applies is one transaction: an upgrade happens whole or not at all. Each
 * file begins with the setting that Citus needs (harmless elsewhere). A file that was applied and
 * has since been edited or removed stops the start, because the schema would no longer be what the
 * code was tested with.
 *
 * Several processes may start at once: an advisory lock lets one migrate while the others wait,
 * and goes with the process that holds it, should that be killed.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeWorkerUtils } from 'graphile-worker';
import knex, { type Knex } from 'knex';
import type { Pool } from 'pg';

interface SqlFile {
  readonly name: string;
  readonly sql: string;
  readonly hash: string;
}

/** An applied migration was edited or removed; the message says which. */
export class MigrationChanged extends Error {}

/** A migration failed; nothing of this start's is left. The message says which and why. */
export class MigrationFailed extends Error {}

const TABLE = 'migration';
/** knex tells the console of failures, which are thrown as well. */
const quiet = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** Reads the .sql files of folders in one total order by file name. */
function readFiles(folders: readonly string[]): SqlFile[] {
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .map((name) => {
        const sql = readFileSync(join(folder, name), 'utf8');
        return { name, sql, hash: createHash('sha256').update(sql).digest('hex') };
      }),
  );
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A hash over all migrations; names the template database of the tests. */
export function migrationsHash(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of readFiles(folders)) hash.update(file.name).update(file.hash);
  return hash.digest('hex').slice(0, 16);
}

class SqlSource implements Knex.MigrationSource<SqlFile> {
  readonly #files: readonly SqlFile[];

  constructor(files: readonly SqlFile[]) {
    this.#files = files;
  }

  async getMigrations(): Promise<SqlFile[]> {
    return [...this.#files];
  }

  getMigrationName(file: SqlFile): string {
    return file.name;
  }

  async getMigration(file: SqlFile): Promise<Knex.Migration> {
    return {
      async up(connection) {
        await connection.raw("set local citus.multi_shard_modify_mode to 'sequential'");
        await connection.raw(file.sql.replaceAll('?', '\\?')).catch((error: Error) => {
          throw new MigrationFailed(
            `Migration ${file.name} failed: ${reasonOf(error)}. The schema is as it was before.`,
            { cause: error },
          );
        });
        await connection.raw('insert into migration_hash (name, hash) values (?, ?)', [
          file.name,
          file.hash,
        ]);
      },
      async down() {
        throw new Error('Migrations go forward only; write another one.');
      },
    };
  }
}

/** What PostgreSQL said: knex puts the whole file before it. */
function reasonOf(error: Error): string {
  return error.message.split(' - ').at(-1) ?? error.message;
}

/**
 * Brings the schema up to date: the job queue's own tables, then ours.
 *
 * @returns names of the migrations that were applied now
 * @throws MigrationChanged, MigrationFailed
 */
export async function migrate(
  url: string,
  pool: Pool,
  folders: readonly string[],
): Promise<string[]> {
  const files = readFiles(folders);
  const gate = await pool.connect();
  try {
    await gate.query("select pg_advisory_lock(hashtextextended('amana.migrate', 0))");
    return await migrateAlone(url, pool, files);
  } finally {
    await gate
      .query("select pg_advisory_unlock(hashtextextended('amana.migrate', 0))")
      .finally(() => gate.release());
  }
}

async function migrateAlone(url: string, pool: Pool, files: readonly SqlFile[]): Promise<string[]> {
  await migrateQueue(pool);
  const connection = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 }, log: quiet });
  try {
    await connection.raw(
      `create table if not exists migration_hash (
         name text primary key, hash text not null, applied_at timestamptz not null default now())`,
    );
    await checkApplied(connection, files);
    const [, applied] = await connection.migrate.latest({
      migrationSource: new SqlSource(files),
      tableName: TABLE,
    });
    return applied as string[];
  } finally {
    await connection.destroy();
  }
}

async function migrateQueue(pool: Pool): Promise<void> {
  const utils = await makeWorkerUtils({ pgPool: pool, logger: undefined });
  try {
    await utils.migrate();
  } finally {
    await utils.release();
  }
}

async function checkApplied(connection: Knex, files: readonly SqlFile[]): Promise<void> {
  const { rows } = await connection.raw<{ rows: { name: string; hash: string }[] }>(
    'select name, hash from migration_hash',
  );
  const byName = new Map(files.map((file) => [file.name, file.hash]));
  for (const row of rows) {
    if (byName.get(row.name) === row.hash) continue;
    throw new MigrationChanged(
      `Migration ${row.name} was applied to this database and has since been ` +
        `${byName.has(row.name) ? 'edited' : 'removed'}. Restore it, or use another database.`,
    );
  }
}
