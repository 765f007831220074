/**
 * `$validate`: would this resource be taken? Answers with every fault and writes nothing.
 *
 * Without a mode, and with `profile`, the resource is held against definitions: R4's, ours, and
 * profiles, value sets and forms that are stored here. The modes create, update and delete ask for
 * the verdict of that interaction: when nothing is wrong with the resource itself, the write is
 * tried, with guards, references and uniqueness, and undone.
 *
 * Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
 */

import type { OperationDefinition, Parameters, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  type Issue,
  type Operation,
  type OperationInput,
  operationOutcome,
  problem,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { parseContent } from '../store/content.ts';
import { dryRun } from '../store/dry-run.ts';
import { validationOf } from '../stored-definitions.ts';
import { BY_TYPE } from './by-type.ts';

const DEFINITION: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: 'http://hl7.org/fhir/OperationDefinition/Resource-validate',
  name: 'Validate',
  status: 'active',
  kind: 'operation',
  code: 'validate',
  description: 'Says every fault of a resource without writing it.',
  affectsState: false,
  // Every type; the typings know concrete ones only.
  resource: ['Resource' as 'Basic'],
  system: false,
  type: true,
  instance: true,
  parameter: [
    { name: 'resource', use: 'in', min: 0, max: '1', type: 'Resource' },
    { name: 'mode', use: 'in', min: 0, max: '1', type: 'code' },
    { name: 'profile', use: 'in', min: 0, max: '*', type: 'uri' },
    { name: 'return', use: 'out', min: 1, max: '1', type: 'OperationOutcome' },
  ],
};

const MODES = ['create', 'update', 'delete', 'profile'];

/** The operation, found under every resource type. */
export const validateOperation: Operation = {
  definition: DEFINITION,
  permission: BY_TYPE,
  rolledBack: true,
  async run(ctx, input) {
    const unit = ctx as UnitOfWork & typeof ctx;
    const type = input.type!;
    authorize(unit, 'read', type);
    const { mode, profiles } = asked(input.parameters);
    if (mode === 'create' || mode === 'update' || mode === 'delete') authorize(unit, mode, type);
    const resource = await subjectOf(unit, type, input, mode);
    const issues = resource
      ? [...identityFaults(resource, input, mode), ...(await faults(unit, resource, profiles))]
      : [];
    if (!issues.some(isError)) issues.push(...(await verdict(unit, resource, input, mode)));
    return operationOutcome(issues.length > 0 ? issues : [fine(mode, type)]);
  },
};

function isError({ severity }: Issue): boolean {
  return severity === 'error' || severity === 'fatal';
}

function asked({ parameter = [] }: Parameters): {
  mode: string | undefined;
  profiles: readonly string[];
} {
  const mode = parameter.find((each) => each.name === 'mode')?.valueCode;
  if (mode !== undefined && !MODES.includes(mode)) {
    throw problem('invalid', 'operation-parameter', `mode is one of ${MODES.join(', ')}.`, 'mode');
  }
  const given = parameter.filter((each) => each.name === 'profile');
  const profiles = given.flatMap((each) => each.valueUri ?? each.valueCanonical ?? []);
  if (mode === 'profile' && profiles.length === 0) {
    throw problem('required', 'operation-parameter', 'mode profile needs "profile".', 'profile');
  }
  return { mode, profiles };
}

/** What is to be validated; undefined for a delete. */
async function subjectOf(
  unit: UnitOfWork,
  type: string,
  { id, parameters }: OperationInput,
  mode: string | undefined,
): Promise<Resource | undefined> {
  const given = parameters.parameter?.find((each) => each.name === 'resource')?.resource;
  if (given && mode !== 'delete') {
    if (given.resourceType === type) return given;
    throw problem(
      'invalid',
      'resource-type-differs',
      `The resource is a ${given.resourceType}, the URL asks for a ${type}.`,
      'resource',
    );
  }
  if (id === undefined) {
    const needs =
      mode === 'delete'
        ? 'mode delete is asked of an instance: Type/id/$validate.'
        : '$validate needs "resource".';
    throw problem('required', 'operation-parameter', needs, 'resource');
  }
  const { content } = await current(unit, type, id);
  return mode === 'delete' ? undefined : parseContent(content);
}

function identityFaults(
  resource: Resource,
  { id }: OperationInput,
  mode: string | undefined,
): Issue[] {
  if (mode !== 'update' || (id === undefined ? resource.id !== undefined : resource.id === id)) {
    return [];
  }
  const has = resource.id ?? 'has no id';
  return [
    {
      severity: 'error',
      kind: 'invalid',
      code: 'id-differs',
      diagnostics:
        id === undefined
          ? 'An update needs the id of what it updates. Give it.'
          : `The URL names ${id}, the resource ${has}; make them the same.`,
      expression: `${resource.resourceType}.id`,
    },
  ];
}

async function faults(
  unit: UnitOfWork,
  resource: Resource,
  profiles: readonly string[],
): Promise<Issue[]> {
  const validation = await validationOf(unit, [resource], profiles);
  const known = profiles.filter((each) => validation.snapshot(each) !== undefined);
  const unknown = profiles.filter((each) => !known.includes(each));
  return [
    ...validation.validate(resource, { profiles: known }),
    ...unknown.map(
      (each): Issue => ({
        severity: 'error',
        kind: 'not-found',
        code: 'profile-unknown',
        diagnostics: `This server does not know the profile ${each}. Store it as a StructureDefinition.`,
        expression: 'profile',
      }),
    ),
  ];
}

/** What the interaction of a mode would say of a resource that is right in itself. */
async function verdict(
  unit: UnitOfWork,
  resource: Resource | undefined,
  { type, id }: OperationInput,
  mode: string | undefined,
): Promise<Issue[]> {
  if (mode === 'delete') return dryRun(unit, () => unit.fhir.delete(type!, id!));
  if (mode === 'create') return dryRun(unit, () => unit.fhir.create(resource!));
  if (mode === 'update') return dryRun(unit, () => unit.fhir.update(resource!));
  return [];
}

function fine(mode: string | undefined, type: string): Issue {
  const said =
    mode === 'create' || mode === 'update' || mode === 'delete'
      ? `The ${mode} of this ${type} would be taken.`
      : 'Nothing is wrong with this.';
  return { severity: 'information', kind: 'informational', diagnostics: said };
}
