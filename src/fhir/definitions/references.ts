/**
 * References: do they lead to a type that the element allows, and do `#ids` exist.
 *
 * Whether the target itself exists is the store's business.
 *
 * Spec: https://hl7.org/fhir/R4/references.html
 */

import type { ValueCheck } from './checks.ts';
import { isFhirId } from './primitives.ts';
import { isResourceType } from './resource-types.ts';
import { isObject, type Json, type Run, shown } from './run.ts';
import { typeOfCanonical } from './schema.ts';

const TYPED =
  /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const CONDITIONAL = /^([A-Z][A-Za-z]+)\?/;

/** The literal that was looked at last: each is looked at by several checks, one after the other. */
let last = { literal: '', type: undefined as string | undefined };

/** The type of a plain `Type/id`, the commonest form; undefined for any other form. */
function plainType(literal: string): string | undefined {
  if (last.literal !== literal) last = { literal, type: readPlain(literal) };
  return last.type;
}

function readPlain(literal: string): string | undefined {
  const slash = literal.indexOf('/');
  if (slash < 2 || slash + 1 === literal.length || literal.includes('/', slash + 1)) {
    return undefined;
  }
  const type = literal.slice(0, slash);
  return isResourceType(type) && isFhirId(literal.slice(slash + 1)) ? type : undefined;
}

/** The type that a Reference names; undefined when it does not say. */
export function referencedType(reference: Json, run: Run): string | undefined {
  const { reference: literal, type } = reference;
  if (typeof literal === 'string') {
    const plain = plainType(literal);
    if (plain) return plain;
    if (literal.startsWith('#')) return containedType(literal, run);
    const named = (TYPED.exec(literal) ?? CONDITIONAL.exec(literal))?.[1];
    if (named && (isResourceType(named) || !literal.includes(':'))) return named;
  }
  return typeof type === 'string' ? typeOfCanonical(type) : undefined;
}

function containedType(literal: string, run: Run): string | undefined {
  const target = containedTarget(literal, run);
  return typeof target?.resourceType === 'string' ? target.resourceType : undefined;
}

function containedTarget(literal: string, run: Run): Json | undefined {
  if (literal === '#') return run.container;
  const contained = run.container?.contained;
  if (!Array.isArray(contained)) return undefined;
  return containedById(contained).get(literal.slice(1));
}

/** Contained resources by id, told once: a resource may refer to thousands of them. */
const byId = new WeakMap<readonly unknown[], ReadonlyMap<string, Json>>();

function containedById(contained: readonly unknown[]): ReadonlyMap<string, Json> {
  const known = byId.get(contained);
  if (known) return known;
  const made = new Map<string, Json>();
  for (const each of contained) {
    if (isObject(each) && typeof each.id === 'string' && !made.has(each.id))
      made.set(each.id, each);
  }
  byId.set(contained, made);
  return made;
}

/** What a literal leads to within the same container or Bundle; undefined when it is elsewhere. */
export function resolved(literal: string, run: Run): Json | undefined {
  if (literal.startsWith('#')) return containedTarget(literal, run);
  const entries = run.bundle?.entry;
  if (!Array.isArray(entries)) return undefined;
  const bare = literal.replace(/\/_history\/[^/]+$/, '');
  const found = entries.find((entry) => {
    if (!isObject(entry)) return false;
    const { fullUrl } = entry;
    return typeof fullUrl === 'string' && (fullUrl === bare || fullUrl.endsWith(`/${bare}`));
  }) as Json | undefined;
  return isObject(found?.resource) ? found.resource : undefined;
}

/** As `resolved`; what is elsewhere is told by its type alone, where the literal says it. */
export function target(reference: unknown, run: Run): Json | undefined {
  if (!isObject(reference)) return undefined;
  const literal = reference.reference;
  const found = typeof literal === 'string' ? resolved(literal, run) : undefined;
  if (found) return found;
  const resourceType = referencedType(reference, run);
  return resourceType === undefined ? undefined : { resourceType };
}

/** Every Reference: a fragment must exist, a relative literal must name a type of R4. */
export const checkReference: ValueCheck = (value, run) => {
  const literal = (value as Json).reference;
  if (typeof literal !== 'string') return;
  if (literal.charCodeAt(0) === 35) {
    if (!containedTarget(literal, run)) {
      run.error(
        'value',
        'ref-1',
        `${shown(literal)} points to a contained resource that is not there. Contain it, or refer to its own URL.`,
        'reference',
      );
    }
    return;
  }
  if (literal.includes(':') || plainType(literal)) return;
  const type = (TYPED.exec(literal) ?? CONDITIONAL.exec(literal))?.[1];
  if (!type || !isResourceType(type)) {
    run.error(
      'value',
      'bad-reference',
      `${shown(literal)} is not a reference. Write Type/id, for example Patient/123, or an absolute URL.`,
      'reference',
    );
  }
};

/** The check that a reference leads to one of the target profiles; undefined for "any". */
export function referenceCheck(targets: readonly string[]): ValueCheck | undefined {
  const types = new Set(targets.map(typeOfCanonical));
  if (types.size === 0 || types.has('Resource')) return undefined;
  return referenceTypeCheck(types);
}

/** The check that a reference leads to one of some types. */
export function referenceTypeCheck(types: ReadonlySet<string>): ValueCheck {
  return (value, run) => {
    const type = referencedType(value as Json, run);
    if (type === undefined || types.has(type)) return;
    const allowed = [...types].sort().join(' or ');
    run.error(
      'value',
      'wrong-reference-target',
      `This refers to a ${shown(type)}, but may refer to ${allowed} only.`,
      'reference',
    );
  };
}
