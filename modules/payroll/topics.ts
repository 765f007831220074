/**
 * Topics of payroll: what other systems can subscribe to. The focus is the payroll's List.
 */

import { contribute, type EventToken, subscriptionTopic, topic } from '../../src/sdk/index.ts';
import { payrollApproved, payrollClosed, payrollDrafted } from './events.ts';

const ofPayroll = <Data extends { readonly payrollId: string }>(
  event: EventToken<Data>,
  name: string,
  title: string,
  description: string,
  action: 'create' | 'update',
) =>
  contribute(
    subscriptionTopic,
    topic({
      ...{ name, title, description, event, action },
      resource: 'List',
      filters: ['code', 'identifier', 'status', 'title', 'date'],
      focus: async (_ctx, events) => events.map((each) => each.payrollId),
    }),
  );

export const topics = [
  ofPayroll(
    payrollDrafted,
    'payroll-drafted',
    'Payroll drafted',
    'A payroll was drafted and waits for approval; the focus is its List.',
    'create',
  ),
  ofPayroll(
    payrollApproved,
    'payroll-approved',
    'Payroll approved',
    'A payroll was approved and its payments are ordered; the focus is its List.',
    'update',
  ),
  ofPayroll(
    payrollClosed,
    'payroll-closed',
    'Payroll closed',
    'The last line of a payroll was resolved; the focus is its List.',
    'update',
  ),
];
