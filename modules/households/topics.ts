/**
 * Topics of households: what other systems can subscribe to.
 */

import type { Flag } from '@medplum/fhirtypes';
import { contribute, subscriptionTopic, topic } from '../../src/sdk/index.ts';
import { type HoldEvent, holdRaised, holdReleased, householdRegistered } from './events.ts';

const ofHold = (
  event: typeof holdRaised,
  name: string,
  title: string,
  description: string,
  action: 'create' | 'update',
) =>
  contribute(
    subscriptionTopic,
    topic<HoldEvent>({
      ...{ name, title, description, event, action },
      resource: 'Flag',
      filters: ['identifier', 'patient', 'subject', 'date'],
      async focus(ctx, events) {
        const rids = events.map((each) => BigInt(each.holdId));
        const flags = await ctx.fhir.readByRid<Flag>('Flag', rids);
        return rids.map((rid) => flags.get(rid)?.id);
      },
    }),
  );

export const topics = [
  contribute(
    subscriptionTopic,
    topic({
      name: 'household-registered',
      title: 'Household registered',
      description: 'A household was registered; the focus is its Group.',
      event: householdRegistered,
      resource: 'Group',
      action: 'create',
      filters: ['code', 'identifier', 'member', 'characteristic'],
      focus: async (_ctx, events) => events.map((each) => each.id),
    }),
  ),
  ofHold(
    holdRaised,
    'hold-raised',
    'Hold raised',
    'A hold now stands on a household or a member; the focus is its Flag.',
    'create',
  ),
  ofHold(
    holdReleased,
    'hold-released',
    'Hold released',
    'A hold stands no longer; the focus is its Flag.',
    'update',
  ),
];
