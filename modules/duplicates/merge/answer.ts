/**
 * What the operations of merging have in common: how they declare parameters and how they answer.
 */

import type {
  Group,
  OperationDefinition,
  OperationOutcomeIssue,
  Parameters,
  ParametersParameter,
  Patient,
} from '@medplum/fhirtypes';
import { inputParameter, type OperationInput, outputParameter } from '../../../src/sdk/index.ts';
import type { World } from './plan.ts';

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

/** A parameter that has parts, and so no type. */
export function withParts(
  use: 'in' | 'out',
  name: string,
  documentation: string,
  part: Parameter[],
): Parameter {
  return { name, use, min: 0, max: '*', documentation, part };
}

/** The two ways of naming a record, one of which is used: by reference, or by identifiers. */
export function namedBy(name: string, documentation: string): Parameter[] {
  return [
    inputParameter(name, 'Reference', documentation),
    inputParameter(`${name}-identifier`, 'Identifier', `${documentation} By what it carries.`, '*'),
  ];
}

export const PREVIEW = inputParameter('preview', 'boolean', 'Says what would be; writes nothing.');

/** How many resources of a type change. */
export const EFFECT = withParts('out', 'effect', 'How many resources of a type change.', [
  outputParameter('type', 'code', 1),
  outputParameter('count', 'integer', 1),
]);

export function effects(after: World): ParametersParameter[] {
  const types = Map.groupBy(after.values(), (each) => String(each.resourceType));
  return [...types].map(([type, group]) => ({
    name: 'effect',
    part: [
      { name: 'type', valueCode: type },
      { name: 'count', valueInteger: group.length },
    ],
  }));
}

export function issue(
  severity: 'information' | 'warning',
  diagnostics: string,
): OperationOutcomeIssue {
  return {
    severity,
    code: severity === 'warning' ? 'business-rule' : 'informational',
    diagnostics,
  };
}

export function taskParameter(reference: string): ParametersParameter {
  return { name: 'task', valueReference: { reference } };
}

/** A resource as it would stand: it has no version of its own yet, and was not written at any time. */
export function unwritten<R extends Patient | Group>(resource: R): R {
  const { versionId: _version, lastUpdated: _at, ...meta } = resource.meta ?? {};
  const { meta: _meta, ...rest } = resource;
  return (Object.keys(meta).length > 0 ? { ...resource, meta } : rest) as R;
}

/**
 * The answer of a merge that waits for a second person.
 *
 * @param same what that person's call has in common with this one
 */
export function proposed(input: OperationInput, task: string, same: string): Parameters {
  const says =
    'Payments are at stake, or it was decided otherwise: the merge is proposed, nothing is merged yet; ' +
    `another person calls $merge for the same ${same}.`;
  return answer(input, [issue('information', says)], [taskParameter(task)]);
}

/** The answer of a merge: what was given, what is to be said, and the rest. */
export function answer(
  input: OperationInput,
  issues: OperationOutcomeIssue[],
  rest: ParametersParameter[],
): Parameters {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'input', resource: input.parameters },
      { name: 'outcome', resource: { resourceType: 'OperationOutcome', issue: issues } },
      ...rest,
    ],
  };
}
