/**
 * Notices in the write that compared facts of Patients may have changed. All else follows after the
 * commit (`keep.ts`): normalising a person and entering twenty keys costs as much as the rest of a
 * registration, and a bulk load would pay it one by one.
 */

import type { Patient } from '@medplum/fhirtypes';
import type { Context, ResourceWrite } from '../../../src/sdk/index.ts';
import { patientsChanged } from '../events.ts';

/** People whom one event names at most: a job takes two hundred events. */
const PEOPLE_PER_EVENT = 10;

/** What is read of a Patient, as text. */
const comparedPart = (patient: Patient): string =>
  JSON.stringify([
    patient.name,
    patient.birthDate,
    patient.gender,
    patient.telecom,
    patient.identifier,
    patient.address,
    patient.active,
    patient.link,
  ]);

/** Tells which Patients are to be read again. */
export async function projectPatients(
  ctx: Context,
  writes: readonly ResourceWrite<Patient>[],
): Promise<void> {
  const ids = writes
    .filter(({ resource, previous }) => {
      if (!resource || !previous) return true;
      return comparedPart(resource) !== comparedPart(previous);
    })
    .map(({ rid }) => String(rid));
  for (let at = 0; at < ids.length; at += PEOPLE_PER_EVENT) {
    ctx.emit(patientsChanged, { ids: ids.slice(at, at + PEOPLE_PER_EVENT) });
  }
}
