/**
 * Reads what a merge looks at: two people, what refers to them and may live, the households that they
 * stand in and the enrolments of these. As the caller: what the caller may not read or search refuses
 * the merge, for half of one would leave a person in two records.
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Context } from '../../../src/sdk/index.ts';
import { enrolmentsOf } from '../store/merges.ts';
import { LIVING, LIVING_OF_GROUP } from './living.ts';
import type { Body } from './patch.ts';
import type { World } from './plan.ts';

const PAGE = 500;

/** Everything about these people, and these households. */
export async function gather(
  ctx: Context,
  people: readonly string[],
  households: readonly string[] = [],
): Promise<Map<string, Body>> {
  const world = new Map<string, Body>();
  for (const id of households) {
    add(world, await ctx.fhir.read('Group', id));
    for (const { type, search } of LIVING_OF_GROUP) {
      for (const parameter of search) {
        await searchInto(ctx, world, type, `${parameter}=Group/${id}`);
      }
    }
  }
  for (const id of people) add(world, await ctx.fhir.read('Patient', id));
  for (const id of people) {
    await searchInto(ctx, world, 'Group', `member=Patient/${id}`);
    for (const { type, search } of LIVING) {
      for (const parameter of search)
        await searchInto(ctx, world, type, `${parameter}=Patient/${id}`);
    }
  }
  const groups = [...world.keys()]
    .filter((key) => key.startsWith('Group/'))
    .map((key) => key.slice(6));
  const rids = [...(await ctx.fhir.rids('Group', groups)).values()];
  for (const id of await enrolmentsOf(ctx, rids)) {
    if (!world.has(`Coverage/${id}`)) add(world, await ctx.fhir.read('Coverage', id));
  }
  return world;
}

function add(world: Map<string, Body>, resource: Resource): void {
  world.set(`${resource.resourceType}/${resource.id}`, resource as unknown as Body);
}

async function searchInto(
  ctx: Context,
  world: Map<string, Body>,
  type: string,
  query: string,
): Promise<void> {
  let next: string | undefined = `${query}&_count=${PAGE}`;
  while (next !== undefined) {
    const page: Bundle = await ctx.fhir.search(type as 'Patient', next);
    for (const { resource, search } of page.entry ?? []) {
      if (resource && search?.mode === 'match' && isStored(resource)) add(world, resource);
    }
    const link = page.link?.find(({ relation }) => relation === 'next')?.url;
    next = link?.slice(link.indexOf('?') + 1);
  }
}

/** What a room shows is led over by nobody: its rows are settled, or follow the household. */
function isStored({ resourceType, meta }: Resource): boolean {
  return resourceType !== 'Task' || !meta?.profile?.some((each) => each.endsWith('/approval-task'));
}

/** Versions of resources, for writing them only as they were read. */
export function versionOf(world: World, key: string): string | undefined {
  return (world.get(key)?.meta as { versionId?: string } | undefined)?.versionId;
}
