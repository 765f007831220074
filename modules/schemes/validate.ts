/**
 * `InsurancePlan/[id]/$record-validation`: what a community's meeting decided of each household on
 * its list. Rules ask for it by `communityDecision`; nothing else follows from it by itself.
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  instanceOperation,
  localId,
  type Operation,
  type OperationInput,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { ENROL } from './lifecycle.ts';
import { writeValidation } from './store/compliance.ts';
import { findScheme } from './store/schemes.ts';

const definition = instanceOperation(
  'record-validation',
  'InsurancePlan',
  'Records what the meeting of a community decided of households: accepted or rejected, with a ' +
    'reason. A later decision on a household replaces the earlier one.',
  [
    { name: 'meeting', use: 'in', min: 0, max: '1', type: 'string' },
    { name: 'on', use: 'in', min: 1, max: '1', type: 'date' },
    {
      name: 'decision',
      use: 'in',
      min: 1,
      max: '*',
      part: [
        { name: 'household', use: 'in', min: 1, max: '1', type: 'Reference' },
        { name: 'decision', use: 'in', min: 1, max: '1', type: 'code' },
        { name: 'reason', use: 'in', min: 0, max: '1', type: 'string' },
      ],
    },
    { name: 'recorded', use: 'out', min: 1, max: '1', type: 'integer' },
  ],
);

const DECISIONS = ['accepted', 'rejected'];

async function run(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id ?? '');
  const given = (input.parameters.parameter ?? []).filter((each) => each.name === 'decision');
  const read = given.map((each, index) => readDecision(each, `decision[${index}]`));
  const rids = await ctx.fhir.rids('Group', [...new Set(read.map((each) => each.household))]);
  const latest = new Map(
    read.map((each, index) => {
      const householdId = rids.get(each.household);
      if (householdId === undefined) throw unknownHousehold(each.household, index);
      return [householdId, { ...each, householdId }];
    }),
  );
  const on = parameterIn(input, 'on')?.valueDate;
  if (!on) throw problem('required', 'day-malformed', 'Say when the meeting was.', 'on');
  const name = parameterIn(input, 'meeting')?.valueString ?? null;
  const recorded = await writeValidation(ctx, scheme.scheme_id, [...latest.values()], { name, on });
  if (recorded < latest.size) {
    throw problem('business-rule', 'enrolment-stranger', 'A Group on the list is no household.');
  }
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'recorded', valueInteger: recorded }],
  };
}

function readDecision(each: ParametersParameter, place: string) {
  const part = (name: string) => each.part?.find((found) => found.name === name);
  const household = localId(part('household')?.valueReference?.reference, 'Group');
  const decision = part('decision')?.valueCode ?? part('decision')?.valueString ?? '';
  if (!household || !DECISIONS.includes(decision)) {
    throw problem(
      'required',
      'validation-incomplete',
      `Name a household as Group/id and a decision: ${DECISIONS.join(' or ')}.`,
      place,
    );
  }
  return { household, decision, reason: part('reason')?.valueString ?? null };
}

function unknownHousehold(id: string, index: number) {
  return problem(
    'unprocessable-reference',
    'reference-unknown',
    `Group/${id} is not known here.`,
    `decision[${index}].household`,
  );
}

/** Records decisions of a community. */
export const recordValidation: Operation = { definition, permission: ENROL, run };
