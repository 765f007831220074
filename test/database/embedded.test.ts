/**
 * The embedded PostgreSQL survives what happens on real machines: a second start, a killed starter,
 * a half-made data folder.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import pg from 'pg';
import { sharedBuffers, startEmbedded } from '../../src/database/embedded.ts';

const run = promisify(execFile);

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amana-embedded-'));
    await chmod(folder, 0o755);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const isRunning = (): boolean => existsSync(join(folder, 'pg/data/postmaster.pid'));

  it('keeps its data between starts and its password to itself', async () => {
    const first = await startEmbedded(folder);
    await query(first.url, 'create table kept as select 42 as n');
    expect(statSync(join(folder, 'pg/password')).mode & 0o777).to.equal(0o600);
    expect(statSync(join(folder, 'pg')).mode & 0o777).to.equal(0o700);
    await first.leave();
    expect(isRunning()).to.equal(false);
    const second = await startEmbedded(folder);
    expect(await query(second.url, 'select n from kept')).to.deep.equal([{ n: 42 }]);
    await second.leave();
  });

  it('takes memory by what there is, never much of it', () => {
    const gigabytes = [0.5, 2, 8, 16, 24, 512];
    expect(gigabytes.map((each) => sharedBuffers(each * 2 ** 30))).to.deep.equal(
      [128, 128, 512, 1024, 1024, 1024].map((mb) => `shared_buffers=${mb}MB`),
    );
  });

  it('is joined by a second starter', async () => {
    const [first, second] = await Promise.all([startEmbedded(folder), startEmbedded(folder)]);
    expect([first.startedHere, second.startedHere].filter(Boolean)).to.have.length(1);
    expect(first.url).to.equal(second.url);
    await first.leave();
  });

  it('is left running while another process uses it', async () => {
    const first = await startEmbedded(folder);
    const other = new pg.Client({ connectionString: first.url, application_name: 'amana:999999' });
    await other.connect();
    await first.leave();
    expect(isRunning()).to.equal(true);
    await other.end();
    await first.leave();
    expect(isRunning()).to.equal(false);
  });

  it('outlives a killed starter, loses nothing, and is found again', async () => {
    const script = `
      import { startEmbedded } from ${JSON.stringify(join(import.meta.dirname, '../../src/database/embedded.ts'))};
      import pg from 'pg';
      const db = await startEmbedded(${JSON.stringify(folder)});
      const client = new pg.Client({ connectionString: db.url });
      await client.connect();
      await client.query('create table kept as select 7 as n');
      process.kill(process.pid, 'SIGKILL');`;
    await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
    }).catch(() => {});
    expect(isRunning()).to.equal(true);
    const again = await startEmbedded(folder);
    expect(again.startedHere).to.equal(false);
    expect(await query(again.url, 'select n from kept')).to.deep.equal([{ n: 7 }]);
    await again.leave();
  });

  it('recovers after its own processes were killed', async () => {
    const first = await startEmbedded(folder);
    await query(first.url, 'create table kept as select 9 as n');
    const pid = Number(readFileSync(join(folder, 'pg/data/postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    await new Promise((done) => setTimeout(done, 1500));
    const again = await startEmbedded(folder);
    expect(again.startedHere).to.equal(true);
    expect(await query(again.url, 'select n from kept')).to.deep.equal([{ n: 9 }]);
    await again.leave();
  });

  it('starts anew where an initdb was cut short', async () => {
    await mkdir(join(folder, 'pg/data/base'), { recursive: true });
    const first = await startEmbedded(folder);
    expect(await query(first.url, 'select 1 as n')).to.deep.equal([{ n: 1 }]);
    await first.leave();
  });
});
