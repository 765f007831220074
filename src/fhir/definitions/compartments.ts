/**
 * Compartments: which search parameters lead a resource into one. R4's Patient compartment, and the
 * household as our own (`Group`): what is about the household or about one of its members.
 *
 * Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
 */

import type { Compartment } from './definitions.ts';
import { loadPatientCompartment } from './load.ts';

/** Parameters that lead to a household itself, beside those that lead to its members. */
const OF_HOUSEHOLDS: Readonly<Record<string, readonly string[]>> = {
  Claim: ['patient'],
  Communication: ['subject', 'recipient'],
  CommunicationRequest: ['subject', 'recipient'],
  Coverage: ['beneficiary', 'policy-holder', 'subscriber'],
  Encounter: ['subject'],
  Flag: ['subject'],
  Group: ['member'],
  List: ['subject'],
  MeasureReport: ['subject'],
  Observation: ['subject'],
  Patient: ['link'],
  Provenance: ['target'],
  QuestionnaireResponse: ['subject'],
  ServiceRequest: ['subject'],
  Task: ['subject', 'focus', 'patient'],
};

const known = new Map<string, Compartment>();

/** The compartment of a code (`Patient`, `Group`); undefined for one that is not carried. */
export function compartmentOf(code: string): Compartment | undefined {
  if (code !== 'Patient' && code !== 'Group') return undefined;
  let found = known.get(code);
  if (!found) {
    const parameters = new Map<string, readonly string[]>(
      (loadPatientCompartment().resource ?? [])
        .filter((each) => each.param?.length)
        .map((each) => [each.code as string, each.param!]),
    );
    if (code === 'Group') {
      for (const [type, codes] of Object.entries(OF_HOUSEHOLDS)) {
        parameters.set(type, [...new Set([...(parameters.get(type) ?? []), ...codes])]);
      }
    }
    found = { code, parameters };
    known.set(code, found);
  }
  return found;
}
