/**
 * Migrations: applied once whoever starts when, refused when their past was changed, and whole or
 * not at all. Processes are real ones.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MigrationChanged, MigrationFailed, migrate } from '../../src/database/migrate.ts';
import { freshDatabase, MIGRATIONS, type TestDatabase } from '../support/database.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

describe('migrations', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    database = await freshDatabase({ empty: true });
    folder = mkdtempSync(join(tmpdir(), 'amana-migrations-'));
    put('0001_test_one.sql', 'create table one (id int);');
    put('0002_test_two.sql', 'create table two (id int);');
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    await database.drop();
  });

  const put = (name: string, sql: string): void => writeFileSync(join(folder, name), sql);
  const apply = () => migrate(database.url, database.queuePool, [folder]);
  const refusal = (): Promise<Error | undefined> =>
    apply().then(
      () => undefined,
      (error: Error) => error,
    );
  const tables = async (): Promise<string[]> => {
    const { rows } = await database.pool.query<{ name: string }>(
      `select relname::text as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'migration%'
       order by 1`,
    );
    return rows.map((row) => row.name);
  };
  const script = (from: string): string[] => [
    '--input-type=module',
    '-e',
    `import { migrate } from ${JSON.stringify(join(ROOT, 'src/database/migrate.ts'))};
     import { createQueuePool } from ${JSON.stringify(join(ROOT, 'src/database/connect.ts'))};
     const url = process.env.DATABASE_URL;
     const pool = createQueuePool(url, { max: 3 });
     const applied = await migrate(url, pool, [${JSON.stringify(from)}]);
     process.stdout.write(JSON.stringify(applied));
     await pool.end();`,
  ];
  const environment = () => ({ ...process.env, DATABASE_URL: database.url });

  it('are applied once, in the order of their numbers', async () => {
    put('0010_test_three.sql', 'create table three as select count(*) as n from two;');
    expect(await apply()).to.deep.equal([
      '0001_test_one.sql',
      '0002_test_two.sql',
      '0010_test_three.sql',
    ]);
    expect(await apply()).to.deep.equal([]);
  });

  it('of the whole schema are applied once when three processes start on one empty database', async () => {
    const said = await Promise.all(
      [1, 2, 3].map(() =>
        run(process.execPath, script(MIGRATIONS), { env: environment(), cwd: ROOT }),
      ),
    );
    const applied = said.map(({ stdout }) => JSON.parse(stdout) as string[]);
    const sizes = applied.map((names) => names.length).sort((a, b) => b - a);
    expect(sizes[0]).to.be.greaterThan(10);
    expect(sizes.slice(1)).to.deep.equal([0, 0]);
    const { rows } = await database.pool.query('select name from migration_hash order by name');
    expect(rows.map((row) => row.name)).to.deep.equal(applied.flat().sort());
  });

  it('are refused when an applied file was edited, before anything is applied', async () => {
    await apply();
    put('0001_test_one.sql', 'create table one (id bigint);');
    put('0003_test_three.sql', 'create table three (id int);');
    const error = await refusal();
    expect(error).to.be.instanceOf(MigrationChanged);
    expect(error?.message).to.equal(
      'Migration 0001_test_one.sql was applied to this database and has since been edited. ' +
        'Restore it, or use another database.',
    );
    expect(await tables()).to.deep.equal(['one', 'two']);
  });

  it('are refused when an applied file was removed', async () => {
    await apply();
    rmSync(join(folder, '0002_test_two.sql'));
    const error = await refusal();
    expect(error).to.be.instanceOf(MigrationChanged);
    expect(error?.message).to.include('0002_test_two.sql').and.include('removed');
  });

  it('leave the schema as it was when one fails, say which and why, and go on when it is mended', async () => {
    await apply();
    put('0003_test_new.sql', 'create table new (id int);');
    put(
      '0004_test_three.sql',
      `create table three (id int);
       insert into one values (1), (2);
       select 1 / 0;
       create table four (id int);`,
    );
    put('0005_test_five.sql', 'create table five (id int);');
    const error = await refusal();
    expect(error).to.be.instanceOf(MigrationFailed);
    expect(error?.message).to.equal(
      'Migration 0004_test_three.sql failed: division by zero. The schema is as it was before.',
    );
    expect(await tables()).to.deep.equal(['one', 'two']);
    const { rows } = await database.pool.query('select count(*)::int as n from one');
    expect(rows[0].n).to.equal(0);
    put('0004_test_three.sql', 'create table three (id int);');
    expect(await apply()).to.deep.equal([
      '0003_test_new.sql',
      '0004_test_three.sql',
      '0005_test_five.sql',
    ]);
    expect(await tables()).to.deep.equal(['five', 'new', 'one', 'three', 'two']);
  });

  it('go on after a process that was killed in the midst of one', async () => {
    await apply();
    put('0003_test_three.sql', 'create table three (id int); select pg_sleep(3);');
    const child: ChildProcess = spawn(process.execPath, script(folder), {
      env: environment(),
      cwd: ROOT,
      stdio: 'ignore',
    });
    const ended = new Promise((done) => child.once('exit', done));
    const sleeping = async (): Promise<boolean> => {
      const { rowCount } = await database.pool.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event = 'PgSleep'`,
      );
      return (rowCount ?? 0) > 0;
    };
    while (!(await sleeping())) await pause(20);
    child.kill('SIGKILL');
    await ended;
    while (await sleeping()) await pause(50);
    put('0003_test_three.sql', 'create table three (id int);');
    expect(await apply()).to.deep.equal(['0003_test_three.sql']);
    expect(await tables()).to.deep.equal(['one', 'three', 'two']);
  });
});
