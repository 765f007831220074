/**
 * The functions that views add to FHIRPath: keys of resources and references, and `join`.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
 */

import { isObject } from '../definitions/run.ts';

/** The key of a resource: its id, as in every reference that this server keeps. */
export function resourceKey(value: unknown): unknown[] {
  return isObject(value) && typeof value.id === 'string' ? [value.id] : [];
}

/** The key of the resource that a relative reference leads to; none when it is of another type. */
export function referenceKey(value: unknown, type: string | undefined): unknown[] {
  const text = isObject(value) ? value.reference : undefined;
  const match =
    typeof text === 'string'
      ? /(?:^|\/)([A-Z]\w+)\/([\w.-]+)(?:\/_history\/[\w.-]+)?$/.exec(text)
      : null;
  if (!match || (type !== undefined && match[1] !== type)) return [];
  return [match[2]];
}

/** Nothing joined is the empty text, as the public tests of views have it. */
export function joined(values: readonly unknown[], between: string): unknown[] {
  return [values.filter((each) => typeof each === 'string').join(between)];
}
