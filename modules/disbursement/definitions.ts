/**
 * What the operations of the room have in common: their definitions, and reading their parameters.
 */

import type { OperationDefinition, Parameters } from '@medplum/fhirtypes';
import { instanceOperation, parameterIn } from '../../src/sdk/index.ts';

type ParameterList = NonNullable<OperationDefinition['parameter']>;

/** The definition of an operation on an instruction. */
export function instructionOperation(
  code: string,
  description: string,
  parameter: ParameterList,
  affectsState = true,
): OperationDefinition {
  return instanceOperation(code, 'ClaimResponse', description, parameter, affectsState);
}

/** The text of a parameter. */
export function textOf(parameters: Parameters, name: string): string | undefined {
  const found = parameterIn({ parameters }, name);
  return found?.valueString ?? found?.valueCode;
}

/** The answer of an operation that has nothing more to say. */
export const DONE: Parameters = {
  resourceType: 'Parameters',
  parameter: [{ name: 'result', valueBoolean: true }],
};
