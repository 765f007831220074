/**
 * What this room tells the others after a write has been committed.
 */

import { event } from '../../src/sdk/index.ts';
import type { EnrolmentState } from './lifecycle.ts';

/** Internal ids are decimal text, for events are JSON. */
export interface EnrolmentEvent {
  /** rid of the Coverage. */
  readonly enrolmentId: string;
  readonly householdId: string;
  readonly schemeId: string;
  readonly state: EnrolmentState;
  readonly reason: string | null;
}

export const enrolmentChanged = event<EnrolmentEvent>(
  'schemes.enrolment-changed',
  'A household has been enrolled in a scheme, or the state of its enrolment has changed.',
);

export const schemeChanged = event<{ schemeId: string; rulesVersion: number }>(
  'schemes.scheme-changed',
  'A scheme has been added, or it or its rules have changed.',
);
