/**
 * Databases for tests: a template is migrated once per state of the migrations, and each test file
 * clones it, which costs a tenth of a second. Works on the server that `DATABASE_URL` names; the
 * test command sets it to the embedded one when it is unset.
 */

import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { makePartitions } from '../../src/audit/partitions.ts';
import { createPool, createQueuePool, database } from '../../src/database/connect.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';

const root = join(import.meta.dirname, '../..');

/** Folder of our migrations. */
export const MIGRATIONS = join(root, 'migrations');

/** Where a test's clock begins unless the test says otherwise. */
export const START = '2026-01-15T08:00:00Z';

/** A database of one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  readonly pool: pg.Pool;
  readonly readPool: pg.Pool;
  readonly queuePool: pg.Pool;
  drop(): Promise<void>;
}

let server: Promise<string> | undefined;

/** URL of the server's own database; joins the embedded server when nothing is set. */
export function serverUrl(): Promise<string> {
  server ??= process.env.DATABASE_URL
    ? Promise.resolve(process.env.DATABASE_URL)
    : startEmbedded(join(root, '.data/test')).then((embedded) => embedded.url);
  return server;
}

function withName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function administer<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({
    connectionString: await serverUrl(),
    application_name: `amana:${process.pid}`,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function templateName(): string {
  const hash = createHash('sha256').update(START);
  for (const name of readdirSync(MIGRATIONS).sort()) {
    if (name.endsWith('.sql')) hash.update(name).update(readFileSync(join(MIGRATIONS, name)));
  }
  return `amana_template_${hash.digest('hex').slice(0, 16)}`;
}

async function ensureTemplate(client: pg.Client): Promise<string> {
  const name = templateName();
  await client.query("select pg_advisory_lock(hashtextextended('amana.template', 0))");
  const { rowCount } = await client.query(
    'select 1 from pg_database where datname = $1 and datistemplate',
    [name],
  );
  if (rowCount === 0) {
    await client.query(`drop database if exists ${name}`);
    await client.query(`create database ${name}`);
    const url = withName(await serverUrl(), name);
    const pool = createPool(url, { max: 3 });
    try {
      await migrate(url, pool, [MIGRATIONS]);
      await makeMonths(pool);
    } finally {
      await pool.end();
    }
    await client.query(`alter database ${name} is_template true`);
  }
  await dropOldTemplates(client, name);
  await client.query("select pg_advisory_unlock(hashtextextended('amana.template', 0))");
  return name;
}

/** Days that a template of other migrations is kept for checkouts that may still use it. */
const TEMPLATE_KEPT_DAYS = 2;

/**
 * Drops templates that this file has made for other states of the migrations and nobody has cloned
 * for some days: the day stands in the database's comment, and a template without one is given
 * today's. No other database is touched.
 */
async function dropOldTemplates(client: pg.Client, current: string): Promise<void> {
  const { rows } = await client.query<{
    name: string;
    today: string;
    cloned: boolean;
    old: boolean;
  }>(
    `select name, current_date::text as today, day is not distinct from current_date as cloned,
            coalesce(day < current_date - $1::int, false) as old
     from (
       select datname as name,
              substring(shobj_description(oid, 'pg_database') from '^cloned (.{10})$')::date as day
       from pg_database where datistemplate and datname ~ '^amana_template_[0-9a-f]{16}$') t
     where name = $2 or day is null or day < current_date - $1::int`,
    [TEMPLATE_KEPT_DAYS, current],
  );
  for (const { name, today, cloned, old } of rows) {
    if (old && name !== current) {
      await client.query(`alter database ${name} is_template false`);
      await client.query(`drop database ${name} with (force)`);
    } else if (!cloned) await client.query(`comment on database ${name} is 'cloned ${today}'`);
  }
}

/** The months of the trail about the usual start of a test's clock, so that not each house makes them. */
async function makeMonths(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  await client.query('begin');
  await makePartitions({ db: database(client, false), now: new Date(START) });
  await client.query('commit');
  client.release();
}

/** A new database with the whole schema, or an empty one. Drop it in `after`. */
export async function freshDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const name = `amana_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await administer(async (client) => {
    const template = options.empty ? 'template0' : await ensureTemplate(client);
    await client.query(`create database ${name} template ${template} strategy file_copy`);
  });
  const joined = joinDatabase(withName(await serverUrl(), name));
  return {
    ...joined,
    async drop() {
      await joined.drop();
      await administer((client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** A database that another process has made and will drop. */
export function joinDatabase(url: string): TestDatabase {
  const pool = createPool(url, { max: 20, pipelined: true });
  const readPool = createPool(url, { max: 20, readOnly: true });
  const queuePool = createQueuePool(url, { max: 5 });
  return {
    url,
    name: new URL(url).pathname.slice(1),
    pool,
    readPool,
    queuePool,
    async drop() {
      for (const each of [pool, readPool, queuePool]) if (!each.ended) await each.end();
    },
  };
}
