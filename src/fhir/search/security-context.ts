/**
 * Binary.securityContext: whoever reads the bytes must have the right to read the resource that it
 * names. Kept inside the SQL of every read and search, for whoever cannot read everything.
 *
 * What it names is found by a search parameter of our own. A context that is not here (an absolute
 * URL) opens the bytes only to those who read everything: nobody can say who else may.
 *
 * Spec: https://hl7.org/fhir/R4/binary.html#security
 */

import type { UnitOfWork } from '../../app.ts';
import { mayRead, scopesFor } from '../authorize.ts';
import { fhirOf } from '../types.ts';
import type { Values } from './parts.ts';

/** True when nothing of any type is kept from the actor, limits of reach aside. */
export function readsEverything({ actor }: UnitOfWork): boolean {
  const { permissions, scopes } = actor;
  return (permissions.has('*') || permissions.has('*.read')) && !scopes;
}

/** Types that share conditions on their resources (alias `r`). */
export interface LimitGroup {
  readonly types: readonly string[];
  readonly tests: readonly string[];
}

/**
 * Conditions on Binaries (alias `r`) by their security context.
 *
 * @param limits  the conditions of the actor's reach on resources of types
 */
export function contextTests(
  unit: UnitOfWork,
  values: Values,
  limits: (types: readonly string[]) => readonly LimitGroup[],
): string[] {
  const { definitions } = fhirOf(unit);
  const readable = definitions.resourceTypes.filter(
    (type) => mayRead(unit, type) && !isNarrowed(unit, type),
  );
  const tests = limits(readable).map((group) => {
    const numbers = group.types.map((type) => definitions.typeNumber(type)).join(', ');
    if (group.tests.length === 0) return `x.type in (${numbers})`;
    return `x.type in (${numbers}) and exists (select from resource r
      where r.type in (${numbers}) and r.type = x.type and r.id = x.target and not r.deleted
        and ${group.tests.join(' and ')})`;
  });
  const named = definitions.searchParameter('Binary', 'security-context');
  if (!named) return ['false'];
  // Of a deleted Binary nothing says whose it was.
  return [
    `(not r.deleted and (not r.tk @> array[${values.add(named.presence, 'bigint')}]
      or exists (select from ref x where x.rid = r.rid and x.param = ${named.key}
        and (${['false', ...tests].map((each) => `(${each})`).join(' or ')}))))`,
  ];
}

/** A scope with conditions (`Patient.rs?…`) gives some of a type; that is not enough here. */
function isNarrowed({ actor }: UnitOfWork, type: string): boolean {
  return !!actor.scopes && scopesFor(actor, 'read', type).every((each) => each.query);
}
