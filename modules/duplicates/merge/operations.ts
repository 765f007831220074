/**
 * `Patient/$merge` and `Patient/$unmerge`. The first has the parameters and answers of R5's operation,
 * on R4; what it answers beside them (where each field comes from, what is led over) is ours.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html
 */

import type {
  OperationDefinition,
  OperationOutcomeIssue,
  Parameters,
  ParametersParameter,
  Patient,
} from '@medplum/fhirtypes';
import {
  type Context,
  type Operation,
  type OperationInput,
  operationDefinition,
  parameterIn,
  permission,
} from '../../../src/sdk/index.ts';
import { settleMerged, settleUnmerged } from '../review/settle.ts';
import { checkConflicts, merge, type Prepared, prepare } from './merge.ts';
import type { World } from './plan.ts';
import { secondPerson } from './propose.ts';
import { checkPair, checkResult, patientOf } from './resolve.ts';
import { prepareUnmerge, type Unmerge, unmerge } from './unmerge.ts';

export const MERGE = permission('duplicates.merge', 'merge two records of one person');
export const UNMERGE = permission('duplicates.unmerge', 'take a merge of two records back');

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

function parameter(use: 'in' | 'out', name: string, type: string, max = '1', min = 0): Parameter {
  return { name, use, min, max, type: type as Parameter['type'] };
}

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
    parameter('in', 'source-patient', 'Reference'),
    parameter('in', 'source-patient-identifier', 'Identifier', '*'),
    parameter('in', 'target-patient', 'Reference'),
    parameter('in', 'target-patient-identifier', 'Identifier', '*'),
    parameter('in', 'result-patient', 'Patient'),
    parameter('in', 'preview', 'boolean'),
    parameter('out', 'input', 'Parameters', '1', 1),
    parameter('out', 'outcome', 'OperationOutcome', '1', 1),
    parameter('out', 'result', 'Patient'),
    parameter('out', 'task', 'Reference', '*'),
    {
      ...parameter('out', 'survivorship', 'BackboneElement' as 'Element', '*'),
      documentation: 'Where the value of a field comes from (target, source, both), and why.',
    },
    {
      ...parameter('out', 'effect', 'BackboneElement' as 'Element', '*'),
      documentation: 'How many resources of a type change.',
    },
  ].map(withParts),
};

/** What has parts has no type. */
function withParts(each: Parameter): Parameter {
  const parts: Readonly<Record<string, Parameter[]>> = {
    survivorship: ['field', 'from', 'why'].map((name) => parameter('out', name, 'string', '1', 1)),
    effect: [
      parameter('out', 'type', 'code', '1', 1),
      parameter('out', 'count', 'integer', '1', 1),
    ],
  };
  const part = parts[each.name ?? ''];
  if (!part) return each;
  const { type: _type, ...rest } = each;
  return { ...rest, part };
}

export const mergeOperation: Operation = {
  definition: mergeDefinition,
  permission: MERGE,
  run: runMerge,
};

async function runMerge(ctx: Context, input: OperationInput): Promise<Parameters> {
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  const source = await patientOf(ctx, input, 'source');
  const target = await patientOf(ctx, input, 'target');
  checkPair(source, target);
  const given = parameterIn(input, 'result-patient')?.resource as Patient | undefined;
  if (given) checkResult(given, source, target, input);
  const result = given && { ...given, meta: { ...target.meta, ...given.meta } };
  const prepared = await prepare(ctx, { source, target, result });
  if (preview) return previewed(input, prepared);
  checkConflicts(prepared);
  const standing = await secondPerson(ctx, prepared);
  if (!standing.may) {
    const says =
      'Payments are at stake: the merge is proposed, nothing is merged yet; another person calls ' +
      '$merge for the same versions and result.';
    return answer(input, [issue('information', says)], [taskParameter(standing.task)]);
  }
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

function previewed(input: OperationInput, prepared: Prepared): Parameters {
  const { survivor, after, followUps } = prepared.plan;
  const issues = [
    issue('information', `A preview; nothing was written. ${after.size} resources would change.`),
    ...survivor.conflicts.map(({ field }) =>
      issue('warning', `The records differ in ${field}; send result-patient with what is true.`),
    ),
    ...followUps.map(({ focus, says }) => issue('warning', `${focus}: ${says}`)),
  ];
  return answer(input, issues, [
    { name: 'result', resource: survivor.patient },
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

function effects(after: World): ParametersParameter[] {
  const types = Map.groupBy(after.values(), (each) => String(each.resourceType));
  return [...types].map(([type, group]) => ({
    name: 'effect',
    part: [
      { name: 'type', valueCode: type },
      { name: 'count', valueInteger: group.length },
    ],
  }));
}

function issue(severity: 'information' | 'warning', diagnostics: string): OperationOutcomeIssue {
  return {
    severity,
    code: severity === 'warning' ? 'business-rule' : 'informational',
    diagnostics,
  };
}

function taskParameter(reference: string): ParametersParameter {
  return { name: 'task', valueReference: { reference } };
}

function answer(
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

export const unmergeOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('unmerge'),
    name: 'Unmerge',
    title: 'Take a merge of two records back',
    status: 'active',
    kind: 'operation',
    code: 'unmerge',
    description:
      'Brings back what Patient/$merge changed, also below later merges. What was changed or made ' +
      'since is left as it is and listed in a Task. preview writes nothing.',
    affectsState: true,
    resource: ['Patient'],
    system: false,
    type: true,
    instance: false,
    parameter: [
      parameter('in', 'source-patient', 'Reference'),
      parameter('in', 'source-patient-identifier', 'Identifier', '*'),
      parameter('in', 'preview', 'boolean'),
      parameter('out', 'outcome', 'OperationOutcome', '1', 1),
      parameter('out', 'source', 'Patient'),
      parameter('out', 'target', 'Patient'),
      parameter('out', 'task', 'Reference', '*'),
    ],
  },
  permission: UNMERGE,
  run: runUnmerge,
};

async function runUnmerge(ctx: Context, input: OperationInput): Promise<Parameters> {
  const source = await patientOf(ctx, input, 'source');
  const prepared = await prepareUnmerge(ctx, source);
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  const done = preview ? undefined : await unmerge(ctx, prepared);
  const { merge: row } = prepared;
  if (done) {
    await settleUnmerged(ctx, row.source_rid, row.target_rid);
    ctx.audit({
      action: 'U',
      interaction: '$unmerge',
      type: 'Patient',
      id: row.source_id,
      detail: { merge: row.merge_id, resources: done.restored, left: prepared.left.length },
    });
  }
  const patient = async (id: string): Promise<Patient> =>
    preview
      ? (prepared.world.get(`Patient/${id}`) as unknown as Patient)
      : ctx.fhir.read<Patient>('Patient', id);
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'outcome',
        resource: { resourceType: 'OperationOutcome', issue: unmergeIssues(prepared, preview) },
      },
      { name: 'source', resource: await patient(row.source_id) },
      { name: 'target', resource: await patient(row.target_id) },
      ...(done?.tasks ?? []).map(taskParameter),
    ],
  };
}

function unmergeIssues(
  { merge: row, left, since }: Unmerge,
  preview: boolean,
): OperationOutcomeIssue[] {
  const says = preview
    ? 'A preview; nothing was written.'
    : `Patient/${row.source_id} and Patient/${row.target_id} are two records again.`;
  return [
    issue('information', says),
    ...left.map(({ key, path }) =>
      issue('warning', `${key} ${path || 'deleted'}: changed since the merge, left as it stands.`),
    ),
    ...since.map((key) => issue('warning', `${key}: made since the merge; look whose it is.`)),
  ];
}
