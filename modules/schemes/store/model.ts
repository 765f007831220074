/**
 * The household model in SQL: what compiled rules read, joined to a list of households `h`.
 *
 * Members are grouped once for all rules of a scheme, characteristics pivoted once; a rule that
 * names neither costs no join.
 */

import { addMonths } from '../../../src/sdk/index.ts';
import type { Compilation } from '../criteria/compile.ts';
import { quote, reachedBy } from '../criteria/sql.ts';

const ADULT_MONTHS = 18 * 12;

/**
 * Joins for everything that a compilation has asked for, under the aliases `a` (counts of members)
 * and `c` (characteristics).
 *
 * @param among  condition on `household_id` that limits the work, or undefined for all households
 */
export function modelJoins(compilation: Compilation, among: string | undefined): string {
  return memberJoin(compilation, among) + factJoin(compilation, among);
}

function memberJoin(compilation: Compilation, among: string | undefined): string {
  const counts = compilation.counts.map(({ alias, predicate }) =>
    predicate === undefined
      ? `count(*) as ${alias}_n`
      : `count(*) filter (where ${predicate}) as ${alias}_n, ` +
        `count(*) filter (where (${predicate}) is null) as ${alias}_u`,
  );
  if (counts.length === 0) return '';
  return `
  left join (
    select m.household_id, ${counts.join(', ')}
    from households_member m
    where not m.deceased${among ? ` and m.household_id ${among}` : ''}
    group by m.household_id) a on a.household_id = h.household_id`;
}

function factJoin(compilation: Compilation, among: string | undefined): string {
  if (compilation.facts.size === 0) return '';
  const columns = [...compilation.facts].flatMap(([code, column]) => {
    const only = `filter (where f.code = ${quote(code)})`;
    return [
      `max(f.number_value) ${only} as ${column}_number`,
      `max(f.code_value) ${only} as ${column}_code`,
      `bool_or(f.boolean_value) ${only} as ${column}_boolean`,
      `bool_or(true) ${only} as ${column}_any`,
    ];
  });
  const codes = [...compilation.facts.keys()].map(quote).join(', ');
  return `
  left join (
    select f.household_id, ${columns.join(', ')}
    from households_characteristic f
    where f.code in (${codes})${among ? ` and f.household_id ${among}` : ''}
    group by f.household_id) c on c.household_id = h.household_id`;
}

/** Numbers (from 1) of the first criterion that is false, and of the first that is unknown. */
export function verdictColumns(criteria: readonly string[]): string {
  const first = (test: string) =>
    `case ${criteria.map((sql, index) => `when ${sql} ${test} then ${index + 1}`).join(' ')} end`;
  return `${first('is false')} as criterion_failed, ${first('is null')} as criterion_unknown`;
}

/**
 * Join `s`: the only adult of a household without head or declared collector, as `s.member_id`.
 * Somebody who may be an adult makes it two.
 *
 * @param unless  condition under which nobody is looked for
 */
export function onlyAdultJoin(asOf: string, unless: string): string {
  const adult = reachedBy(addMonths(asOf, -ADULT_MONTHS));
  return `
  left join lateral (
    select case when count(*) filter (where ${adult} is not false) = 1
                then min(m.member_id) filter (where ${adult}) end as member_id
    from households_member m
    where not (${unless}) and m.household_id = h.household_id and not m.deceased) s on true`;
}
