/**
 * The test command leaves nothing behind: a run that is interrupted stops its tests, their
 * processes and its database; templates of old migrations go, those of others stay.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import pg from 'pg';
import { freshDatabase, serverUrl } from './support/database.ts';

describe('the test command', function () {
  this.timeout(60_000);
  let folder: string;
  let run: ChildProcess | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amana-run-'));
    await chmod(folder, 0o755);
  });
  afterEach(async () => {
    run?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0) && !isZombie(pid);
    } catch {
      return false;
    }
  };
  const isZombie = (pid: number): boolean => {
    const file = `/proc/${pid}/stat`;
    return existsSync(file) && /^\d+ \(.*\) Z /.test(readFileSync(file, 'utf8'));
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await pause(50);
  };

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`stops its database, its tests and their processes on ${signal}`, async () => {
      const note = join(folder, 'child');
      const file = join(folder, 'hangs.test.ts');
      const mochaPath = createRequire(import.meta.url).resolve('mocha');
      writeFileSync(
        file,
        `import { spawn } from 'node:child_process';
         import { writeFileSync } from 'node:fs';
         import mocha from ${JSON.stringify(mochaPath)};
         mocha.it('hangs', async () => {
           const child = spawn('sleep', ['300']);
           writeFileSync(${JSON.stringify(note)}, String(child.pid));
           await new Promise(() => {});
         });`,
      );
      const { DATABASE_URL: _unset, ...environment } = process.env;
      run = spawn(process.execPath, [join(import.meta.dirname, 'run.ts'), file], {
        env: { ...environment, TMPDIR: folder },
        stdio: 'ignore',
      });
      const ended = new Promise((done) => run!.once('exit', done));
      await until(() => existsSync(note) && readFileSync(note, 'utf8') !== '');
      const child = Number(readFileSync(note, 'utf8'));
      const [pidFile] = globSync(join(folder, 'amana-test-*/**/postmaster.pid'));
      const server = Number(readFileSync(pidFile!, 'utf8').split('\n')[0]);
      expect([isAlive(child), isAlive(server)]).to.deep.equal([true, true]);
      run.kill(signal);
      expect(await ended).to.equal(1);
      await until(() => !isAlive(child) && !isAlive(server));
      expect(readdirSync(folder).filter((name) => name.startsWith('amana-test-'))).to.deep.equal(
        [],
      );
    });
  }

  it('drops templates of old migrations that nobody has cloned for days, and no others', async () => {
    const client = new pg.Client({ connectionString: await serverUrl() });
    await client.connect();
    const names = [
      'amana_template_00000000000000aa',
      'amana_template_00000000000000bb',
      'amana_template_mine',
    ];
    const left = async (): Promise<string[]> =>
      (
        await client.query<{ name: string }>(
          'select datname as name from pg_database where datname = any($1) order by 1',
          [names],
        )
      ).rows.map((row) => row.name);
    const drop = async (): Promise<void> => {
      for (const name of await left()) {
        await client.query(`alter database ${name} is_template false`);
        await client.query(`drop database ${name}`);
      }
    };
    try {
      await drop();
      for (const name of names) {
        await client.query(`create database ${name} template template0 is_template true`);
        await client.query(`comment on database ${name} is 'cloned 2020-01-01'`);
      }
      await client.query(`comment on database ${names[1]} is null`);
      await (await freshDatabase()).drop();
      expect(await left()).to.deep.equal([names[1], names[2]]);
    } finally {
      await drop();
      await client.end();
    }
  });
});
