/**
 * The canonical URLs under which Amana publishes its profiles, extensions, code systems and
 * identifier systems, in one place so that a name is written once.
 *
 * The text of each artefact is in `fhir-profiles/`; nothing here says what an artefact means.
 */

/** Root of every canonical URL that we publish. */
export const CANONICAL_ROOT = 'https://amana.example/fhir';

/** Canonical URL of one of our profiles or extensions, by the id in `fhir-profiles/`. */
export function structureDefinition(name: string): string {
  return `${CANONICAL_ROOT}/StructureDefinition/${name}`;
}

/** Canonical URL of one of our code systems. */
export function codeSystem(name: string): string {
  return `${CANONICAL_ROOT}/CodeSystem/${name}`;
}

/** Canonical URL of one of our value sets. */
export function valueSet(name: string): string {
  return `${CANONICAL_ROOT}/ValueSet/${name}`;
}

/** Canonical URL of one of our operations. */
export function operationDefinition(name: string): string {
  return `${CANONICAL_ROOT}/OperationDefinition/${name}`;
}

/** System of an identifier that we issue, e.g. `identifierSystem('transaction-number')`. */
export function identifierSystem(name: string): string {
  return `https://amana.example/id/${name}`;
}
