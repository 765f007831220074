/**
 * `Patient/[id]/$cluster`: all records of one person, merged, confirmed or suspected, and what ties them:
 * scores, suspicions, verdicts, merges and merges that were taken back. Records that the actor may not
 * see are left out, and with them what ties them.
 */

import type { Parameters, ParametersParameter, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  Problem,
} from '../../../src/sdk/index.ts';
import { refuseMasked } from '../match.ts';
import { isReplaced } from '../merge/living.ts';
import { REVIEW } from '../permissions.ts';
import { type Tie, tiesAround } from '../store/cluster.ts';

export const clusterOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('cluster'),
    name: 'Cluster',
    title: 'All records of one person',
    status: 'active',
    kind: 'operation',
    code: 'cluster',
    description:
      'The records that are, or may be, of one person, and what ties them: scores, suspicions, verdicts, ' +
      'merges. Records beyond the reach of the caller are left out.',
    affectsState: false,
    resource: ['Patient'],
    system: false,
    type: false,
    instance: true,
    parameter: [
      outputParameter('record', 'Patient', 1, '*'),
      {
        name: 'tie',
        use: 'out',
        min: 0,
        max: '*',
        part: [
          outputParameter('kind', 'code', 1),
          outputParameter('one', 'Reference', 1),
          outputParameter('other', 'Reference', 1),
          outputParameter('says', 'code', 1),
          outputParameter('score', 'decimal', 0),
          outputParameter('task', 'Reference', 0),
          outputParameter('at', 'instant', 0),
        ],
      },
    ],
  },
  permission: REVIEW,
  run: cluster,
};

async function cluster(ctx: Context, { id }: OperationInput): Promise<Parameters> {
  refuseMasked(ctx);
  const self = await ctx.fhir.read<Patient>('Patient', id!);
  const rid = (await ctx.fhir.rids('Patient', [self.id!])).get(self.id!)!;
  const ties = await tiesAround(ctx, rid);
  const rids = [...new Set([rid, ...ties.flatMap(({ a, b }) => [a, b])])];
  const records = new Map<bigint, Patient>();
  for (const [each, { id: other }] of await ctx.fhir.readByRid<Patient>('Patient', rids)) {
    const found = each === rid ? self : await visible(ctx, other!);
    if (found) records.set(each, found);
  }
  // Who stands for the person comes first.
  const ordered = [...records.values()].sort(
    (one, other) =>
      Number(isReplaced(one)) - Number(isReplaced(other)) || (one.id! < other.id! ? -1 : 1),
  );
  return {
    resourceType: 'Parameters',
    parameter: [
      ...ordered.map((resource) => ({ name: 'record', resource })),
      ...ties.flatMap((tie) => tieParameter(tie, records.get(tie.a), records.get(tie.b))),
    ],
  };
}

async function visible(ctx: Context, id: string): Promise<Patient | undefined> {
  try {
    return await ctx.fhir.read<Patient>('Patient', id);
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 410))
      return undefined;
    throw error;
  }
}

/** A tie; nothing where one of the records is not to be seen. */
function tieParameter(
  { kind, says, p, task_id, at }: Tie,
  one: Patient | undefined,
  other: Patient | undefined,
): ParametersParameter[] {
  if (!one || !other) return [];
  const part = [
    { name: 'kind', valueCode: kind },
    { name: 'one', valueReference: { reference: `Patient/${one.id}` } },
    { name: 'other', valueReference: { reference: `Patient/${other.id}` } },
    { name: 'says', valueCode: says },
    ...(p === null ? [] : [{ name: 'score', valueDecimal: Math.round(p * 1e6) / 1e6 }]),
    ...(task_id ? [{ name: 'task', valueReference: { reference: `Task/${task_id}` } }] : []),
    ...(at ? [{ name: 'at', valueInstant: at.toISOString() }] : []),
  ];
  return [{ name: 'tie', part }];
}
