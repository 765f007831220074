/**
 * How areas and schemes limit enrolments, and schemes the people who are or were enrolled.
 */

import { contribute, reachRule } from '../../../src/sdk/index.ts';
import { livesIn, ofThoseIn } from '../../households/index.ts';

/** Rules for InsurancePlans, Coverages, Groups and Patients. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'schemes',
    type: 'InsurancePlan',
    test: (row, reach) => `${row}.rid = any(${reach})`,
  }),
  contribute(reachRule, {
    limits: 'schemes',
    type: 'Coverage',
    test: (row, reach) =>
      `exists (select from enrolment e where e.enrolment_id = ${row}.rid
         and e.scheme_id = any(${reach}))`,
  }),
  contribute(reachRule, {
    limits: 'areas',
    type: 'Coverage',
    test: (row, reach) =>
      `exists (select from enrolment e where e.enrolment_id = ${row}.rid
         and ${livesIn('e.household_id', reach)})`,
    set: (reach) => ofThoseIn(reach, 'enrolment_id', 'enrolment'),
  }),
  contribute(reachRule, {
    limits: 'schemes',
    type: 'Group',
    test: (row, reach) =>
      `exists (select from enrolment e where e.household_id = ${row}.rid
         and e.scheme_id = any(${reach}))`,
  }),
  contribute(reachRule, {
    limits: 'schemes',
    type: 'Patient',
    test: (row, reach) =>
      `exists (select from households_member m join enrolment e using (household_id)
         where m.member_id = ${row}.rid and e.scheme_id = any(${reach}))`,
  }),
];
