/**
 * Compartments: which search parameters lead a resource into one. R4's Patient compartment is
 * carried; the others of R4 are asked for by nobody in this house.
 *
 * Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
 */

import type { Compartment } from './definitions.ts';
import { loadPatientCompartment } from './load.ts';

let patient: Compartment | undefined;

/** The compartment of a code (`Patient`); undefined for one that is not carried. */
export function compartmentOf(code: string): Compartment | undefined {
  if (code !== 'Patient') return undefined;
  patient ??= {
    code,
    parameters: new Map(
      (loadPatientCompartment().resource ?? [])
        .filter((each) => each.param?.length)
        .map((each) => [each.code as string, each.param!]),
    ),
  };
  return patient;
}
