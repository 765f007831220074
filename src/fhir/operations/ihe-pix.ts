/**
 * `Patient/$ihe-pix` (IHE PIXm, ITI-83): the other identifiers of the person who has one, and the
 * Patients that are this person. Linked Patients are followed one step, either way.
 *
 * Whoever may not see identifiers is refused: the answer is nothing else.
 *
 * Spec: https://profiles.ihe.net/ITI/PIXm/ITI-83.html
 */

import type { Identifier, Parameters, Patient } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  type Operation,
  type OperationInput,
  Problem,
  parseReference,
  problem,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { fhirOf } from '../types.ts';
import { BY_TYPE } from './by-type.ts';

/** Patients who share an identifier, and those linked to them, at most. */
const PERSONS_MAX = 50;

/** The operation. */
export const pixOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: 'https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix',
    name: 'PatientIdentifierCrossReference',
    status: 'active',
    kind: 'operation',
    code: 'ihe-pix',
    description: 'Gives the other identifiers of the person who has an identifier.',
    affectsState: false,
    resource: ['Patient'],
    system: false,
    type: true,
    instance: false,
    parameter: [
      {
        name: 'sourceIdentifier',
        use: 'in',
        min: 1,
        max: '1',
        type: 'string',
        documentation: 'system|value; of a Patient of this server, base|Patient/id.',
      },
      {
        name: 'targetSystem',
        use: 'in',
        min: 0,
        max: '*',
        type: 'string',
        documentation: 'Systems of the identifiers that are wanted; all without it.',
      },
      { name: 'targetIdentifier', use: 'out', min: 0, max: '*', type: 'Identifier' },
      { name: 'targetId', use: 'out', min: 0, max: '*', type: 'Reference' },
    ],
  },
  permission: BY_TYPE,
  run: (ctx, input) => crossReference(ctx as UnitOfWork & typeof ctx, input),
};

/** An identifier as it is asked for. */
interface Source {
  readonly system: string;
  readonly value: string;
  /** Id of the Patient of this server that it names. */
  readonly id?: string;
}

async function crossReference(
  unit: UnitOfWork,
  { parameters }: OperationInput,
): Promise<Parameters> {
  authorize(unit, 'search', 'Patient');
  const { definitions, base } = fhirOf(unit);
  refuseMaskedSearch(unit.actor, 'Patient', definitions.searchParameter('Patient', 'identifier')!);
  const source = sourceOf(text(parameters, 'sourceIdentifier')[0] ?? '', base());
  const targets = text(parameters, 'targetSystem');
  for (const system of targets) {
    if (system === base() || (await isKnown(unit, system))) continue;
    throw refusal(403, 'pix-target-unknown', 'targetSystem not found', 'targetSystem');
  }
  const persons = await withLinked(unit, await sourcePersons(unit, source));
  const wanted = (system: string): boolean => targets.length === 0 || targets.includes(system);
  const identifiers = new Map<string, Identifier>();
  for (const each of persons.flatMap((person) => person.identifier ?? [])) {
    const { system = '', value = '' } = each;
    if ((system === source.system && value === source.value) || !wanted(system)) continue;
    identifiers.set(`${system}|${value}`, each);
  }
  const references = persons.filter(({ id }) => id !== source.id && wanted(base()));
  return {
    resourceType: 'Parameters',
    parameter: [
      ...[...identifiers.values()].map((each) => ({
        name: 'targetIdentifier',
        valueIdentifier: each,
      })),
      ...references.map(({ id }) => ({
        name: 'targetId',
        valueReference: { reference: `Patient/${id}` },
      })),
    ],
  };
}

function text({ parameter = [] }: Parameters, name: string): string[] {
  return parameter.flatMap((each) => (each.name === name ? (each.valueString ?? []) : []));
}

function sourceOf(given: string, base: string): Source {
  const bar = given.indexOf('|');
  const [system, value] = [given.slice(0, Math.max(bar, 0)), given.slice(bar + 1)];
  if (!system || !value) {
    throw problem(
      'invalid',
      'operation-parameter',
      'sourceIdentifier is system|value; write both.',
      'sourceIdentifier',
    );
  }
  const local = system === base ? parseReference(value) : undefined;
  return { system, value, ...(local?.type === 'Patient' && { id: local.id }) };
}

async function sourcePersons(unit: UnitOfWork, source: Source): Promise<Patient[]> {
  const { system, value, id } = source;
  const found = id
    ? await find(unit, { _id: id })
    : await find(unit, { identifier: `${escaped(system)}|${escaped(value)}` });
  if (found.length > 0) return found;
  if (id || (await isKnown(unit, system))) {
    const says = 'sourceIdentifier Patient Identifier not found';
    throw problem('not-found', 'pix-source-unknown', says, 'sourceIdentifier');
  }
  const says = 'sourceIdentifier Assigning Authority not found';
  throw refusal(400, 'pix-authority-unknown', says, 'sourceIdentifier');
}

/** Status and words as IHE asks for them. */
function refusal(status: number, code: string, says: string, parameter: string): Problem {
  return new Problem(problem('code-invalid', code, says, parameter).issues, { status });
}

/** Persons with those whom they are linked to, or who are linked to them. */
async function withLinked(unit: UnitOfWork, persons: readonly Patient[]): Promise<Patient[]> {
  const named = persons.flatMap(({ link = [] }) =>
    link.flatMap(({ other }) => parseReference(other?.reference) ?? []),
  );
  const ids = named.filter((each) => each.type === 'Patient').map((each) => each.id);
  const of = persons.map((each) => `Patient/${each.id}`).join(',');
  const linked = [
    ...(ids.length > 0 ? await find(unit, { _id: ids.join(',') }) : []),
    ...(await find(unit, { link: of })),
  ];
  return [...new Map([...persons, ...linked].map((each) => [each.id, each])).values()];
}

async function isKnown(unit: UnitOfWork, system: string): Promise<boolean> {
  return (await find(unit, { identifier: `${escaped(system)}|` }, 1)).length > 0;
}

async function find(
  unit: UnitOfWork,
  query: Readonly<Record<string, string>>,
  count = PERSONS_MAX,
): Promise<Patient[]> {
  const search = new URLSearchParams({ ...query, _count: String(count) });
  const { entry = [] } = await unit.fhir.search<Patient>('Patient', search.toString());
  return entry.flatMap(({ resource }) => (resource?.resourceType === 'Patient' ? [resource] : []));
}

function escaped(value: string): string {
  return value.replace(/[\\,|$]/g, '\\$&');
}
