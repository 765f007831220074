/**
 * The review of suspicions, as the room lists it: the queue, verdicts, how right they show the matching
 * to be, and all records of one person.
 */

import type { Operation } from '../../../src/sdk/index.ts';
import { clusterOperation } from './cluster.ts';
import { decideOperation } from './decide.ts';
import { labelsOperation } from './labels.ts';
import { qualityOperation } from './quality.ts';
import { nextOperation } from './queue.ts';

export { watchQualityHandler, watchQualityLine } from './alarm.ts';
export { REVIEW_QUALITY } from './quality.ts';
export { rankQueueHandler, rankQueueLine } from './queue.ts';

export const reviewOperations: readonly Operation[] = [
  nextOperation,
  decideOperation,
  qualityOperation,
  clusterOperation,
  labelsOperation,
];
