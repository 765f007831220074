/**
 * Which two records a merge is about, as R5's `Patient/$merge` lets a caller name them: by reference
 * (with a version, if it must be that one) or by identifiers, and what result is asked for. Households are
 * named in the same way.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html
 */

import type { Bundle, Group, Identifier, Patient, Reference } from '@medplum/fhirtypes';
import {
  type Context,
  type OperationInput,
  Problem,
  parameterIn,
  parseReference,
  problem,
} from '../../../src/sdk/index.ts';
import { isReplaced, type Merged, refersTo } from './living.ts';
import { same } from './patch.ts';

type Side = 'source' | 'target';

/** Name of the parameter by which a caller names a record: `source-patient`, `target-group`. */
const nameOf = (side: Side, type: Merged): string => `${side}-${type.toLowerCase()}`;

/** The record that the caller means. */
export async function recordOf<R extends Patient | Group>(
  ctx: Context,
  input: OperationInput,
  side: Side,
  type: R['resourceType'],
): Promise<R> {
  const name = nameOf(side, type);
  const named = parameterIn(input, name);
  const identifiers = identifiersOf(input, name);
  if ((named !== undefined) === identifiers.length > 0) {
    throw problem(
      'invalid',
      'merge-one-way',
      `Name the ${side} by ${name} or by ${name}-identifier: one of the two.`,
      name,
    );
  }
  return named
    ? byReference<R>(ctx, named.valueReference ?? {}, type, name)
    : byIdentifiers<R>(ctx, identifiers, type, name);
}

/** The Patient that the caller means. */
export function patientOf(ctx: Context, input: OperationInput, side: Side): Promise<Patient> {
  return recordOf<Patient>(ctx, input, side, 'Patient');
}

function identifiersOf({ parameters }: OperationInput, name: string): Identifier[] {
  return (parameters.parameter ?? []).flatMap((each) =>
    each.name === `${name}-identifier` ? (each.valueIdentifier ?? []) : [],
  );
}

/**
 * The record of a reference, in the version that it names. An identifier in it names the record where
 * nothing else does; beside a literal reference the record must carry it.
 */
export async function byReference<R extends Patient | Group>(
  ctx: Context,
  { reference, identifier }: Reference,
  type: R['resourceType'],
  name: string,
): Promise<R> {
  if (reference === undefined && identifier) {
    return byIdentifiers<R>(ctx, [identifier], type, name);
  }
  const local = parseReference(reference);
  if (local?.type !== type) {
    throw unresolved(name, `${name} is a reference to a ${type} here: ${type}/[id].`);
  }
  const record = await found<R>(ctx, type, local.id, name);
  if (identifier && !carries(record, identifier)) {
    throw unresolved(name, `${type}/${local.id} does not carry the identifier of ${name}.`);
  }
  if (local.version && local.version !== record.meta?.versionId) {
    throw problem(
      'precondition-failed',
      'version-conflict',
      `${type}/${local.id} is at version ${record.meta?.versionId} by now; look at it again.`,
      name,
    );
  }
  return record;
}

async function found<R extends Patient | Group>(
  ctx: Context,
  type: R['resourceType'],
  id: string,
  name: string,
): Promise<R> {
  try {
    return await ctx.fhir.read<R>(type, id);
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 410)) throw error;
    throw unresolved(name, `${type}/${id} is not known here.`);
  }
}

async function byIdentifiers<R extends Patient | Group>(
  ctx: Context,
  identifiers: readonly Identifier[],
  type: R['resourceType'],
  name: string,
): Promise<R> {
  const terms = identifiers.map(({ system, value }) => {
    if (!system || !value) {
      throw unresolved(name, `Each identifier of ${name} has a system and a value.`);
    }
    return `identifier=${encodeURIComponent(`${escaped(system)}|${escaped(value)}`)}`;
  });
  const query = `${terms.join('&')}&_count=10`;
  const page: Bundle<R> = await ctx.fhir.search<R>(type, query);
  // What a record took over from another as old does not name it any more.
  const matches = (page.entry ?? [])
    .flatMap(({ resource }) => resource ?? [])
    .filter((record) => identifiers.every((each) => carries(record, each)));
  if (matches.length === 1) return matches[0]!;
  const says = matches.length === 0 ? `no ${type}` : `several ${type}s`;
  throw unresolved(name, `The identifiers of ${name} name ${says}; name it by ${name}.`);
}

function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&');
}

function carries(record: Patient | Group, { system, value }: Identifier): boolean {
  return (record.identifier ?? []).some(
    (each) => each.system === system && each.value === value && each.use !== 'old',
  );
}

function unresolved(name: string, says: string): Problem {
  return problem('unprocessable-reference', 'merge-unresolved', says, name);
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
  for (const each of identifiersOf(input, 'target-patient')) {
    const has = result.identifier?.some(
      ({ system, value }) => system === each.system && value === each.value,
    );
    if (!has) refuse('It has the identifiers by which the target was named.', 'identifier');
  }
  const links = (result.link ?? []).filter(
    ({ type, other }) => type === 'replaces' && refersTo(other, source.id!),
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
