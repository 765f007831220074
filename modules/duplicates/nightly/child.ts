/**
 * Starts the process of a run over everybody and speaks with it: bytes in, bytes out, so that the
 * house itself has next to nothing to do.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Findings, Order } from './everybody.ts';

/** Memory that the process may take for what is no array: a million people take a third of it. */
const MEMORY_MB = 4_096;
/** What serves people and payments comes first; a small registry is done before anybody minds. */
const NICENESS_SMALL = 10;
const NICENESS = 19;
/** Bytes of some twenty thousand people. */
const SMALL_BYTES = 4 * 1024 * 1024;

const NEWLINE = 10;

/** What was found in short, and what it took. */
export interface Told extends Findings {
  /** CPU seconds. */
  readonly seconds: number;
  /** Most memory, in megabytes. */
  readonly memory: number;
}

/** A run under way in a process of its own. */
export class RunElsewhere {
  readonly #child: ChildProcess;
  readonly #told: Promise<Told>;
  #output: AsyncIterator<Buffer> | undefined;
  #rest: Buffer | undefined;
  #bytes = 0;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'process.ts'), [], {
      execPath: process.execPath,
      execArgv: [
        `--max-old-space-size=${MEMORY_MB}`,
        ...['--permission', '--allow-fs-read=*', '--allow-worker'],
      ],
      env: {},
      serialization: 'advanced',
      stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
    });
    this.#told = new Promise((resolve, reject) => {
      this.#child.once('message', (told: Told) => resolve(told));
      this.#child.once('error', reject);
      this.#child.once('exit', (code) => reject(new Error(`the run ended with ${code}`)));
    });
    this.#told.catch(() => {}); // awaited in `found`
    this.#input.on('error', () => {}); // the process has ended, which `found` says
    // When a process ends, Node throws away what it has said to nobody; to a listener it keeps it.
    this.#child.stdout!.on('readable', () => {});
  }

  get #input(): Writable {
    return this.#child.stdin!;
  }

  /** Says by what everybody is compared; first of all. */
  begin(order: Order): Promise<void> {
    this.#giveWay();
    return new Promise((resolve, reject) => {
      this.#child.send(order, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Hands over records, as bytes of COPY; waits while the process is busy with earlier ones. */
  async tell(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#input.write(bytes)) return;
    await Promise.race([once(this.#input, 'drain'), this.#told]);
  }

  /** What was found among all that were handed over. */
  async found(): Promise<Told> {
    this.#input.end();
    this.#giveWay();
    const told = await this.#told;
    this.#output = (this.#child.stdout as Readable)[Symbol.asyncIterator]();
    return told;
  }

  /**
   * The next lines of what was found, up to an empty one; after `found`.
   *
   * @throws Error when the process ended before it
   */
  async *lines(): AsyncGenerator<Buffer> {
    let ended = NEWLINE;
    for (;;) {
      const chunk = this.#rest ?? ((await this.#output!.next()).value as Buffer | undefined);
      this.#rest = undefined;
      if (chunk === undefined) throw new Error('the run ended before it had told everything');
      const empty = emptyLine(chunk, ended);
      if (empty >= 0) {
        if (empty + 1 < chunk.length) this.#rest = chunk.subarray(empty + 1);
        if (empty > 0) yield chunk.subarray(0, empty);
        return;
      }
      ended = chunk.at(-1)!;
      yield chunk;
    }
  }

  /** Lets everything else on the machine go first, whatever thread of the process it is. */
  #giveWay(): void {
    const { pid } = this.#child;
    const niceness = this.#bytes < SMALL_BYTES ? NICENESS_SMALL : NICENESS;
    for (const thread of pid === undefined ? [] : [pid, ...threadsOf(pid)]) {
      try {
        setPriority(thread, niceness);
      } catch {
        // It has ended, or the system does not allow it: then it goes on as it is.
      }
    }
  }

  /** Ends the process if it has not ended by itself. */
  end(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Where an empty line begins; -1 without one. `before` is the last byte of the chunk before. */
function emptyLine(chunk: Buffer, before: number): number {
  if (before === NEWLINE && chunk[0] === NEWLINE) return 0;
  const at = chunk.indexOf('\n\n');
  return at < 0 ? -1 : at + 1;
}

/** Threads of a process, which Linux ranks one by one. */
function threadsOf(pid: number): number[] {
  if (process.platform !== 'linux') return [];
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}
