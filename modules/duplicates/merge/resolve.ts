/**
 * Which two records a merge is about, as R5's `Patient/$merge` lets a caller name them: by reference
 * (with a version, if it must be that one) or by identifiers, and what result is asked for.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html
 */

import type { Bundle, Identifier, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  type OperationInput,
  Problem,
  parameterIn,
  parseReference,
  problem,
} from '../../../src/sdk/index.ts';
import { isReplaced } from './living.ts';
import { same } from './patch.ts';

type Side = 'source' | 'target';

/** The record that the caller means. */
export async function patientOf(ctx: Context, input: OperationInput, side: Side): Promise<Patient> {
  const reference = parameterIn(input, `${side}-patient`)?.valueReference?.reference;
  const named = parameterIn(input, `${side}-patient`) !== undefined;
  const identifiers = identifiersOf(input, side);
  if (named === identifiers.length > 0) {
    throw problem(
      'invalid',
      'merge-one-way',
      `Name the ${side} by ${side}-patient or by ${side}-patient-identifier: one of the two.`,
      `${side}-patient`,
    );
  }
  return named ? byReference(ctx, reference, side) : byIdentifiers(ctx, identifiers, side);
}

function identifiersOf({ parameters }: OperationInput, side: Side): Identifier[] {
  return (parameters.parameter ?? []).flatMap((each) =>
    each.name === `${side}-patient-identifier` ? (each.valueIdentifier ?? []) : [],
  );
}

async function byReference(
  ctx: Context,
  reference: string | undefined,
  side: Side,
): Promise<Patient> {
  const local = parseReference(reference);
  if (local?.type !== 'Patient') {
    throw unresolved(side, `${side}-patient is a reference to a Patient here: Patient/[id].`);
  }
  const patient = await found(ctx, local.id, side);
  if (local.version && local.version !== patient.meta?.versionId) {
    throw problem(
      'precondition-failed',
      'version-conflict',
      `Patient/${local.id} is at version ${patient.meta?.versionId} by now; look at it again.`,
      `${side}-patient`,
    );
  }
  return patient;
}

async function found(ctx: Context, id: string, side: Side): Promise<Patient> {
  try {
    return await ctx.fhir.read<Patient>('Patient', id);
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 410)) throw error;
    throw unresolved(side, `Patient/${id} is not known here.`);
  }
}

async function byIdentifiers(
  ctx: Context,
  identifiers: readonly Identifier[],
  side: Side,
): Promise<Patient> {
  const terms = identifiers.map(({ system, value }) => {
    if (!system || !value) {
      throw unresolved(side, `Each ${side}-patient-identifier has a system and a value.`);
    }
    return `identifier=${encodeURIComponent(`${escaped(system)}|${escaped(value)}`)}`;
  });
  const query = `${terms.join('&')}&_count=10`;
  const page: Bundle<Patient> = await ctx.fhir.search<Patient>('Patient', query);
  // What a record took over from another as old does not name it any more.
  const matches = (page.entry ?? [])
    .flatMap(({ resource }) => resource ?? [])
    .filter((patient) => identifiers.every((each) => carries(patient, each)));
  if (matches.length === 1) return matches[0]!;
  const says = matches.length === 0 ? 'no Patient' : 'several Patients';
  throw unresolved(
    side,
    `The identifiers of the ${side} name ${says}; name it by ${side}-patient.`,
  );
}

function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&');
}

function carries(patient: Patient, { system, value }: Identifier): boolean {
  return (patient.identifier ?? []).some(
    (each) => each.system === system && each.value === value && each.use !== 'old',
  );
}

function unresolved(side: Side, says: string): Problem {
  return problem('unprocessable-reference', 'merge-unresolved', says, `${side}-patient`);
}

/** @throws Problem 422 where the two cannot be merged */
export function checkPair(source: Patient, target: Patient): void {
  const refuse = (says: string, at: Side): never => {
    throw problem('business-rule', 'merge-refused', says, `${at}-patient`);
  };
  if (source.id === target.id) refuse('Source and target are one record.', 'source');
  for (const [side, patient] of [
    ['source', source],
    ['target', target],
  ] as const) {
    if (!isReplaced(patient)) continue;
    const by = patient.link?.find(({ type }) => type === 'replaced-by')?.other.reference;
    refuse(`Patient/${patient.id} has been replaced by ${by}; merge that one.`, side);
  }
  if (target.active === false) {
    refuse(
      `Patient/${target.id} is not active; a person is merged into an active record.`,
      'target',
    );
  }
}

function isList(value: unknown): boolean {
  const isElement = (each: unknown): boolean =>
    typeof each === 'object' && each !== null && !Array.isArray(each);
  return value === undefined || (Array.isArray(value) && value.every(isElement));
}

/** @throws Problem 400 where the result is not that of this merge */
export function checkResult(
  result: Patient,
  source: Patient,
  target: Patient,
  input: OperationInput,
): void {
  const refuse = (says: string, at: string): never => {
    throw problem('invalid', 'merge-result', says, `result-patient.${at}`);
  };
  for (const at of ['link', 'identifier'] as const) {
    if (!isList(result[at])) refuse('It is a list of elements { }.', at);
  }
  if (result.id !== target.id) refuse(`Its id is that of the target, ${target.id}.`, 'id');
  for (const each of identifiersOf(input, 'target')) {
    const has = result.identifier?.some(
      ({ system, value }) => system === each.system && value === each.value,
    );
    if (!has) refuse('It has the identifiers by which the target was named.', 'identifier');
  }
  const links = (result.link ?? []).filter(
    ({ type, other }) => type === 'replaces' && other?.reference === `Patient/${source.id}`,
  );
  if (links.length !== 1) {
    refuse(`It has exactly one link of type replaces to Patient/${source.id}.`, 'link');
  }
  const earlier = (target.link ?? []).filter(({ type }) => type === 'replaces');
  if (earlier.some((each) => !result.link?.some((link) => same(link, each)))) {
    refuse('It keeps the links to what the target has replaced before.', 'link');
  }
  if (result.active === false || isReplaced(result)) {
    refuse('The record that remains is active.', 'active');
  }
}
