/**
 * The OperationDefinition of an operation on an instance, as most operations of rooms are, and the
 * parameters that it was given.
 *
 * Spec: https://hl7.org/fhir/R4/operationdefinition.html
 */

import type { OperationDefinition, ParametersParameter } from '@medplum/fhirtypes';
import { operationDefinition } from './canonical.ts';
import type { OperationInput } from './module.ts';

type ResourceCode = NonNullable<OperationDefinition['resource']>[number];

/**
 * The definition of `[resource]/[id]/$code`.
 *
 * @param affectsState  false lets it be called by GET
 */
export function instanceOperation(
  code: string,
  resource: ResourceCode | ResourceCode[],
  description: string,
  parameter: NonNullable<OperationDefinition['parameter']>,
  affectsState = true,
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: operationDefinition(code),
    name: code.replaceAll('-', ''),
    status: 'active',
    kind: 'operation',
    code,
    description,
    resource: [resource].flat(),
    affectsState,
    system: false,
    type: false,
    instance: true,
    parameter,
  };
}

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

/** A parameter of an OperationDefinition that may be given, once unless `max` is "*". */
export function inputParameter(
  name: string,
  type: string,
  documentation: string,
  max = '1',
): Parameter {
  return { name, use: 'in', min: 0, max, type: type as Parameter['type'] & string, documentation };
}

/** A parameter of an OperationDefinition that is answered, once unless `max` is "*". */
export function outputParameter(name: string, type: string, min: 0 | 1, max = '1'): Parameter {
  return { name, use: 'out', min, max, type: type as Parameter['type'] & string };
}

/** The parameter of a name that an operation was given; undefined when it was not. */
export function parameterIn(
  { parameters }: Pick<OperationInput, 'parameters'>,
  name: string,
): ParametersParameter | undefined {
  return parameters.parameter?.find((each) => each.name === name);
}
