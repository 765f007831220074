/**
 * Starts the process of a run over everybody and speaks with it.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { TaughtModel } from '../registry/weights.ts';
import type { Findings } from './everybody.ts';
import type { Message, Told } from './process.ts';

/** Memory that the process may take: a million people take about one gigabyte. */
const MEMORY_MB = 4_096;
/** What serves people and payments comes first. */
const NICENESS = 10;

/** A run under way in a process of its own. */
export class RunElsewhere {
  readonly #child: ChildProcess;
  readonly #found: Promise<Findings>;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'process.ts'), [], {
      execPath: process.execPath,
      execArgv: [`--max-old-space-size=${MEMORY_MB}`, '--permission', '--allow-fs-read=*'],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, NICENESS);
    this.#found = new Promise((resolve, reject) => {
      this.#child.once('message', (found: Findings) => resolve(found));
      this.#child.once('error', reject);
      this.#child.once('exit', (code) => reject(new Error(`the run ended with ${code}`)));
    });
    this.#found.catch(() => {}); // awaited in `found`
  }

  /** Hands over records. */
  tell(records: readonly Told[]): Promise<void> {
    return this.#send({ records });
  }

  /** What was found among all that were handed over. */
  async found(now: TaughtModel, taught: boolean): Promise<Findings> {
    await this.#send({ now, taught });
    return this.#found;
  }

  /** Ends the process if it has not ended by itself. */
  end(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.send(message, (error) => (error ? reject(error) : resolve()));
    });
  }
}
