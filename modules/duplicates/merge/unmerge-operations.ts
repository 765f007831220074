/**
 * `Patient/$unmerge` and `Group/$unmerge`: two records again.
 */

import type { Group, OperationOutcomeIssue, Parameters, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  parameterIn,
  permission,
} from '../../../src/sdk/index.ts';
import { settleUnmerged } from '../review/settle.ts';
import { issue, namedBy, PREVIEW, taskParameter } from './answer.ts';
import type { Merged } from './living.ts';
import { recordOf } from './resolve.ts';
import { prepareUnmerge, type Unmerge, unmerge } from './unmerge.ts';

export const UNMERGE = permission(
  'duplicates.unmerge',
  'take a merge of two records or households back',
);

export const unmergeOperations: readonly Operation[] = [
  unmergeOf(
    'Patient',
    'Take a merge of two records back',
    'Brings back what Patient/$merge changed, also below later merges. What was changed or made ' +
      'since is left as it is and listed in a Task. preview writes nothing.',
  ),
  unmergeOf(
    'Group',
    'Take a merge of two households back',
    'Brings back what Group/$merge changed, and with it the merges of members that it did. An ' +
      'enrolment that it made ends. What was changed or made since is left as it is and listed in a ' +
      'Task. preview writes nothing.',
  ),
];

function unmergeOf(type: Merged, title: string, description: string): Operation {
  const source = `source-${type.toLowerCase()}`;
  return {
    definition: {
      resourceType: 'OperationDefinition',
      url: operationDefinition(type === 'Group' ? 'group-unmerge' : 'unmerge'),
      name: type === 'Group' ? 'GroupUnmerge' : 'Unmerge',
      title,
      status: 'active',
      kind: 'operation',
      code: 'unmerge',
      description,
      affectsState: true,
      resource: [type],
      system: false,
      type: true,
      instance: false,
      parameter: [
        ...namedBy(source, 'The record that was replaced.'),
        PREVIEW,
        outputParameter('outcome', 'OperationOutcome', 1),
        outputParameter('source', type, 0),
        outputParameter('target', type, 0),
        outputParameter('task', 'Reference', 0, '*'),
      ],
    },
    permission: UNMERGE,
    run: (ctx, input) => runUnmerge(ctx, input, type),
  };
}

async function runUnmerge(ctx: Context, input: OperationInput, type: Merged): Promise<Parameters> {
  const source = await recordOf<Patient | Group>(ctx, input, 'source', type);
  const prepared = await prepareUnmerge(ctx, source);
  const preview = parameterIn(input, 'preview')?.valueBoolean === true;
  const done = preview ? undefined : await unmerge(ctx, prepared);
  const [row] = prepared.merges;
  if (done) {
    for (const { source_rid, target_rid, type: about } of prepared.merges) {
      await settleUnmerged(ctx, source_rid, target_rid, about);
    }
    ctx.audit({
      action: 'U',
      interaction: '$unmerge',
      type,
      id: row.source_id,
      detail: { merge: row.merge_id, resources: done.restored, left: prepared.left.length },
    });
  }
  const record = async (id: string): Promise<Patient | Group> =>
    preview
      ? (prepared.world.get(`${type}/${id}`) as unknown as Patient | Group)
      : ctx.fhir.read<Patient | Group>(type, id);
  return {
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'outcome',
        resource: { resourceType: 'OperationOutcome', issue: issuesOf(prepared, preview) },
      },
      { name: 'source', resource: await record(row.source_id) },
      { name: 'target', resource: await record(row.target_id) },
      ...(done?.tasks ?? []).map(taskParameter),
    ],
  };
}

function issuesOf({ merges, left, since }: Unmerge, preview: boolean): OperationOutcomeIssue[] {
  const [{ type, source_id, target_id }] = merges;
  const says = preview
    ? 'A preview; nothing was written.'
    : `${type}/${source_id} and ${type}/${target_id} are two records again.`;
  return [
    issue('information', says),
    ...left.map(({ key, path }) =>
      issue('warning', `${key} ${path || 'deleted'}: changed since the merge, left as it stands.`),
    ),
    ...since.map((key) => issue('warning', `${key}: made since the merge; look whose it is.`)),
  ];
}
