/**
 * How areas and schemes limit payrolls, their lines and the instructions that pay them. A payroll
 * as such is of a scheme; only its lines stand in areas. Whoever is limited to areas sees those
 * payrolls that say something of people there, with the totals of these areas (`within.ts`).
 */

import { contribute, reachRule, structureDefinition } from '../../../src/sdk/index.ts';

const LINES = ['payroll-line', 'payroll-exclusion'].map(structureDefinition);

/** Rules for Lists, Claims and the schemes of ClaimResponses. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'schemes',
    type: 'List',
    profile: structureDefinition('payroll'),
    test: (row, reach) => `${row}.scheme_id = any(${reach})`,
  }),
  contribute(reachRule, {
    limits: 'areas',
    type: 'List',
    profile: structureDefinition('payroll'),
    partly: true,
    test: (row, reach) =>
      `exists (select from payroll_line l where l.payroll_id = ${row}.payroll_id
         and l.area_id = any(${reach}))
       or exists (select from payroll_exclusion e where e.payroll_id = ${row}.payroll_id
         and e.area_id = any(${reach}))`,
  }),
  ...LINES.flatMap((profile) => [
    contribute(reachRule, {
      limits: 'areas',
      type: 'Claim',
      profile,
      test: (row, reach) => `${row}.area_id = any(${reach})`,
    }),
    contribute(reachRule, {
      limits: 'schemes',
      type: 'Claim',
      profile,
      test: (row, reach) => `${row}.scheme_id = any(${reach})`,
    }),
  ]),
  contribute(reachRule, {
    limits: 'schemes',
    type: 'ClaimResponse',
    profile: structureDefinition('instruction'),
    test: (row, reach) =>
      `exists (select from payroll_line l where l.line_id = ${row}.request_key
         and l.scheme_id = any(${reach}))`,
  }),
];
