/**
 * What has been paid before is known to the room that pays, which stands above this one: it brings
 * the count here.
 */

import { extensionPoint } from '../../src/sdk/index.ts';

/**
 * SQL of how many cycles have been paid to the enrolment `e` (`e.household_id`, `e.scheme_id`)
 * before, a bigint. The first that is contributed is used.
 */
export const paymentHistory = extensionPoint<string>(
  'schemes.payment-history',
  'SQL that counts the cycles paid to an enrolment.',
);
