/**
 * A thread that scores pairs of a registry that it shares with the one that started it.
 */

import { type MessagePort, workerData } from 'node:worker_threads';
import { type Scored, type Scoring, scoreShare } from './share.ts';

/** What a thread is asked: to score a share of the pairs. */
export type Asked = Scoring;
/** What it found. */
export type Answer = readonly Scored[];

const { port, answered } = workerData as { port: MessagePort; answered: Int32Array };

port.on('message', (task: Asked) => {
  let answer: Answer | { fault: string };
  try {
    answer = scoreShare(task);
  } catch (error) {
    answer = { fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  port.postMessage(answer);
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});
