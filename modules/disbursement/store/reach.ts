/**
 * How areas limit instructions: by where the household that is paid lives.
 */

import { contribute, reachRule, structureDefinition } from '../../../src/sdk/index.ts';

/** The rule for ClaimResponses. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'areas',
    type: 'ClaimResponse',
    profile: structureDefinition('instruction'),
    test: (row, reach) =>
      `exists (select from households_household h where h.household_id = ${row}.payee_id
         and h.area_id = any(${reach}))`,
  }),
];
