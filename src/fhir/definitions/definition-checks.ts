/**
 * What definitions say of themselves, beyond their type: a profile speaks of elements that its base
 * has, a search parameter has the type of the one from which it is derived.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html#structuredefinition, https://hl7.org/fhir/R4/searchparameter.html
 */

import type { SearchParameter, StructureDefinition } from '@medplum/fhirtypes';
import { isObject, type Json, type Run, shown } from './run.ts';
import { SnapshotFault, withSnapshot } from './snapshot.ts';

/** Reports a differential that does not fit its base; a base that we do not have is no fault. */
export function checkDifferential(
  value: Json,
  run: Run,
  find: (url: string) => StructureDefinition | undefined,
): void {
  // What is not even of its type has been told, and cannot be walked.
  if (run.issues.some((each) => each.severity === 'error')) return;
  const definition = value as unknown as StructureDefinition;
  if (definition.derivation !== 'constraint' || !isObject(value.differential)) return;
  try {
    const { snapshot: _snapshot, ...bare } = definition;
    withSnapshot(bare as StructureDefinition, find);
  } catch (error) {
    if (!(error instanceof SnapshotFault)) throw error;
    if (error.at < 0) return;
    run.push('differential');
    run.push('element');
    run.indexes[run.depth - 1] = error.at;
    run.error('invalid', 'differential-misfit', `${error.message}. Speak of what the base has.`);
    run.pop();
    run.pop();
  }
}

/** Reports a search parameter whose type is not that of its origin. */
export function checkDerived(
  { derivedFrom, type }: Json,
  run: Run,
  find: (url: string) => SearchParameter | undefined,
): void {
  if (typeof derivedFrom !== 'string') return;
  const origin = find(derivedFrom.split('|')[0]!);
  if (!origin || origin.type === type) return;
  run.error(
    'value',
    'derived-type-differs',
    `${derivedFrom} is of type ${origin.type}, so this cannot be of type ${shown(type)}.`,
    'type',
  );
}
