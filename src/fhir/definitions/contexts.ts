/**
 * Where an extension may stand: the contexts that its definition names.
 *
 * An element is known by its path from the resource (`Group.member`), by the path within its data
 * type (`HumanName.family`) and by its types. Contexts that are FHIRPath, and extensions within
 * extensions, are taken on trust: the definition of the outer one says what it may hold.
 *
 * Spec: https://hl7.org/fhir/R4/defining-extensions.html#context
 */

import type { StructureDefinition } from '@medplum/fhirtypes';
import type { Types } from './compile.ts';
import { type Run, shown } from './run.ts';

/** Names for "anywhere", and for "directly in a resource". */
const ANYWHERE = new Set(['Element', 'Base', 'Any', '*']);
const RESOURCES = new Set(['Resource', 'DomainResource', 'CanonicalResource', 'MetadataResource']);

/** HL7's own artefacts break some of R4's contexts (structuredefinition-fhir-type): a warning. */
const HL7 = 'http://hl7.org/fhir/StructureDefinition/';

/** No more places than this are remembered for one extension. */
const PLACES_MAX = 500;

/** Reports an extension that stands where its definition does not allow it. */
export type ContextCheck = (run: Run) => void;

/** The check of an extension's place; undefined when it may stand anywhere. */
export function contextCheck(
  definition: StructureDefinition,
  types: Types,
): ContextCheck | undefined {
  const contexts = definition.context ?? [];
  const allowed = contexts.map(({ expression = '' }) => plain(expression));
  const trusted = contexts.some(({ type }) => type !== 'element');
  if (allowed.length === 0 || trusted || allowed.some((each) => ANYWHERE.has(each))) {
    return undefined;
  }
  const steps = allowed.map((each) => each.split('.'));
  const known = new Map<string, boolean>();
  const severity = definition.url?.startsWith(HL7) ? 'warning' : 'error';
  return (run) => {
    if (steps.some((each) => standsAt(each, run))) return;
    const place = placeOf(run);
    let fits = known.get(place);
    if (fits === undefined) {
      fits = fitsAt(place, allowed, types);
      if (known.size < PLACES_MAX) known.set(place, fits);
    }
    if (fits) return;
    run.report(
      severity,
      'extension',
      'extension-context',
      `The extension ${definition.url} stands on ${allowed.join(' or ')}, not on ${shown(place)}. Move it there, or remove it.`,
    );
  };
}

function plain(expression: string): string {
  return expression.replaceAll('[x]', '').replace(/:[^.]*/g, '');
}

/** Whether the element that holds the current extension is at a path, by the names alone. */
function standsAt(steps: readonly string[], run: Run): boolean {
  const owner = run.depth - 2;
  if (owner - run.root !== steps.length - 1 || run.resource?.resourceType !== steps[0])
    return false;
  for (let at = 1; at < steps.length; at++) {
    if (run.names[run.root + at] !== steps[at]) return false;
  }
  return true;
}

function placeOf(run: Run): string {
  const names = run.names.slice(run.root + 1, run.depth - 1);
  return [String(run.resource?.resourceType), ...names].join('.');
}

function fitsAt(place: string, allowed: readonly string[], types: Types): boolean {
  const node = types.element(place);
  if (!node) return true; // within a choice of many types: cannot be told
  const names = new Set([plain(node.path), ...node.types.map(({ code }) => code)]);
  if (node.contentReference) names.add(node.contentReference);
  if (!place.includes('.')) for (const each of RESOURCES) names.add(each);
  return allowed.some((each) => names.has(each));
}
