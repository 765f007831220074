/**
 * How areas limit instructions: by where the household that is paid lives.
 */

import { contribute, reachRule, structureDefinition } from '../../../src/sdk/index.ts';
import { livesIn } from '../../households/index.ts';

/** The rule for ClaimResponses. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'areas',
    type: 'ClaimResponse',
    profile: structureDefinition('instruction'),
    test: (row, reach) => livesIn(`${row}.payee_id`, reach),
  }),
];
