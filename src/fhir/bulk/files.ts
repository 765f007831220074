/**
 * The files of bulk jobs, in a folder for each job (and within it one for each try, so that a job
 * which is begun again never mixes two). Several machines need one shared data directory.
 */

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import type { App } from '../../app.ts';
import { isUuid, Problem, problem } from '../../sdk/index.ts';
import { DATA_DIR } from '../../settings.ts';

/** The folder of a job. */
export function folderOf(app: App, job: string): string {
  return join(resolve(app.settings.get(DATA_DIR)), 'bulk', job);
}

/** Bytes that bulk files leave free on their disk, for the database may stand on the same one. */
const FREE_MIN_BYTES = 512 * 1024 * 1024;

/**
 * Whether there is room for files.
 *
 * @param bytes  that are known to come
 * @throws Problem transient (503) when the disk is nearly full
 */
export async function checkDisk(app: App, bytes = 0): Promise<void> {
  const root = resolve(app.settings.get(DATA_DIR));
  await mkdir(root, { recursive: true });
  const { bavail, bsize } = await statfs(root);
  if (bavail * bsize >= FREE_MIN_BYTES + bytes) return;
  const says =
    'The disk of the server is nearly full; end bulk jobs whose files you have (DELETE).';
  const { issues } = problem('transient', 'disk-full', says);
  throw new Problem(issues, { headers: { 'retry-after': '600' } });
}

/** Removes all files of a job. */
export async function removeFiles(app: App, job: string): Promise<void> {
  await rm(folderOf(app, job), { recursive: true, force: true });
}

/** Ids of the jobs that have a folder which nobody has touched since an instant. */
export async function foldersBefore(app: App, before: Date): Promise<string[]> {
  const root = join(folderOf(app, '.'));
  const names = await readdir(root).catch(() => []);
  const old: string[] = [];
  for (const name of names) {
    const found = await stat(join(root, name)).catch(() => undefined);
    if (found && found.mtime < before && isUuid(name)) old.push(name);
  }
  return old;
}

/** A file of an export: its name, and how many resources it holds. */
export interface FileEntry {
  readonly type: string;
  readonly name: string;
  readonly count: number;
}

/** Writes lines of one kind into files of limited size. */
export class LineFiles {
  readonly #folder: string;
  readonly #type: string;
  readonly #linesMax: number;
  #stream: WriteStream | undefined;
  #atLineEnd = true;
  #entries: { type: string; name: string; count: number }[] = [];

  constructor(folder: string, type: string, linesMax: number) {
    this.#folder = folder;
    this.#type = type;
    this.#linesMax = linesMax;
  }

  /** Adds lines without a line break at the end. */
  async add(lines: string, count: number): Promise<void> {
    const last = this.#entries.at(-1);
    if (!this.#stream || (last && last.count >= this.#linesMax)) await this.#open();
    const stream = this.#stream!;
    this.#entries.at(-1)!.count += count;
    stream.write(lines);
    if (!stream.write('\n')) await once(stream, 'drain');
  }

  /** Adds bytes in which every line ends with a line break; answers how many lines ended. */
  async addBytes(bytes: Buffer): Promise<number> {
    const last = this.#entries.at(-1);
    const isFull = this.#atLineEnd && last !== undefined && last.count >= this.#linesMax;
    if (!this.#stream || isFull) await this.#open();
    const count = linesIn(bytes);
    this.#entries.at(-1)!.count += count;
    this.#atLineEnd = bytes[bytes.length - 1] === BREAK;
    if (!this.#stream!.write(bytes)) await once(this.#stream!, 'drain');
    return count;
  }

  /** The files, all of them written to the disk. */
  async close(): Promise<readonly FileEntry[]> {
    await this.#end();
    return this.#entries;
  }

  async #open(): Promise<void> {
    await this.#end();
    await mkdir(this.#folder, { recursive: true });
    const name = `${this.#type}-${this.#entries.length + 1}.ndjson`;
    this.#stream = createWriteStream(join(this.#folder, name), {
      flags: 'wx',
      flush: true,
      highWaterMark: 1024 * 1024,
    });
    this.#entries.push({ type: this.#type, name, count: 0 });
  }

  async #end(): Promise<void> {
    if (!this.#stream) return;
    this.#stream.end();
    await finished(this.#stream);
    this.#stream = undefined;
  }
}

const BREAK = 10;

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(BREAK); at >= 0; at = bytes.indexOf(BREAK, at + 1)) count += 1;
  return count;
}
