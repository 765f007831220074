#!/usr/bin/env node
/**
 * A thread that helps with a registry that it shares with the one that started it.
 */

import { type MessagePort, workerData } from 'node:worker_threads';
import { type Blocking, blockShare } from './blocks.ts';
import { type Scoring, scoreShare } from './share.ts';
import { type Counting, countShare } from './training.ts';
import type { Turn } from './turns.ts';

/** Does what comes to this thread of a work. */
function shareOf(work: Blocking | Counting | Scoring): readonly Turn[] {
  if (work.kind === 'block') return blockShare(work);
  return work.kind === 'count' ? countShare(work) : scoreShare(work);
}

const { port, answered } = workerData as { port: MessagePort; answered: Int32Array };

port.on('message', (work: Blocking | Counting | Scoring) => {
  let answer: readonly Turn[] | { fault: string };
  try {
    answer = shareOf(work);
  } catch (error) {
    answer = { fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  port.postMessage(answer);
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});
