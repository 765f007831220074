/**
 * `npm test`: the whole suite against real PostgreSQL: the server in DATABASE_URL, else the
 * embedded one, started for the run in a folder of its own and stopped afterwards. Names of test
 * files may be given. The last line says how many passed, failed and were skipped.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { glob, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedDatabase, startEmbedded } from '../src/database/embedded.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'amana-test-'));
const results = join(folder, 'results.json');

interface Results {
  readonly stats: { passes: number; failures: number; pending: number };
}

async function files(): Promise<string[]> {
  const wanted = process.argv.slice(2);
  if (wanted.length > 0) return wanted;
  const found: string[] = [];
  for await (const path of glob('test/**/*.test.ts', { cwd: root })) found.push(path);
  return found.sort();
}

async function runMocha(url: string): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      ...[join(root, 'node_modules/mocha/bin/mocha.js'), '--exit'],
      ...['--reporter', join(root, 'test/support/reporter.cjs'), ...(await files())],
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, DATABASE_URL: url, TEST_RESULTS: results },
    },
  );
  const stop = (): void => void child.kill('SIGINT');
  process.once('SIGINT', stop);
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)));
}

let embedded: EmbeddedDatabase | undefined;
let code = 1;
try {
  const given = process.env.DATABASE_URL;
  if (!given) embedded = await startEmbedded(join(folder, 'data'));
  code = await runMocha(given ?? embedded!.url);
  const { stats }: Results = JSON.parse(readFileSync(results, 'utf8'));
  process.stdout.write(
    `${stats.passes} passed, ${stats.failures} failed, ${stats.pending} skipped\n`,
  );
} finally {
  await embedded?.leave();
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);
