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

/** AuditEvent.subtype: those that may be rare, as constants, so that their index is taken. */
export const KINDS: ProjectedCodes = Object.fromEntries([
  ...['vread', 'patch', 'history-instance', 'history-type', 'history-system', 'search-system']
    .concat('search-compartment', 'capabilities', 'batch', 'transaction', 'update', 'create')
    .map((code) => [code, `v.interaction = '${code}'`] as const),
  ['delete', `v.action = 'D' and v.interaction = 'delete'`],
]);
