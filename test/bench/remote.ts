/**
 * A house in a process of its own, as clients meet it: server and load do not share a thread. Run as
 * a program it is that server; imported, it starts one.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Pool } from 'undici';
import { joinDatabase } from '../support/database.ts';
import { startTestHouse } from '../support/server.ts';

/** A server to send requests to. */
export interface Remote {
  readonly base: string;
  readonly databaseUrl: string;
  /** Sends a request on one of 16 connections and reads the answer whole. */
  send(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<Sent>;
  /** CPU seconds that the server's process has used. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** An answer. */
export interface Sent {
  readonly status: number;
  readonly text: string;
}

export const CONNECTIONS = 16;

/** Starts the server on a fresh database, or on one that this process has made. */
export async function startRemote(database?: string): Promise<Remote> {
  const child = spawn(process.execPath, [import.meta.filename, ...(database ? [database] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async <Told>(): Promise<Told> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the server of the benchmark has ended');
    return JSON.parse(value) as Told;
  };
  const { base, token, databaseUrl } = await next<Record<string, string>>();
  const url = new URL(base!);
  const pool = new Pool(url.origin, { connections: CONNECTIONS, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' };
  return {
    base: base!,
    databaseUrl: databaseUrl!,
    async send(method, path, body) {
      const answer = await pool.request({
        method,
        path: `${url.pathname}/${path}`,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    },
    async cpuSeconds() {
      child.stdin!.write('cpu\n');
      return (await next<{ cpu: number }>()).cpu;
    },
    async stop() {
      await pool.close();
      await ended(child);
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.stdin!.end('stop\n');
  });
}

async function serve(): Promise<void> {
  const joined = process.argv[2];
  const house = await startTestHouse(joined ? { database: joinDatabase(joined) } : {});
  const tell = (value: object): void => {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  tell({ base: house.base, token: house.token, databaseUrl: house.database.url });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'stop') break;
    const { user, system } = process.cpuUsage();
    tell({ cpu: (user + system) / 1e6 });
  }
  await house.stop();
}

if (process.argv[1] === import.meta.filename) await serve();
