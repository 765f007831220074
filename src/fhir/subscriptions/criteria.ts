/**
 * Criteria of a Subscription: a search (`Flag?status=active`) that the written resource must meet.
 * They are read by the parser of searches, so that both mean the same, and refused when a search
 * would refuse them.
 *
 * Spec: https://hl7.org/fhir/R4/subscription.html
 */

import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { conditionOf, reachConditions } from '../search/conditions.ts';
import { parseSearch, type Term } from '../search/parse.ts';
import { Values } from '../search/parts.ts';
import { sourcesOf } from '../search/source.ts';
import { fhirOf } from '../types.ts';

/** Criteria, taken apart. */
export interface Criteria {
  readonly type: string;
  /** What stands behind the question mark. */
  readonly query: string;
}

const PLACE = 'Subscription.criteria';
const FORM = /^([A-Z][A-Za-z]{1,63})(?:\?(.*))?$/s;

/** Criteria, taken apart as they are. */
export function criteriaOf(text: string): Criteria {
  const [type = '', ...query] = text.split('?');
  return { type, query: query.join('?') };
}

/**
 * Takes criteria apart and has the actor of the unit make the search once, on paper.
 *
 * @throws Problem for what is no search, or one that the actor may not make
 */
export function checkCriteria(unit: UnitOfWork, text: string, place = PLACE): Criteria {
  const match = FORM.exec(text);
  const type = match?.[1];
  if (!type || !fhirOf(unit).definitions.isResourceType(type)) {
    throw problem(
      'invalid',
      'subscription-criteria',
      'Criteria are a search of one type, e.g. Flag?status=active.',
      place,
    );
  }
  const criteria = { type, query: match[2] ?? '' };
  const values = new Values();
  reachConditions(unit, type, values);
  for (const term of termsOf(unit, criteria, place)) conditionOf(unit, type, term, values);
  return criteria;
}

/**
 * Has the actor of the unit make a search of a type, stored or shown by rooms, that finds nothing:
 * for what it would be refused.
 *
 * @throws Problem as the search does
 */
export async function checkSearch(
  unit: UnitOfWork,
  { type, query }: Criteria,
  place: string,
): Promise<void> {
  termsOf(unit, { type, query }, place);
  const asked = new URLSearchParams(query);
  asked.append('_id', 'none');
  const search = parseSearch(fhirOf(unit).definitions, [type], asked, false);
  for (const source of sourcesOf(unit, search)) await source.fetch(undefined, false, 1);
}

/**
 * The conditions of criteria.
 *
 * @throws Problem as a search does; invalid for parameters that shape an answer
 */
export function termsOf(
  unit: UnitOfWork,
  { type, query }: Criteria,
  place = PLACE,
): readonly Term[] {
  const asked = new URLSearchParams(query);
  const { terms } = parseSearch(fhirOf(unit).definitions, [type], asked, false);
  const given = [...asked].filter(([, value]) => value !== '').length;
  if (terms.length !== given) {
    throw problem(
      'invalid',
      'subscription-criteria',
      'Criteria say which resources, not how an answer looks: leave out _sort, _count, _include, ' +
        '_summary and the like.',
      place,
    );
  }
  return terms;
}
