/**
 * Tests of the trail by the codes of its AuditEvent, in the words of the partial indexes by which
 * deletions and refusals are found among the many readings.
 */

import type { ProjectedCodes } from '../../src/sdk/index.ts';

/** AuditEvent.action. */
export const ACTIONS: ProjectedCodes = Object.fromEntries(
  ['C', 'D', 'E', 'R', 'U'].map((code) => [code, `v.action = '${code}'`]),
);

/** AuditEvent.outcome. */
export const OUTCOMES: ProjectedCodes = {
  '0': `v.outcome = '0'`,
  '4': `v.outcome <> '0' and v.outcome = '4'`,
  '8': `v.outcome <> '0' and v.outcome = '8'`,
};
