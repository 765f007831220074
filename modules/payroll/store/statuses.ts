/**
 * Tests of lines and exclusions by the status of their Claim, so that indexes find the rare ones:
 * lines that were cancelled, and those of the few payrolls that are drafts.
 */

import type { ProjectedCodes } from '../../../src/sdk/index.ts';

/** Of `payroll_claim_fhir`. */
export const LINE_STATUSES: ProjectedCodes = {
  active: `v.status = 'active'`,
  cancelled: `v.status = 'cancelled'
    and v.key in (select l.key from payroll_line l where l.cancelled_key <> 0)`,
  draft: `v.status = 'draft'
    and v.payroll_key in (select p.payroll_id from payroll p where p.state in ('drafted', 'returned'))`,
};

/** Of `payroll_exclusion_fhir`: all are cancelled. */
export const EXCLUSION_STATUSES: ProjectedCodes = { cancelled: 'true' };
