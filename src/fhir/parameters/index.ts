/**
 * Search parameters of our own: SearchParameter resources that callers store, and those that
 * modules bring. How they become searchable: `README.md`.
 */

import type { OperationDefinition, Parameters, SearchParameter } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  type Module,
  type Operation,
  operationDefinition,
  problem,
  type ResourceWrite,
  type StoredBinding,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { fhirOf } from '../types.ts';
import { isServed, parameterGuard } from './check.ts';
import { indexParameters, indexParametersHandler } from './index-job.ts';
import { announce, type Kept, loadParameters, retire } from './store.ts';

/** Announces what is written, and has it indexed. */
const parameterBinding: StoredBinding = {
  kept: 'stored',
  type: 'SearchParameter',
  async project(ctx, writes) {
    const { definitions, parameters } = fhirOf(ctx as UnitOfWork);
    const gone: string[] = [];
    let changed = false;
    for (const { id, resource } of writes as readonly ResourceWrite<SearchParameter>[]) {
      if (resource && isServed(definitions, resource)) {
        await announce(ctx, resource);
        changed = true;
      } else gone.push(id);
    }
    if (gone.length > 0 && (await retire(ctx, gone)) > 0) changed = true;
    if (!changed) return;
    parameters.expire();
    ctx.enqueue(indexParameters, {}, { key: indexParameters.name });
  },
};

const STATUS: OperationDefinition = {
  resourceType: 'OperationDefinition',
  id: 'search-parameter-status',
  url: operationDefinition('search-parameter-status'),
  name: 'SearchParameterStatus',
  title: 'How far the index of search parameters is',
  status: 'active',
  kind: 'operation',
  code: 'status',
  description:
    'Says of one search parameter, or of all that are not of HL7, whether it can be searched ' +
    'and how many resources have been indexed.',
  affectsState: false,
  resource: ['SearchParameter'],
  system: false,
  type: true,
  instance: true,
  parameter: [
    {
      name: 'search-parameter',
      use: 'out',
      min: 0,
      max: '*',
      documentation: 'One for each.',
      part: [
        { name: 'url', use: 'out', min: 1, max: '1', type: 'uri' },
        {
          name: 'state',
          use: 'out',
          min: 1,
          max: '1',
          type: 'code',
          documentation: 'waiting, indexing, active or removing.',
        },
        { name: 'done', use: 'out', min: 1, max: '1', type: 'integer' },
        { name: 'total', use: 'out', min: 0, max: '1', type: 'integer' },
      ],
    },
  ],
};

const statusOperation: Operation = {
  definition: STATUS,
  permission: BY_TYPE,
  async run(ctx, { id }): Promise<Parameters> {
    authorize(ctx as UnitOfWork, 'read', 'SearchParameter');
    const all = await loadParameters(ctx.db);
    const wanted = id === undefined ? all : all.filter((each) => each.resourceId === id);
    if (id !== undefined && wanted.length === 0) {
      throw problem(
        'not-found',
        'resource-unknown',
        `SearchParameter/${id} is not served: it is unknown, not active, or one of HL7's.`,
      );
    }
    return { resourceType: 'Parameters', parameter: wanted.map(statusOf) };
  },
};

function statusOf({ url, state, done, total }: Kept) {
  return {
    name: 'search-parameter',
    part: [
      { name: 'url', valueUri: url },
      { name: 'state', valueCode: state },
      { name: 'done', valueInteger: Number(done) },
      ...(total === null ? [] : [{ name: 'total', valueInteger: Number(total) }]),
    ],
  };
}

/** The room of our own search parameters. */
export const parametersRoom: Module = {
  name: 'search-parameters',
  title: 'Search parameters',
  resources: [parameterBinding],
  guards: [parameterGuard],
  operations: [statusOperation],
  jobs: [indexParametersHandler],
  schedule: [
    { at: '* * * * *', job: indexParameters, does: 'indexes search parameters that wait' },
  ],
};
