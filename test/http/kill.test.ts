/**
 * Killed in the middle of transactions, under load: the server as a process (`SIGKILL`), every
 * connection of the database at once, and PostgreSQL itself. Afterwards each transaction is there
 * whole or not at all, what was confirmed is there, what was refused is not; and a server whose
 * database is away answers 503 until it is back.
 */

import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import pg from 'pg';
import { startEmbedded } from '../../src/database/embedded.ts';
import { freshDatabase, serverUrl, type TestDatabase } from '../support/database.ts';
import { type HouseProcess, startProcess } from '../support/process.ts';

const WRITERS = 8;
const MEMBERS = 4;

/** Transactions by what their sender was told. */
interface Told {
  readonly confirmed: string[];
  readonly refused: string[];
  /** No answer, or one that says that nobody knows. */
  readonly unknown: string[];
  readonly statuses: Set<number>;
}

describe('a kill in the middle of transactions', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let house: HouseProcess;

  beforeEach(async () => {
    database = await freshDatabase();
    house = await startProcess(database.url, { LOG_LEVEL: 'silent' });
  });
  afterEach(async () => {
    await house?.kill();
    await database.drop();
  });

  const bundle = (name: string): string =>
    JSON.stringify({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: Array.from({ length: MEMBERS }, (_, index) => ({
        resource: {
          resourceType: 'Patient',
          identifier: [{ system: 'urn:test', value: `${name}-${index}` }],
          name: [{ family: name }],
        },
        request: { method: 'POST', url: 'Patient' },
      })),
    });

  /** Sends transactions until `stop` says so. */
  async function load(stop: () => boolean): Promise<Told> {
    const told: Told = { confirmed: [], refused: [], unknown: [], statuses: new Set() };
    let count = 0;
    const write = async (): Promise<void> => {
      while (!stop()) {
        count += 1;
        const name = `family-${count}`;
        const answer = await fetch(`${house.url}/fhir/R4`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${house.token}`,
            'content-type': 'application/fhir+json',
          },
          body: bundle(name),
        }).catch(() => undefined);
        if (answer) told.statuses.add(answer.status);
        const { status = 0 } = answer ?? {};
        if (status === 200) told.confirmed.push(name);
        else (status === 503 || status === 401 ? told.refused : told.unknown).push(name);
        if (answer?.status === 503) expect(answer.headers.get('retry-after')).to.equal('1');
        const said = await answer?.text().catch(() => undefined);
        if (status === 500) expect(said).to.include('did not confirm the change');
        if (status !== 200) await pause(20);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    return told;
  }

  /** Compares what was told with what is there. */
  async function check(told: Told, pool: Pick<pg.Pool, 'query'> = database.pool): Promise<void> {
    const { rows } = await pool.query<{ name: string; members: number }>(
      `select content::json -> 'name' -> 0 ->> 'family' as name, count(*)::int as members
       from resource where not deleted and content like '%urn:test%' group by 1`,
    );
    const there = new Set(rows.map((each) => each.name));
    expect(rows.filter((each) => each.members !== MEMBERS)).to.deep.equal([]);
    expect(told.confirmed.filter((each) => !there.has(each))).to.deep.equal([]);
    expect(told.refused.filter((each) => there.has(each))).to.deep.equal([]);
    expect(told.confirmed.length).to.be.at.least(10);
  }

  it('of the server leaves all or nothing, and it starts again', async () => {
    let killed = false;
    const loading = load(() => killed);
    await pause(2000);
    await house.kill('SIGKILL');
    killed = true;
    await check(await loading);
    house = await startProcess(database.url, { LOG_LEVEL: 'silent' });
    expect((await fetch(`${house.url}/health/ready`)).status).to.equal(200);
  });

  it('of the database leaves all or nothing, is answered 503, and the server goes on', async () => {
    const operator = new pg.Client({ connectionString: await serverUrl() });
    await operator.connect();
    let ended = false;
    const loading = load(() => ended);
    try {
      await pause(1500);
      for (let times = 0; times < 3; times += 1) {
        await operator.query(`alter database ${database.name} allow_connections false`);
        await operator.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
          [database.name],
        );
        await pause(500);
        expect((await fetch(`${house.url}/health/ready`)).status).to.equal(503);
        await operator.query(`alter database ${database.name} allow_connections true`);
        await pause(500);
      }
    } finally {
      await operator.query(`alter database ${database.name} allow_connections true`);
      await operator.end();
      ended = true;
    }
    const told = await loading;
    expect(house.child.exitCode, house.said()).to.equal(null);
    expect((await fetch(`${house.url}/health/ready`)).status).to.equal(200);
    expect([...told.statuses]).to.include(503);
    await check(told);
  });

  it('of PostgreSQL and the server leaves all or nothing, and both come up again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'amana-kill-'));
    await chmod(folder, 0o755);
    await house.kill();
    house = await startProcess('', { LOG_LEVEL: 'silent', DATA_DIR: folder });
    const postmaster = async (): Promise<number> =>
      Number((await readFile(join(folder, 'pg/data/postmaster.pid'), 'utf8')).split('\n')[0]);
    try {
      let killed = false;
      const loading = load(() => killed);
      await pause(3000);
      process.kill(await postmaster(), 'SIGKILL');
      await pause(300);
      await house.kill('SIGKILL');
      killed = true;
      const told = await loading;
      house = await startProcess('', { LOG_LEVEL: 'silent', DATA_DIR: folder });
      expect((await fetch(`${house.url}/health/ready`)).status).to.equal(200);
      const embedded = await startEmbedded(folder);
      const client = new pg.Client({ connectionString: embedded.url });
      await client.connect();
      try {
        await check(told, client as unknown as pg.Pool);
      } finally {
        await client.end();
        await embedded.leave();
      }
    } finally {
      await house.kill('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    }
  });
});
