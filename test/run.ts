/**
 * `npm test`: the whole suite against real PostgreSQL: the server in DATABASE_URL, else the
 * embedded one, started for the run in a folder of its own and stopped afterwards. Names of test
 * files may be given. Files run side by side in two processes, each with databases of its own. The
 * last line says how many passed, failed and were skipped.
 *
 * Ctrl-C and SIGTERM stop what the run has started: the tests with the processes that they have
 * started (a process group), every database server that lives in the folder of the run, which is
 * also the tests' folder for temporary files, and the folder itself.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { glob, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type EmbeddedDatabase, startEmbedded } from '../src/database/embedded.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'amana-test-'));
// The user that runs the server for root must be able to pass; the data folder itself is closed.
chmodSync(folder, 0o755);
const results = join(folder, 'results.json');
/** Test files that run at once; each house has up to 45 connections of the server's 200. */
const JOBS = 2;
/** Time that tests get to stop what they have started. */
const GRACE_MS = 5000;

interface Results {
  readonly stats: { passes: number; failures: number; pending: number };
}

let interrupted: NodeJS.Signals | undefined;
let mocha: ChildProcess | undefined;

function interrupt(signal: NodeJS.Signals): void {
  interrupted ??= signal;
  if (mocha) kill(mocha, 'SIGTERM');
}
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

/** Signals a process and those it has started. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    child.kill(signal);
  }
}

async function files(): Promise<string[]> {
  const wanted = process.argv.slice(2);
  if (wanted.length > 0) return wanted;
  const found: string[] = [];
  for await (const path of glob('test/**/*.test.ts', { cwd: root })) found.push(path);
  return found.sort();
}

async function runMocha(url: string): Promise<number> {
  const names = await files();
  if (interrupted) return 1;
  const child = spawn(
    process.execPath,
    [
      ...[join(root, 'node_modules/mocha/bin/mocha.js'), '--exit'],
      ...['--parallel', '--jobs', String(JOBS)],
      ...['--reporter', join(root, 'test/support/reporter.cjs'), ...names],
    ],
    {
      cwd: root,
      stdio: 'inherit',
      detached: true,
      env: { ...process.env, DATABASE_URL: url, TEST_RESULTS: results, TMPDIR: folder },
    },
  );
  mocha = child;
  const code = await new Promise<number>((done) => child.once('exit', (end) => done(end ?? 1)));
  if (interrupted) {
    // Processes that the tests had started have been told as well; who does not hear is killed.
    await pause(500);
    kill(child, 'SIGKILL');
  }
  return code;
}

/** Stops servers in the folder of the run that no test has come to stop. */
async function stopServers(): Promise<void> {
  const pids: number[] = [];
  for await (const path of glob('**/postmaster.pid', { cwd: folder })) {
    const pid = Number(readFileSync(join(folder, path), 'utf8').split('\n')[0]);
    if (pid > 0 && tell(pid, 'SIGINT')) pids.push(pid);
  }
  for (let waited = 0; waited < GRACE_MS && pids.some((pid) => tell(pid, 0)); waited += 50) {
    await pause(50);
  }
}

/** True while the process is there. */
function tell(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

let embedded: EmbeddedDatabase | undefined;
let code = 1;
try {
  const given = process.env.DATABASE_URL;
  if (!given) embedded = await startEmbedded(join(folder, 'data'));
  code = await runMocha(given ?? embedded!.url);
  if (!interrupted) {
    const { stats }: Results = JSON.parse(readFileSync(results, 'utf8'));
    process.stdout.write(
      `${stats.passes} passed, ${stats.failures} failed, ${stats.pending} skipped\n`,
    );
  }
} finally {
  if (!interrupted) await embedded?.leave();
  await stopServers();
  await rm(folder, { recursive: true, force: true });
}
process.exit(interrupted ? 1 : code);
