/**
 * What a reference in a search leads to: a resource of ours, by id or by either form of its URL, or
 * a literal that is not ours.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#reference
 */

import type { UnitOfWork } from '../../app.ts';
import { hashedKey, idKey, parseReference } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';

/** A target as index rows have it; without `types`, of any type. */
export interface Target {
  readonly target: string;
  readonly types?: number[];
}

/** Reads a reference; `modifier` is the type that it is restricted to. */
export function targetOf(
  unit: UnitOfWork,
  targets: readonly string[],
  modifier: string | undefined,
  text: string,
): Target {
  const { definitions, base } = fhirOf(unit);
  const own = `${base()}/`;
  const literal = text.startsWith(own) ? text.slice(own.length) : text;
  const local = parseReference(literal);
  if (local && definitions.isResourceType(local.type)) {
    return { target: idKey(local.id), types: [definitions.typeNumber(local.type)] };
  }
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(literal)) {
    const types = modifier ? [modifier] : targets;
    return {
      target: idKey(literal),
      ...(types.length > 0 && { types: types.map((each) => definitions.typeNumber(each)) }),
    };
  }
  return { target: hashedKey(literal), types: [0] };
}
