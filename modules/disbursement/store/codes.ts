/**
 * Tests of instructions by the codes of their ClaimResponse, in the words of the partial indexes by
 * which the rare ones are found.
 */

import type { ProjectedCodes } from '../../../src/sdk/index.ts';

const OPEN = `(v.state = 'approved' or v.state in ('sent', 'unknown'))`;
const FAILED = `v.state in ('not-paid', 'cancelled', 'returned')`;

/** ClaimResponse.outcome. */
export const OUTCOMES: ProjectedCodes = {
  complete: `v.state = 'paid' and v.returned_minor is null`,
  partial: `v.returned_minor is not null and v.state = 'paid'`,
  error: FAILED,
  queued: OPEN,
};

/** ClaimResponse.status. */
export const STATUSES: ProjectedCodes = {
  active: `v.state <> 'cancelled'`,
  cancelled: `${FAILED} and v.state = 'cancelled'`,
};

/** ClaimResponse.disposition: the state itself. */
export const STATES: ProjectedCodes = {
  approved: `v.state = 'approved'`,
  sent: `v.state in ('sent', 'unknown') and v.state = 'sent'`,
  paid: `v.state = 'paid'`,
  'not-paid': `${FAILED} and v.state = 'not-paid'`,
  unknown: `v.state in ('sent', 'unknown') and v.state = 'unknown'`,
  cancelled: `${FAILED} and v.state = 'cancelled'`,
  returned: `${FAILED} and v.state = 'returned'`,
};
