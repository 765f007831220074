/**
 * `Patient/$merge`: the parameters and answers of R5's operation, on R4; what it answers beside them
 * (where each field comes from, what is led over) is ours.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html
 */

import type {
  OperationDefinition,
  Parameters,
  ParametersParameter,
  Patient,
} from '@medplum/fhirtypes';
import {
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  parameterIn,
  permission,
} from '../../../src/sdk/index.ts';
import { refuseMasked } from '../match.ts';
import { settleMerged } from '../review/settle.ts';
import { lockForMerge } from '../store/merge-locks.ts';
import {
  answer,
  EFFECT,
  effects,
  issue,
  namedBy,
  PREVIEW,
  proposed,
  taskParameter,
  unwritten,
  withParts,
} from './answer.ts';
import {
  type Against,
  checkDecided,
  decidedAgainst,
  OVERRULE,
  overruleDecided,
  overruleIn,
} from './decided.ts';
import { checkConflicts, merge, type Prepared, pairOf, prepare } from './merge.ts';
import { needsTwo, type Proposed, secondPerson } from './propose.ts';
import { checkPair, checkResult, patientOf } from './resolve.ts';

export const MERGE = permission('duplicates.merge', 'merge two records of one person or household');

const mergeDefinition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('merge'),
  name: 'Merge',
  title: 'Merge two records of one person',
  status: 'active',
  kind: 'operation',
  code: 'merge',
  base: 'http://hl7.org/fhir/OperationDefinition/Patient-merge',
  description:
    'As Patient/$merge of R5: the source becomes inactive and is replaced by the target; what lives ' +
    'and refers to it is led over, what is settled stays. preview writes nothing. Where payments are ' +
    'at stake the first call proposes, and the call of another person merges. $unmerge takes it back.',
  affectsState: true,
  resource: ['Patient'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    ...namedBy('source-patient', 'The record that is replaced.'),
    ...namedBy('target-patient', 'The record that remains.'),
    inputParameter(
      'result-patient',
      'Patient',
      'What the record that remains becomes, with a link of type replaces to the source.',
    ),
    OVERRULE,
    PREVIEW,
    outputParameter('input', 'Parameters', 1),
    outputParameter('outcome', 'OperationOutcome', 1),
    outputParameter('result', 'Patient', 0),
    outputParameter('task', 'Reference', 0, '*'),
    withParts('out', 'survivorship', 'Where the value of a field comes from, and why.', [
      outputParameter('field', 'string', 1),
      outputParameter('from', 'string', 1),
      outputParameter('why', 'string', 1),
    ]),
    EFFECT,
  ],
};

export const mergeOperation: Operation = {
  definition: mergeDefinition,
  permission: MERGE,
  run: runMerge,
};

async function runMerge(ctx: Context, input: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  const source = await patientOf(ctx, input, 'source');
  const target = await patientOf(ctx, input, 'target');
  checkPair(source, target);
  const given = parameterIn(input, 'result-patient')?.resource as Patient | undefined;
  if (given) checkResult(given, source, target, input);
  const result = given && { ...given, meta: { ...target.meta, ...given.meta } };
  if (!preview) await lockForMerge(ctx, [`Patient/${source.id}`, `Patient/${target.id}`]);
  const prepared = await prepare(ctx, { source, target, result });
  const against = await decidedAgainst(ctx, [pairOf(prepared)], overruleIn(input));
  if (preview) return previewed(input, prepared, against);
  checkDecided(against);
  checkConflicts(prepared);
  const standing = await secondPerson(ctx, proposedMerge(prepared, against));
  if (!standing.may) return proposed(input, standing.task, 'versions and result');
  await overruleDecided(ctx, against);
  const settled = await settleMerged(ctx, prepared.sourceRid, prepared.targetRid);
  const ready = settled ? await prepare(ctx, prepared.wanted) : prepared;
  const done = await merge(ctx, ready, standing.proposedBy);
  ctx.audit({
    action: 'U',
    interaction: '$merge',
    type: 'Patient',
    id: target.id!,
    detail: { merge: done.id, resources: prepared.plan.after.size },
  });
  const merged = await ctx.fhir.read<Patient>('Patient', target.id!);
  return answer(
    input,
    [issue('information', `Patient/${source.id} was merged into Patient/${target.id}.`)],
    [
      { name: 'result', resource: merged },
      ...done.tasks.map(taskParameter),
      ...survivorship(prepared),
      ...effects(prepared.plan.after),
    ],
  );
}

function previewed(input: OperationInput, prepared: Prepared, against: Against): Parameters {
  const { survivor, after, followUps } = prepared.plan;
  const issues = [
    issue('information', `A preview; nothing was written. ${after.size} resources would change.`),
    ...against.says.map((says) => issue('warning', `${says}; a merge needs overrule.`)),
    ...survivor.conflicts.map(({ field }) =>
      issue('warning', `The records differ in ${field}; send result-patient with what is true.`),
    ),
    ...followUps.map(({ focus, says }) => issue('warning', `${focus}: ${says}`)),
  ];
  return answer(input, issues, [
    { name: 'result', resource: unwritten(survivor.patient) },
    ...survivorship(prepared),
    ...effects(after),
  ]);
}

function survivorship({ plan }: Prepared): ParametersParameter[] {
  return plan.survivor.choices.map(({ field, from, why }) => ({
    name: 'survivorship',
    part: [
      { name: 'field', valueString: field },
      { name: 'from', valueString: from },
      { name: 'why', valueString: why },
    ],
  }));
}

/** What two people have to agree on. */
function proposedMerge({ wanted, sourceRid, targetRid }: Prepared, { decided }: Against): Proposed {
  const { source, target, result } = wanted;
  return {
    ...{ source, target, sourceRid, targetRid },
    result: result ? JSON.stringify(result) : null,
    needsTwo: async (ctx) => decided.length > 0 || needsTwo(ctx, [sourceRid, targetRid]),
  };
}
