/**
 * Reading our extensions from FHIR elements. Readers are tolerant of the four ways in which a code
 * can be written, because registries write all of them; what is missing is `undefined`.
 *
 * Spec: https://hl7.org/fhir/R4/extensibility.html
 */

import type { CodeableConcept, Extension } from '@medplum/fhirtypes';
import { structureDefinition } from './canonical.ts';
import { parseReference } from './reference.ts';

/** Anything that can carry extensions. */
export interface Extensible {
  readonly extension?: readonly Extension[];
}

/** Our extensions of this name on the element, in order. */
export function extensionsOf(element: Extensible | undefined, name: string): Extension[] {
  const url = structureDefinition(name);
  return (element?.extension ?? []).filter((each) => each.url === url);
}

/** The first of our extensions of this name. */
export function extensionOf(element: Extensible | undefined, name: string): Extension | undefined {
  return extensionsOf(element, name)[0];
}

/** A part of a complex extension, whose url is a plain name. */
export function partOf(element: Extensible | undefined, name: string): Extension | undefined {
  return element?.extension?.find((each) => each.url === name);
}

/** All parts of a complex extension with this name. */
export function partsOf(element: Extensible | undefined, name: string): Extension[] {
  return (element?.extension ?? []).filter((each) => each.url === name);
}

/** The code in an extension, from valueCode, valueCoding, valueCodeableConcept or valueString. */
export function codeIn(extension: Extension | undefined): string | undefined {
  return (
    extension?.valueCode ??
    extension?.valueCoding?.code ??
    extension?.valueCodeableConcept?.coding?.[0]?.code ??
    extension?.valueString
  );
}

/** The id in an extension's local reference to a resource of `type`. */
export function idIn(extension: Extension | undefined, type: string): string | undefined {
  return localId(extension?.valueReference?.reference, type);
}

/** The id of a local reference `Type/id` to a resource of `type`. */
export function localId(reference: string | undefined, type: string): string | undefined {
  const parsed = parseReference(reference);
  return parsed?.type === type ? parsed.id : undefined;
}

/** True when one of the concepts has the code (and the system, where one is named). */
export function hasCode(
  concepts: CodeableConcept | readonly CodeableConcept[] | undefined,
  code: string,
  system?: string,
): boolean {
  const list: readonly CodeableConcept[] =
    concepts === undefined ? [] : isList(concepts) ? concepts : [concepts];
  return list.some((concept) =>
    concept.coding?.some(
      (coding) => coding.code === code && (system === undefined || coding.system === system),
    ),
  );
}

function isList(
  concepts: CodeableConcept | readonly CodeableConcept[],
): concepts is readonly CodeableConcept[] {
  return Array.isArray(concepts);
}

/** True when the resource declares one of our profiles. */
export function declares(
  resource: { meta?: { profile?: readonly string[] } } | undefined,
  profile: string,
): boolean {
  return resource?.meta?.profile?.includes(structureDefinition(profile)) ?? false;
}
