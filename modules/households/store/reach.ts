/**
 * How areas limit households and their members: by where the household lives.
 */

import { contribute, reachRule } from '../../../src/sdk/index.ts';

/** Rules for Groups and Patients. What is about them follows by their references. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'areas',
    type: 'Group',
    test: (row, reach) =>
      `exists (select from household h where h.household_id = ${row}.rid
         and h.area_id = any(${reach}))`,
  }),
  contribute(reachRule, {
    limits: 'areas',
    type: 'Patient',
    test: (row, reach) =>
      `exists (select from household_member m join household h using (household_id)
         where m.member_id = ${row}.rid and h.area_id = any(${reach}))`,
  }),
];
