/**
 * The house as a process of its own over a database of its own, for tests that kill it, starve it,
 * or must see its memory and its log.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getToken } from './server.ts';

const ROOT = join(import.meta.dirname, '../..');
const SECRET = 'a-long-enough-secret';

/** A house that runs as a process. */
export interface HouseProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  /** Token of an administrator client. */
  readonly token: string;
  /** What it has written so far. */
  said(): string;
  /** Bytes of memory that it holds now; 0 where the system does not tell. */
  memory(): number;
  /** Resolves with its exit code or signal. */
  readonly ended: Promise<number | string>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a process and waits until it serves.
 *
 * @param heapMb  memory that it may use for objects; more ends it
 * @throws Error with what it wrote when it does not start
 */
export async function startProcess(
  databaseUrl: string,
  environment: Record<string, string> = {},
  heapMb = 700,
): Promise<HouseProcess> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMb}`, join(ROOT, 'src/main.ts')],
    {
      env: {
        ...process.env,
        ...{ DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'error' },
        ...{ BOOTSTRAP_CLIENT_ID: 'automation', BOOTSTRAP_CLIENT_SECRET: SECRET },
        ...environment,
      },
    },
  );
  let text = '';
  const keep = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let gone = false;
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => {
      gone = true;
      resolve(code ?? signal ?? 'gone');
    });
  });
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  while (!text.includes('Ctrl-C')) {
    if (gone || performance.now() - started > 60_000) {
      if (!gone) await kill();
      throw new Error(`did not start:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const url = /Web\s+(http\S+)\//.exec(text)![1]!;
  return {
    child,
    url,
    port: Number(new URL(url).port),
    token: await getToken(url, 'automation', SECRET),
    said: () => text,
    memory: () => memoryOf(child.pid!),
    ended,
    kill,
  };
}

function memoryOf(pid: number): number {
  try {
    const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
