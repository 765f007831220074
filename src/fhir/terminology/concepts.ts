/**
 * A CodeSystem as a table of concepts: by code, with what stands directly above and below.
 *
 * Spec: https://hl7.org/fhir/R4/codesystem.html
 */

import type { CodeSystem, CodeSystemConcept } from '@medplum/fhirtypes';

/** A concept and its place in the hierarchy. */
export interface Placed {
  readonly concept: CodeSystemConcept;
  readonly parents: string[];
  readonly children: string[];
}

/** The concepts of a code system. */
export interface Concepts {
  readonly system: CodeSystem;
  /** The concept of a code, however it is written where the system's case does not matter. */
  find(code: string): Placed | undefined;
  /** True when a code stands anywhere below another. */
  isBelow(code: string, ancestor: string): boolean;
}

/** Made once for each version of a code system. */
const made = new WeakMap<CodeSystem, Concepts>();

/** The table of a code system. */
export function conceptsOf(system: CodeSystem): Concepts {
  let concepts = made.get(system);
  if (!concepts) {
    concepts = tableOf(system);
    made.set(system, concepts);
  }
  return concepts;
}

function tableOf(system: CodeSystem): Concepts {
  const byCode = new Map<string, Placed>();
  const walk = (list: readonly CodeSystemConcept[], above: string | undefined): void => {
    for (const concept of list) {
      const code = concept.code!;
      const parents = propertyCodes(concept, 'parent', 'subsumedBy');
      if (above !== undefined) parents.push(above);
      const known = byCode.get(code);
      if (known) known.parents.push(...parents);
      else byCode.set(code, { concept, parents, children: propertyCodes(concept, 'child') });
      walk(concept.concept ?? [], code);
    }
  };
  walk(system.concept ?? [], undefined);
  for (const [code, { parents }] of byCode) {
    for (const parent of parents) {
      const children = byCode.get(parent)?.children;
      if (children && !children.includes(code)) children.push(code);
    }
  }
  const lower =
    system.caseSensitive === false
      ? new Map([...byCode.values()].map((each) => [each.concept.code!.toLowerCase(), each]))
      : undefined;
  return {
    system,
    find: (code) => byCode.get(code) ?? lower?.get(code.toLowerCase()),
    isBelow(code, ancestor) {
      const seen = new Set<string>();
      const open = [code];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        for (const parent of byCode.get(next)?.parents ?? []) {
          if (parent === ancestor) return true;
          if (!seen.has(parent)) open.push(parent);
          seen.add(parent);
        }
      }
      return false;
    },
  };
}

function propertyCodes(concept: CodeSystemConcept, ...names: string[]): string[] {
  return (concept.property ?? []).flatMap(({ code, valueCode }) =>
    valueCode && names.includes(code ?? '') ? [valueCode] : [],
  );
}

/** True for a concept that is marked as not to be used any more. */
export function isInactive({ property }: CodeSystemConcept): boolean {
  return (property ?? []).some(
    (each) =>
      (each.code === 'inactive' && each.valueBoolean === true) ||
      (each.code === 'status' &&
        ['retired', 'inactive', 'deprecated'].includes(each.valueCode ?? '')),
  );
}
