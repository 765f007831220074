/**
 * How areas limit households and their members: by where the household lives.
 */

import { contribute, reachRule } from '../../../src/sdk/index.ts';

/** SQL: the household of this id lives in one of these areas. */
export function livesIn(household: string, areas: string): string {
  return `exists (select from households_household h where h.household_id = ${household}
         and h.area_id = any(${areas}))`;
}

/** SQL: a column of some table for each household that lives in one of these areas. */
export function ofThoseIn(areas: string, column: string, table: string): string {
  return `select x.${column} as rid from households_household h
    cross join lateral (select t.${column} from ${table} t
      where t.household_id = h.household_id offset 0) x
    where h.area_id = any(${areas})`;
}

/** Rules for Groups and Patients. What is about them follows by their references. */
export const reachRules = [
  contribute(reachRule, {
    limits: 'areas',
    type: 'Group',
    test: (row, reach) => livesIn(`${row}.rid`, reach),
    set: (reach) =>
      `select h.household_id as rid from households_household h where h.area_id = any(${reach})`,
  }),
  contribute(reachRule, {
    limits: 'areas',
    type: 'Patient',
    test: (row, reach) =>
      `exists (select from household_member m where m.member_id = ${row}.rid
         and ${livesIn('m.household_id', reach)})`,
    set: (reach) => ofThoseIn(reach, 'member_id', 'household_member'),
  }),
];
