/**
 * Conditions met or not, kept in step with the Observations that say so: a school or a clinic
 * posts one for a person (or a household) and a month, with our profile `compliance`.
 *
 * A later Observation of the same condition and month replaces what an earlier one said, so that an
 * appeal corrects a month; one that is entered in error, or deleted, leaves no data. Every other
 * Observation is just stored.
 *
 * Spec: https://hl7.org/fhir/R4/observation.html
 */

import type { Observation } from '@medplum/fhirtypes';
import {
  addMonths,
  type Context,
  dayRange,
  declares,
  inPlace,
  localId,
  problem,
  type ResourceWrite,
} from '../../src/sdk/index.ts';
import { ENROL } from './lifecycle.ts';
import { type ComplianceRow, replaceCompliance } from './store/compliance.ts';

const OUTCOMES = ['met', 'not-met', 'exempt'] as const;

/** No Observation is about more; a longer one is a mistake. */
const MONTHS_MAX = 24;

/** Projects Observations that declare the profile; forgets those that do so no longer. */
export async function projectObservations(
  ctx: Context,
  writes: readonly ResourceWrite<Observation>[],
): Promise<void> {
  const kept = writes.filter((write) => counts(write.resource));
  const gone = writes.filter((write) => write.action !== 'create').map((write) => write.rid);
  if (kept.length === 0 && gone.length === 0) return;
  if (kept.length > 0) ctx.demand(ENROL);
  const read = kept.map((write) => ({
    write,
    ...inPlace(write.place, () => readObservation(write.resource as Observation)),
  }));
  const rids = async (type: 'Patient' | 'Group') => {
    const ids = read.flatMap((each) => (each.type === type ? [each.id] : []));
    return ids.length > 0 ? ctx.fhir.rids(type, [...new Set(ids)]) : new Map<string, bigint>();
  };
  const found = { Patient: await rids('Patient'), Group: await rids('Group') };
  const rows = read.flatMap(({ write, type, id, months, condition, outcome }): ComplianceRow[] => {
    const subjectId = found[type].get(id) ?? 0n;
    const of = { subjectId, ofGroup: type === 'Group', observationId: write.rid };
    return months.map((month) => ({ ...of, month, condition, outcome, place: write.place }));
  });
  await replaceCompliance(ctx, gone, rows);
}

/** True for an Observation that says of a condition whether it was met. */
export function counts(observation: Observation | undefined): observation is Observation {
  return (
    observation !== undefined &&
    declares(observation, 'compliance') &&
    observation.status !== 'entered-in-error' &&
    observation.status !== 'cancelled'
  );
}

/**
 * Of whom an Observation speaks, of which condition and months, and what it says.
 *
 * @throws Problem `compliance-incomplete`, `compliance-too-long`
 */
export function readObservation(observation: Observation) {
  const { reference } = observation.subject ?? {};
  const patient = localId(reference, 'Patient');
  const id = patient ?? localId(reference, 'Group');
  const condition = observation.code?.coding?.[0]?.code;
  const code = observation.valueCodeableConcept?.coding?.[0]?.code;
  const outcome = OUTCOMES.find((each) => each === code);
  if (!id || !condition || !outcome) {
    throw problem(
      'required',
      'compliance-incomplete',
      'Say of whom (Patient/id or Group/id), which condition (code) and the outcome: ' +
        `one of ${OUTCOMES.join(', ')}.`,
      'Observation',
    );
  }
  const type = patient ? ('Patient' as const) : ('Group' as const);
  return { type, id, condition, outcome, months: monthsOf(observation) };
}

/** First days of the months that the Observation is about. */
function monthsOf({ effectivePeriod, effectiveDateTime }: Observation): string[] {
  const start = effectivePeriod?.start ?? effectiveDateTime;
  const end = effectivePeriod?.end ?? start;
  if (!start || !end) {
    throw problem(
      'required',
      'compliance-incomplete',
      'Say of which month: effectiveDateTime such as 2026-03, or effectivePeriod.',
      'Observation.effective',
    );
  }
  const last = dayRange(end).last.slice(0, 7);
  const months: string[] = [];
  for (let day = `${dayRange(start).first.slice(0, 7)}-01`; day.slice(0, 7) <= last; ) {
    months.push(day);
    day = addMonths(day, 1);
    if (months.length > MONTHS_MAX) {
      throw problem(
        'value',
        'compliance-too-long',
        `An Observation is about ${MONTHS_MAX} months at most.`,
        'Observation.effectivePeriod',
      );
    }
  }
  return months;
}
