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
  Problem,
} from '../../../src/sdk/index.ts';
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
      { name: 'record', use: 'out', min: 1, max: '*', type: 'Patient' },
      {
        name: 'tie',
        use: 'out',
        min: 0,
        max: '*',
        part: [
          { name: 'kind', use: 'out', min: 1, max: '1', type: 'code' },
          { name: 'one', use: 'out', min: 1, max: '1', type: 'Reference' },
          { name: 'other', use: 'out', min: 1, max: '1', type: 'Reference' },
          { name: 'says', use: 'out', min: 1, max: '1', type: 'code' },
          { name: 'score', use: 'out', min: 0, max: '1', type: 'decimal' },
          { name: 'task', use: 'out', min: 0, max: '1', type: 'Reference' },
          { name: 'at', use: 'out', min: 0, max: '1', type: 'instant' },
        ],
      },
    ],
  },
  permission: REVIEW,
  run: cluster,
};

async function cluster(ctx: Context, { id }: OperationInput): Promise<Parameters> {
  const self = await ctx.fhir.read<Patient>('Patient', id!);
  const rid = (await ctx.fhir.rids('Patient', [self.id!])).get(self.id!)!;
  const ties = await tiesAround(ctx, rid);
  const others = new Set(ties.flatMap(({ one, other }) => [one, other]));
  others.delete(self.id!);
  const records = [self];
  for (const each of [...others].sort()) {
    const found = await visible(ctx, each);
    if (found) records.push(found);
  }
  const seen = new Set(records.map((each) => each.id));
  // Who stands for the person comes first.
  records.sort((one, other) => Number(isReplaced(one)) - Number(isReplaced(other)));
  return {
    resourceType: 'Parameters',
    parameter: [
      ...records.map((resource) => ({ name: 'record', resource })),
      ...ties.filter(({ one, other }) => seen.has(one) && seen.has(other)).map(tieParameter),
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

function tieParameter({ kind, one, other, says, p, task_id, at }: Tie): ParametersParameter {
  return {
    name: 'tie',
    part: [
      { name: 'kind', valueCode: kind },
      { name: 'one', valueReference: { reference: `Patient/${one}` } },
      { name: 'other', valueReference: { reference: `Patient/${other}` } },
      { name: 'says', valueCode: says },
      ...(p === null ? [] : [{ name: 'score', valueDecimal: Math.round(p * 1e6) / 1e6 }]),
      ...(task_id ? [{ name: 'task', valueReference: { reference: `Task/${task_id}` } }] : []),
      ...(at ? [{ name: 'at', valueInstant: at.toISOString() }] : []),
    ],
  };
}
