/**
 * The house as a process of its own, as `npm start` runs it: killed without warning and started
 * again, started twice, stopped by Ctrl-C, and with a port that is taken. Uses the embedded
 * PostgreSQL in a folder of its own.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { getToken } from '../support/server.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLIENT = {
  BOOTSTRAP_CLIENT_ID: 'automation',
  BOOTSTRAP_CLIENT_SECRET: 'a-long-enough-secret',
};

interface Started {
  readonly child: ChildProcess;
  /** Standard output and error so far. */
  readonly said: () => string;
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly ended: Promise<number | string>;
}

describe('the house as a process', function () {
  this.timeout(120_000);
  let folder: string;
  const running = new Set<ChildProcess>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amana-process-'));
    await chmod(folder, 0o755);
  });
  afterEach(async () => {
    for (const child of running) child.kill('SIGTERM');
    await Promise.all([...running].map((child) => new Promise((done) => child.once('exit', done))));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const MAIN = join(ROOT, 'src/main.ts');

  function start(environment: Record<string, string> = {}, ...words: string[]): Started {
    return run(process.execPath, [MAIN, ...words], environment);
  }

  function run(command: string, words: string[], environment: Record<string, string>): Started {
    const { DATABASE_URL: _unset, ...inherited } = process.env;
    const child = spawn(command, words, {
      cwd: folder,
      env: { ...inherited, DATA_DIR: folder, LOG_LEVEL: 'error', ...CLIENT, ...environment },
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    running.add(child);
    const ended = new Promise<number | string>((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        resolve(code ?? signal ?? 'gone');
      });
    });
    return { child, said: () => text, ended };
  }

  async function urlOf(started: Started): Promise<string> {
    for (let tries = 0; tries < 600; tries += 1) {
      const url = /Web\s+(http\S+)\//.exec(started.said())?.[1];
      if (url && started.said().includes('Ctrl-C')) return url;
      if (started.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`did not start:\n${started.said()}`);
  }

  const register = async (url: string, token: string, n: number): Promise<boolean> => {
    const answer = await fetch(`${url}/fhir/R4/Patient`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Patient',
        identifier: [{ system: 'urn:test', value: `person-${n}` }],
      }),
    });
    return answer.status === 201;
  };

  it('shows a password once, keeps all it has confirmed through kill -9, and starts again', async () => {
    const first = start({ PORT: '0' });
    const url = await urlOf(first);
    expect(first.said()).to.match(/Password\s+\w{24}/);
    const token = await getToken(url, 'automation', CLIENT.BOOTSTRAP_CLIENT_SECRET);
    const confirmed: number[] = [];
    let n = 0;
    const write = async (): Promise<void> => {
      for (;;) {
        n += 1;
        const mine = n;
        if (!(await register(url, token, mine).catch(() => false))) return;
        confirmed.push(mine);
      }
    };
    const writers = Array.from({ length: 8 }, write);
    while (confirmed.length < 100) await new Promise((resolve) => setTimeout(resolve, 10));
    first.child.kill('SIGKILL');
    expect(await first.ended).to.equal('SIGKILL');
    await Promise.all(writers);

    const second = start({ PORT: '0' });
    const again = await urlOf(second);
    expect(second.said()).not.to.match(/Password\s+\w{24}/);
    expect(second.said()).to.include('already running: joined');
    const newToken = await getToken(again, 'automation', CLIENT.BOOTSTRAP_CLIENT_SECRET);
    const found = new Set<string>();
    let next: string | undefined = `${again}/fhir/R4/Patient?_count=500&_elements=identifier`;
    while (next) {
      const answer = await fetch(next, { headers: { authorization: `Bearer ${newToken}` } });
      const page = (await answer.json()) as {
        entry?: { resource: { identifier: { value: string }[] } }[];
        link: { relation: string; url: string }[];
      };
      for (const each of page.entry ?? []) found.add(each.resource.identifier[0]!.value);
      next = page.link.find((link) => link.relation === 'next')?.url;
    }
    const lost = confirmed.filter((each) => !found.has(`person-${each}`));
    expect(lost).to.deep.equal([]);
    expect(confirmed.length).to.be.at.least(100);
    second.child.kill('SIGINT');
    expect(await second.ended).to.equal(0);
    expect(second.said()).to.include('Stopped.');
    expect(existsSync(join(folder, 'pg/data/postmaster.pid'))).to.equal(false);
  });

  it('runs twice on one machine over one database, and stops when npm is stopped', async () => {
    const first = start();
    // As npm runs it: in a shell, which a signal ends without a word to what it runs.
    const line = `"${process.execPath}" "${MAIN}"; true`;
    const second = run('sh', ['-c', line], { npm_lifecycle_event: 'start' });
    const urls = await Promise.all([urlOf(first), urlOf(second)]);
    expect(urls[0]).not.to.equal(urls[1]);
    first.child.kill('SIGINT');
    // From the terminal and from npm: one Ctrl-C can arrive twice.
    first.child.kill('SIGINT');
    expect(await first.ended).to.equal(0);
    expect((await fetch(`${urls[1]}/health/ready`)).status).to.equal(200);
    second.child.kill('SIGTERM');
    while (!second.said().includes('Stopped.')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('says that a port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const started = start({ PORT: String(port) });
    expect(await started.ended).to.equal(1);
    expect(started.said().trim()).to.equal(
      `Port ${port} is taken by another program; set PORT to a free one.`,
    );
    other.close();
  });

  it('says what is wrong with its settings and modules, without a stack', async () => {
    const settings = start({ PORT: 'eighty', LOG_LEVEL: 'loud' });
    expect(await settings.ended).to.equal(1);
    expect(settings.said())
      .to.match(/^PORT must be/m)
      .and.match(/^LOG_LEVEL must be/m);
    const missing = start({ MODULES: 'amana-no-such-module' });
    expect(await missing.ended).to.equal(1);
    expect(missing.said()).to.match(/^MODULES names "amana-no-such-module"/);
    expect(settings.said() + missing.said()).not.to.match(/^\s+at /m);
  });

  it('gives a new password to who has lost it', async () => {
    const done = start({}, 'reset-password', 'administrator');
    expect(await done.ended).to.equal(0);
    expect(done.said()).to.match(/New password of administrator: \w{24}/);
    const unknown = start({}, 'reset-password', 'nobody');
    expect(await unknown.ended).to.equal(1);
    expect(unknown.said().trim()).to.equal('There is no login "nobody".');
  });
});
