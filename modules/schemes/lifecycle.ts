/**
 * The lifecycle of an enrolment: its states, and what leads from one to another.
 *
 * Each end carries a reason, so that a person can be told why; graduated and exited are final, and
 * a household that comes back is enrolled anew.
 */

import { lifecycle, permission } from '../../src/sdk/index.ts';

export const ENROL = permission(
  'schemes.enrol',
  'enrol households and change the state of enrolments',
);

export const enrolmentLifecycle = lifecycle({
  name: 'enrolment',
  initial: 'applied',
  states: ['applied', 'eligible', 'waiting', 'enrolled', 'suspended', 'graduated', 'exited'],
  transitions: [
    { act: 'find-eligible', from: ['applied', 'waiting'], to: 'eligible', permission: ENROL },
    { act: 'wait', from: ['applied', 'eligible'], to: 'waiting', permission: ENROL },
    { act: 'enrol', from: ['applied', 'eligible', 'waiting'], to: 'enrolled', permission: ENROL },
    {
      act: 'suspend',
      from: ['enrolled'],
      to: 'suspended',
      permission: ENROL,
      needsReason: true,
    },
    {
      act: 'reinstate',
      from: ['suspended'],
      to: 'enrolled',
      permission: ENROL,
      needsReason: true,
    },
    {
      act: 'graduate',
      from: ['enrolled', 'suspended'],
      to: 'graduated',
      permission: ENROL,
      needsReason: true,
    },
    {
      act: 'exit',
      from: ['applied', 'eligible', 'waiting', 'enrolled', 'suspended'],
      to: 'exited',
      permission: ENROL,
      needsReason: true,
    },
  ],
});

export type EnrolmentState = (typeof enrolmentLifecycle.states)[number];

/** States that still count: a household has one live enrolment in a scheme. */
export const LIVE_STATES: ReadonlySet<EnrolmentState> = new Set([
  'applied',
  'eligible',
  'waiting',
  'enrolled',
  'suspended',
]);

/** Coverage.status of each state: only what is paid is active. */
export const COVERAGE_STATUS: Readonly<Record<EnrolmentState, 'draft' | 'active' | 'cancelled'>> = {
  applied: 'draft',
  eligible: 'draft',
  waiting: 'draft',
  enrolled: 'active',
  suspended: 'cancelled',
  graduated: 'cancelled',
  exited: 'cancelled',
};
