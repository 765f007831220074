/**
 * Other threads that work on the same registry. What is asked of them is begun at once; the answers
 * are waited for without giving up the thread, so that matching reads from top to bottom.
 */

import { availableParallelism } from 'node:os';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import type { Turn, Work } from './turns.ts';

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** How many answers the thread has given. */
  readonly answered: Int32Array;
  asked: number;
}

/**
 * Time after which a thread is taken for dead. It is waited for when no turn is left, and none works
 * so long on the one that it has; one that ran out of memory says nothing.
 */
const PATIENCE_MS = 600_000;

/** Fewer people are compared before another thread has begun. */
export const ALONE_MAX = 20_000;
/** Threads at most: more would fight for the memory. */
const THREADS_MAX = 4;

/** Other threads that are worth their while for so many people, where there are processors for them. */
export const helpersFor = (people: number): number =>
  people < ALONE_MAX ? 0 : Math.min(THREADS_MAX, availableParallelism()) - 1;

/** Does something about so many people with the help of other threads, if they are worth their while. */
export function withThreads<Done>(people: number, work: (threads?: Threads) => Done): Done {
  const helpers = helpersFor(people);
  if (helpers === 0) return work();
  const threads = new Threads(helpers);
  try {
    return work(threads);
  } finally {
    threads.end();
  }
}

export class Threads {
  readonly #threads: readonly Thread[];

  /** @param count how many there are beside this one */
  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => {
      const { port1, port2 } = new MessageChannel();
      const answered = new Int32Array(new SharedArrayBuffer(4));
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { port: port2, answered },
        transferList: [port2],
      });
      worker.unref();
      return { worker, port: port1, answered, asked: 0 };
    });
  }

  /** Asks each thread the same. */
  ask(work: Work): void {
    for (const thread of this.#threads) {
      thread.asked++;
      thread.port.postMessage(work);
    }
  }

  /** The next answer of each thread, waited for. @throws Error when one has failed */
  answers(): Turn[][] {
    return this.#threads.map(({ port, answered, asked }) => {
      for (let so = Atomics.load(answered, 0); so < asked; so = Atomics.load(answered, 0)) {
        if (Atomics.wait(answered, 0, so, PATIENCE_MS) === 'timed-out')
          throw new Error('a thread that compares is stuck or has died');
      }
      const { message } = receiveMessageOnPort(port) as { message: Turn[] | { fault: string } };
      if ('fault' in message) throw new Error(message.fault);
      return message;
    });
  }

  end(): void {
    for (const { worker } of this.#threads) void worker.terminate();
  }
}

/**
 * A work done by this thread and those that help, whatever each has time for.
 *
 * @param share does what comes to this thread
 * @returns what came of all turns, in their order
 */
export function together<Part extends Turn, Task extends Work>(
  threads: Threads | undefined,
  work: Task,
  share: (work: Task) => Part[],
): Part[] {
  threads?.ask(work);
  const own = share(work);
  const others = (threads?.answers() ?? []) as Part[][];
  return [...own, ...others.flat()].sort((x, y) => x.turn - y.turn);
}
