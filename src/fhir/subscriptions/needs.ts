/**
 * What a resource must have to meet criteria, so that a written resource finds the few subscriptions
 * in question among thousands: near-unique tokens (`identifier=…`), references (`patient=…`), ids.
 *
 * A sieve only: what passes is still asked in SQL. Criteria without such a term have no needs, and
 * are asked of every write of their type.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey } from '../../sdk/index.ts';
import { valueHash } from '../definitions/hash.ts';
import { type Term, unescaped } from '../search/parse.ts';
import { targetOf } from '../search/references.ts';
import { parseToken } from '../search/values.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';

/** Needs of criteria, any of which must be met; undefined when any resource may meet them. */
export function needsOf(unit: UnitOfWork, terms: readonly Term[]): string[] | undefined {
  for (const term of terms) {
    const needs = needsOfTerm(unit, term);
    if (needs) return needs;
  }
  return undefined;
}

function needsOfTerm(unit: UnitOfWork, term: Term): string[] | undefined {
  if (term.kind === 'id') return term.values.map((each) => idNeed(unescaped(each)));
  if (term.kind !== 'parameter') return undefined;
  const { info, modifier, values, name } = term;
  if (info.type === 'token' && info.tokens === 'tok' && modifier === undefined) {
    const tokens = values.map((each) => parseToken(each, name));
    if (tokens.some((each) => each.code === '')) return undefined;
    return tokens.map((each) => tokenNeed(valueHash(info.key, each.code)));
  }
  const isType = modifier === undefined || fhirOf(unit).definitions.isResourceType(modifier);
  if (info.type === 'reference' && isType) {
    return values.map((each) => {
      const { target } = targetOf(unit, info.targets, modifier, unescaped(each));
      return referenceNeed(info.key, target);
    });
  }
  return undefined;
}

/** Everything that a resource has which criteria can need. */
export function offers(unit: UnitOfWork, id: string, content: string): string[] {
  const { tok, ref } = fhirOf(unit).definitions.extract(parseContent(content));
  return [
    idNeed(id),
    ...tok.map((each) => tokenNeed(each.hash)),
    ...ref.map((each) => referenceNeed(each.param, each.target)),
  ];
}

function idNeed(id: string): string {
  return `i${idKey(id)}`;
}

function tokenNeed(hash: bigint): string {
  return `t${hash}`;
}

function referenceNeed(param: number, target: string): string {
  return `r${param}/${target}`;
}
