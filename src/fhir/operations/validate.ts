/**
 * `$validate`: would this resource be taken? Answers with every fault and writes nothing.
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
import { fhirOf } from '../types.ts';
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
    { name: 'profile', use: 'in', min: 0, max: '1', type: 'uri' },
    { name: 'return', use: 'out', min: 1, max: '1', type: 'OperationOutcome' },
  ],
};

const MODES = ['create', 'update', 'delete', 'profile'];

/** The operation, found under every resource type. */
export const validateOperation: Operation = {
  definition: DEFINITION,
  permission: BY_TYPE,
  async run(ctx, input) {
    const unit = ctx as UnitOfWork & typeof ctx;
    const type = input.type!;
    authorize(unit, 'read', type);
    const { mode, profile } = asked(input.parameters);
    const resource = await subjectOf(unit, type, input, mode);
    if (!resource) return operationOutcome([fine(`${type}/${input.id} can be deleted.`)]);
    const issues = [...identityFaults(resource, input, mode), ...faults(unit, resource, profile)];
    return operationOutcome(issues.length > 0 ? issues : [fine('Nothing is wrong with this.')]);
  },
};

function asked({ parameter = [] }: Parameters): { mode?: string; profile?: string } {
  const mode = parameter.find((each) => each.name === 'mode')?.valueCode;
  if (mode !== undefined && !MODES.includes(mode)) {
    throw problem('invalid', 'operation-parameter', `mode is one of ${MODES.join(', ')}.`, 'mode');
  }
  return { mode, profile: parameter.find((each) => each.name === 'profile')?.valueUri };
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
    throw problem('required', 'operation-parameter', '$validate needs "resource".', 'resource');
  }
  const { content } = await current(unit, type, id);
  return mode === 'delete' ? undefined : parseContent(content);
}

function identityFaults(
  resource: Resource,
  { id }: OperationInput,
  mode: string | undefined,
): Issue[] {
  if (mode !== 'update' || id === undefined || resource.id === id) return [];
  return [
    {
      severity: 'error',
      kind: 'invalid',
      code: 'id-differs',
      diagnostics: `The URL names ${id}, the resource ${resource.id ?? 'has no id'}; make them the same.`,
      expression: `${resource.resourceType}.id`,
    },
  ];
}

function faults(unit: UnitOfWork, resource: Resource, profile: string | undefined): Issue[] {
  const { definitions } = fhirOf(unit);
  if (profile === undefined) return definitions.validate(resource);
  if (definitions.snapshot(profile)) return definitions.validate(resource, { profiles: [profile] });
  return [
    {
      severity: 'error',
      kind: 'not-found',
      code: 'profile-unknown',
      diagnostics: `This server does not know the profile ${profile}.`,
      expression: 'profile',
    },
  ];
}

function fine(diagnostics: string): Issue {
  return { severity: 'information', kind: 'informational', diagnostics };
}
