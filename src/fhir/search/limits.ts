/**
 * How large one search may be. PostgreSQL plans each condition against the others, and a chain over
 * a reference to any type branches at every link: what is beyond these limits would take minutes to
 * plan, whatever it finds. They lie far above what people and programs ask.
 */

import { type Problem, problem } from '../../sdk/index.ts';

/** Conditions of one search: 50 take up to a second to plan, 100 ten. */
const CONDITIONS_MAX = 50;
/** Links of one chain, `_has` counted like `.`. */
const LINKS_MAX = 5;
/** Values of all parameters together. */
const VALUES_MAX = 2000;
/** Values times types: each type has a statement of its own, with all values. */
const VALUES_OF_TYPES_MAX = 5000;
const INCLUDES_MAX = 30;
const SORT_KEYS_MAX = 10;
/** Types and links that the chains of one search lead to. */
const BRANCHES_MAX = 400;

/** What the chains of one search may still branch into. */
export interface Budget {
  left: number;
}

/** A search's budget. */
export function newBudget(): Budget {
  return { left: BRANCHES_MAX };
}

/** @throws Problem too-costly when the budget is used up */
export function spend(budget: Budget, name: string): void {
  budget.left -= 1;
  if (budget.left >= 0) return;
  throw tooCostly('The chains lead to too many types; name them, e.g. subject:Patient.name.', name);
}

/**
 * Checks a query before it is understood.
 *
 * @param types  how many are searched
 * @throws Problem too-costly; invalid for a character that no stored text can hold
 */
export function checkQuery(query: URLSearchParams, types = 1): void {
  let [conditions, includes, values, all] = [0, 0, 0, 0];
  for (const [name, value] of query) {
    if (name.includes('\0') || value.includes('\0')) throw holdsNul(name);
    if (/^_(rev)?include\b/.test(name)) includes += 1;
    else conditions += 1;
    const size = value.length > VALUES_MAX || name === '_sort' ? value.split(',').length : 1;
    values += size;
    all += types > 1 ? value.split(',').length * types : 0;
    if (name === '_sort' && size > SORT_KEYS_MAX) {
      throw tooCostly(`_sort takes at most ${SORT_KEYS_MAX} parameters.`, name);
    }
    if (name.length > 2 * LINKS_MAX && linksOf(name) > LINKS_MAX) {
      throw tooCostly(`A chain has at most ${LINKS_MAX} links; search in two steps.`, name);
    }
  }
  if (values > VALUES_MAX) throw tooCostly(`Give at most ${VALUES_MAX} values.`);
  if (all > VALUES_OF_TYPES_MAX) {
    throw tooCostly('So many values are not looked for in so many types; narrow _type.', '_type');
  }
  if (includes > INCLUDES_MAX) throw tooCostly(`Give at most ${INCLUDES_MAX} includes.`);
  if (conditions > CONDITIONS_MAX) throw tooCostly(`Give at most ${CONDITIONS_MAX} parameters.`);
}

function linksOf(name: string): number {
  return name.split(/\.|_has:/).length - 1;
}

function holdsNul(name: string): Problem {
  const says = 'The character U+0000 stands in no stored text; take it out.';
  return problem('invalid', 'nul-character', says, name.replaceAll('\0', ''));
}

/** A search that would cost more than any honest one does. */
export function tooCostly(says: string, name?: string): Problem {
  return problem('too-costly', 'search-too-large', says, name?.slice(0, 200));
}

/** Resources that are sorted by what no index has in order: 35 µs one. */
export const SORTED_MAX = 50_000;

/** A sort of more than that. */
export function sortTooCostly(codes: readonly string[]): Problem {
  return tooCostly(
    `More than ${SORTED_MAX} resources would be sorted by ${codes.join(',')}, which no index has in ` +
      'order; narrow the search, or sort by a date, a text, a number, a code of a closed list, ' +
      '_lastUpdated or _id.',
    '_sort',
  );
}
