/**
 * What a kick-off asks for: the parameters of `$export`, understood and checked before anything is
 * begun.
 *
 * Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { parseReference, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { isObject } from '../definitions/run.ts';
import { conditionOf } from '../search/conditions.ts';
import { parseSearch } from '../search/parse.ts';
import { Values } from '../search/parts.ts';
import { fhirOf } from '../types.ts';

/** An export, as it is kept with its job. */
export interface ExportTask {
  readonly level: 'system' | 'Patient' | 'Group';
  /** Id of the Group. */
  readonly group?: string;
  /** Types asked for; undefined for all that the caller may read. */
  readonly types?: readonly string[];
  readonly since?: string;
  /** Patients named by a POST. */
  readonly patients?: readonly string[];
  /** Searches by type. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  /** Elements by type; those for every type under `*`. */
  readonly elements: Readonly<Record<string, readonly string[]>>;
}

/** Names and texts of what was sent. */
export type Sent = readonly (readonly [string, string])[];

const FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
const KNOWN = [
  '_outputFormat',
  '_since',
  '_type',
  '_typeFilter',
  '_elements',
  'patient',
  '_format',
];

/** What a Parameters body says, as names and texts. */
export function sentIn(body: Parameters): Sent {
  const list: unknown = body.parameter ?? [];
  const isGood =
    Array.isArray(list) && list.every((each) => isObject(each) && each.name !== undefined);
  if (!isGood) {
    throw problem(
      'structure',
      'operation-body',
      '$export takes Parameters.',
      'Parameters.parameter',
    );
  }
  return (list as ParametersParameter[]).map((each) => {
    const key = Object.keys(each).find((name) => name.startsWith('value'));
    const value = key && (each as unknown as Record<string, unknown>)[key];
    const text = isObject(value) ? value.reference : value;
    return [String(each.name), typeof text === 'string' ? text : ''] as const;
  });
}

/**
 * Understands a kick-off.
 *
 * @param lenient  leave out parameters that are not known (`Prefer: handling=lenient`)
 * @throws Problem invalid, forbidden
 */
export function readExport(
  unit: UnitOfWork,
  where: Pick<ExportTask, 'level' | 'group'>,
  sent: Sent,
  lenient: boolean,
): ExportTask {
  for (const [name] of sent) {
    if (KNOWN.includes(name) || lenient) continue;
    const says = `$export takes ${KNOWN.join(', ')}, not "${name}"; or send Prefer: handling=lenient.`;
    throw problem('not-supported', 'operation-parameter', says, name);
  }
  const all = (wanted: string): string[] =>
    sent.filter(([name, text]) => name === wanted && text !== '').map(([, text]) => text);
  const listed = (wanted: string): string[] => all(wanted).flatMap((each) => each.split(','));
  const format = all('_outputFormat')[0]?.replace(' ', '+');
  if (format !== undefined && !FORMATS.includes(format)) {
    throw problem(
      'not-supported',
      'format-unknown',
      'An export is application/fhir+ndjson.',
      '_outputFormat',
    );
  }
  const types = listed('_type');
  for (const type of types) authorize(unit, 'read', knownType(unit, type, '_type'));
  if (types.length === 0 && where.level !== 'system') authorize(unit, 'read', 'Patient');
  const [since] = all('_since');
  const patients = all('patient')
    .flatMap((each) => each.split(','))
    .map(patientId);
  return {
    ...where,
    ...(types.length > 0 && { types: [...new Set(types)] }),
    ...(since !== undefined && { since: instantOf(since) }),
    ...(patients.length > 0 && { patients }),
    filters: filtersOf(unit, all('_typeFilter'), types),
    elements: elementsOf(unit, listed('_elements')),
  };
}

/** @throws Problem when the text of `_since` is no instant */
export function instantOf(text: string): string {
  const isInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  if (isInstant && !Number.isNaN(Date.parse(text))) return text;
  throw problem('invalid', 'operation-parameter', '_since is an instant with its zone.', '_since');
}

function knownType(unit: UnitOfWork, type: string, parameter: string): string {
  if (fhirOf(unit).definitions.isResourceType(type)) return type;
  const says = `"${type.slice(0, 64)}" is not a FHIR R4 resource type.`;
  throw problem('invalid', 'type-unknown', says, parameter);
}

function patientId(text: string): string {
  const local = parseReference(text);
  if (local?.type === 'Patient') return local.id;
  throw problem('invalid', 'operation-parameter', 'patient refers to Patient/[id].', 'patient');
}

/** Each filter is `Type?search`; each is tried, so that a wrong one is told at once. */
function filtersOf(
  unit: UnitOfWork,
  filters: readonly string[],
  types: readonly string[],
): Record<string, string[]> {
  const byType: Record<string, string[]> = {};
  // A comma parts filters only where the next one begins with a type and a question mark.
  for (const filter of filters.flatMap((each) => each.split(/,(?=[A-Z][A-Za-z]+\?)/))) {
    const [, name = '', query = ''] = /^([A-Za-z]+)\?(.*)$/s.exec(filter) ?? [];
    const type = knownType(unit, name, '_typeFilter');
    if (types.length > 0 && !types.includes(type)) {
      const says = `_typeFilter names ${type}, which _type leaves out.`;
      throw problem('invalid', 'operation-parameter', says, '_typeFilter');
    }
    authorize(unit, 'read', type);
    const { terms } = parseSearch(
      fhirOf(unit).definitions,
      [type],
      new URLSearchParams(query),
      false,
    );
    for (const term of terms) conditionOf(unit, type, term, new Values());
    byType[type] = [...(byType[type] ?? []), query];
  }
  return byType;
}

function elementsOf(unit: UnitOfWork, elements: readonly string[]): Record<string, string[]> {
  const byType: Record<string, string[]> = {};
  for (const each of elements) {
    const [first = '', second] = each.split('.');
    const type = second === undefined ? '*' : knownType(unit, first, '_elements');
    byType[type] = [...(byType[type] ?? []), second ?? first];
  }
  return byType;
}
