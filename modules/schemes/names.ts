/**
 * Names that this room writes into Coverages, in one place.
 */

import type { CodeableConcept, Extension } from '@medplum/fhirtypes';
import { codeSystem, structureDefinition } from '../../src/sdk/index.ts';

export const EXTENSION = {
  scheme: structureDefinition('enrolment-scheme'),
  household: structureDefinition('enrolment-household'),
  state: structureDefinition('enrolment-state'),
  reason: structureDefinition('enrolment-reason'),
  recipientBasis: structureDefinition('recipient-basis'),
  rank: structureDefinition('enrolment-rank'),
  recertifiedOn: structureDefinition('enrolment-recertified-on'),
} as const;

/** The reason of an enrolment's state as a concept. */
export function reasonConcept(code: string): CodeableConcept {
  return { coding: [{ system: codeSystem('enrolment-reason'), code }] };
}

/** Replaces the extension of this url, or adds it. */
export function withExtension(
  extensions: readonly Extension[] | undefined,
  extension: Extension,
): Extension[] {
  return [...(extensions ?? []).filter((each) => each.url !== extension.url), extension];
}
