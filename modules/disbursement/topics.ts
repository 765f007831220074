/**
 * Topics of disbursement: what other systems can subscribe to.
 */

import { contribute, subscriptionTopic, topic } from '../../src/sdk/index.ts';
import { instructionMoved } from './events.ts';

/** States in which nothing more is to come, unless a provider takes back what it said. */
const RESOLVED: readonly string[] = ['paid', 'not-paid', 'cancelled', 'returned'];

export const topics = [
  contribute(
    subscriptionTopic,
    topic({
      name: 'payment-resolved',
      title: 'Payment resolved',
      description:
        'An instruction was paid, not paid or cancelled, or its money came back; the focus is its ClaimResponse, which says ' +
        'which and why.',
      event: instructionMoved,
      resource: 'ClaimResponse',
      action: 'update',
      filters: ['identifier', 'patient', 'insurer', 'request', 'outcome', 'disposition'],
      focus: async (_ctx, events) =>
        events.map((each) => (RESOLVED.includes(each.state) ? each.instructionId : undefined)),
    }),
  ),
];
