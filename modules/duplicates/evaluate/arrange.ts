/**
 * A registry made ready for being compared: in memory that threads share, neighbours side by side, if
 * it is so large that this is worth the while. What is found does not depend on it but in the order.
 */

import { availableParallelism } from 'node:os';
import type { Registry } from '../matching/registry.ts';
import { Threads } from '../matching/threads.ts';
import { ready } from '../nightly/everybody.ts';

/** Fewer people are compared before another thread has begun. */
const ALONE_MAX = 20_000;
/** Threads at most: more would fight for the memory. */
const THREADS_MAX = 4;

/** A registry in the order in which it is compared. */
export interface Arranged {
  readonly registry: Registry;
  /** Where each person stands in the files. */
  readonly places: Float64Array;
}

/** Makes a registry ready; small ones stay as they are. */
export function arranged(registry: Registry): Arranged {
  const ids = Float64Array.from({ length: registry.size }, (_, at) => at);
  if (registry.size < ALONE_MAX) return { registry, places: ids };
  const everybody = ready({ registry, ids }, others() > 0);
  return { registry: everybody.registry, places: everybody.ids };
}

const others = (): number => Math.min(THREADS_MAX, availableParallelism()) - 1;

/** Does something with the help of other threads, where there are processors for them. */
export function withThreads<Done>(people: number, work: (threads?: Threads) => Done): Done {
  if (people < ALONE_MAX || others() === 0) return work();
  const threads = new Threads(others());
  try {
    return work(threads);
  } finally {
    threads.end();
  }
}
