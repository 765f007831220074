/**
 * When the registry is compared: right after a write, and on demand.
 */

import type { OperationDefinition, Parameters } from '@medplum/fhirtypes';
import {
  type Context,
  handle,
  job,
  localId,
  type Operation,
  on,
  operationDefinition,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { householdChanged, householdRegistered } from '../households/index.ts';
import { compareStored } from './compare.ts';
import {
  featuresChanged,
  type HomesEvent,
  homesChanged,
  type PeopleEvent,
  patientsChanged,
} from './events.ts';
import { askForFairness } from './fairness/keep.ts';
import { suspectHouseholds } from './households/suspect.ts';
import { FIND } from './permissions.ts';
import { keepHouseholds, keepPatients } from './registry/keep.ts';
import { lockEdges, nextFeatures } from './store/suspicions.ts';
import { nextWaiting } from './waiting.ts';

/** Records of one step, which is one transaction: payments wait for none of them. */
const STEP = 500;

/** Nobody waits for a comparison, and it costs more than the write that it follows. */
const GATHERS = { gathers: true };

export const comparisons = [
  on(patientsChanged, 'keeps compared facts and keys of Patients', keepPatients, GATHERS),
  on(householdRegistered, 'keeps compared facts and keys of members', keepHouseholds, GATHERS),
  on(householdChanged, 'keeps compared facts and keys of members', keepHouseholds, GATHERS),
  on(featuresChanged, 'compares new and changed records with the registry', compareNew, GATHERS),
  on(homesChanged, 'looks again at what is suspected of households', lookAgain, GATHERS),
];

async function lookAgain(ctx: Context, events: readonly HomesEvent[]): Promise<void> {
  const ids = new Set(events.flatMap((each) => each.ids));
  await lockEdges(ctx);
  await suspectHouseholds(ctx, [...ids].map(BigInt));
}

async function compareNew(ctx: Context, events: readonly PeopleEvent[]): Promise<void> {
  const told = events.reduce((so, { ids }) => so + ids.length, 0);
  await compareStored(ctx, await nextWaiting(ctx, told));
}

/** Where a search for duplicates has got to. */
interface Step {
  /** rid of the last record compared, as decimal text. */
  readonly after: string;
  /** FHIR id of an area; absent: everybody. */
  readonly area?: string;
}

export const findDuplicates = job<Step>(
  'duplicates.find-duplicates',
  'compares the next records of an area, or of all, with the registry',
);

/** One search at a time of an area, or of all. */
export const keyOf = (area: string | undefined): string => `duplicates ${area ?? 'all'}`;

/** Each step goes on to the next: a killed search goes on where it was. */
export const findHandler = handle(findDuplicates, async (ctx, { after, area }) => {
  const ids = await nextFeatures(ctx, BigInt(after), area ?? null, STEP);
  await compareStored(ctx, ids);
  const last = ids.at(-1);
  if (ids.length < STEP || last === undefined) return askForFairness(ctx);
  ctx.enqueue(findDuplicates, { after: String(last), ...(area && { area }) }, { key: keyOf(area) });
});

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('find-duplicates'),
  name: 'FindDuplicates',
  status: 'active',
  kind: 'operation',
  code: 'find-duplicates',
  description:
    'Has the records of an area, or all, compared with the whole registry. What is found becomes ' +
    'Tasks (duplicate-review).',
  affectsState: true,
  resource: ['Patient'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    {
      name: 'area',
      use: 'in',
      min: 0,
      max: '1',
      type: 'Reference',
      documentation: 'A Location; households in it and in the areas below it. All without it.',
    },
    { name: 'records', use: 'out', min: 1, max: '1', type: 'string' },
  ],
};

/** `Patient/$find-duplicates`. */
export const findOperation: Operation = {
  definition,
  permission: FIND,
  run: async (ctx, input): Promise<Parameters> => {
    const reference = parameterIn(input, 'area')?.valueReference?.reference;
    const area = localId(reference, 'Location');
    if (reference !== undefined && area === undefined) {
      throw problem('value', 'area-reference', 'area is a Location, as Location/id.', 'area');
    }
    if (area !== undefined) await ctx.fhir.read('Location', area);
    ctx.enqueue(findDuplicates, { after: '0', ...(area && { area }) }, { key: keyOf(area) });
    return {
      resourceType: 'Parameters',
      parameter: [{ name: 'records', valueString: area ? `Location/${area}` : 'all' }],
    };
  },
};
