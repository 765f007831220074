/**
 * Keeps areas and pay points in step with Locations, in the write that changes them.
 */

import type { Location } from '@medplum/fhirtypes';
import { type Context, inPlace, type ResourceWrite } from '../../src/sdk/index.ts';
import { linkAll } from './link.ts';
import { isArea, isPayPoint, readArea, readPayPoint } from './location.ts';
import { takeTurns, unlinkPayPoints } from './store/links.ts';
import { removePlaces, writeAreas, writePayPoints } from './store/places.ts';

/** Projects Locations that are areas or pay points; forgets those that are so no longer. */
export async function projectLocations(
  ctx: Context,
  writes: readonly ResourceWrite<Location>[],
): Promise<void> {
  const older = writes.filter((write) => write.action !== 'create');
  const notAreas = older.filter((write) => !isArea(write.resource)).map((write) => write.rid);
  const notPoints = older.filter((write) => !isPayPoint(write.resource)).map((write) => write.rid);
  await projectAreas(ctx, writes);
  if (older.length > 0) {
    await takeTurns(ctx);
    const closed = older.filter((write) => write.resource && isClosed(write.resource));
    const undone = [...notPoints, ...closed.map((write) => write.rid)];
    if ((await unlinkPayPoints(ctx, undone)) > 0) {
      ctx.enqueue(linkAll, {}, { key: linkAll.name });
    }
    await removePlaces(ctx, { areas: notAreas, payPoints: notPoints });
  }
  await projectPayPoints(ctx, writes);
}

function isClosed(location: Location): boolean {
  return isPayPoint(location) && !readPayPoint(location).active;
}

async function projectAreas(
  ctx: Context,
  writes: readonly ResourceWrite<Location>[],
): Promise<void> {
  const areas = writes.flatMap(({ rid, version, place, resource }) =>
    resource && isArea(resource)
      ? [{ rid, version, facts: inPlace(place, () => readArea(resource)) }]
      : [],
  );
  const parents = areas.map(({ facts }) => facts.parentId).filter((id) => id !== undefined);
  const rids = parents.length > 0 ? await ctx.fhir.rids('Location', parents) : new Map();
  await writeAreas(
    ctx,
    areas.map((area) => ({ ...area, parentId: rids.get(area.facts.parentId ?? '') ?? null })),
  );
}

async function projectPayPoints(
  ctx: Context,
  writes: readonly ResourceWrite<Location>[],
): Promise<void> {
  const points = writes.flatMap(({ rid, version, resource }) =>
    resource && isPayPoint(resource) ? [{ rid, version, facts: readPayPoint(resource) }] : [],
  );
  if (points.length === 0) return;
  const ids = (of: (typeof points)[number]['facts'][]) => ({
    areas: of.map((facts) => facts.areaId).filter((id) => id !== undefined),
    providers: of.map((facts) => facts.providerId).filter((id) => id !== undefined),
  });
  const wanted = ids(points.map(({ facts }) => facts));
  const areas = await ctx.fhir.rids('Location', wanted.areas);
  const providers = await ctx.fhir.rids('Organization', wanted.providers);
  await writePayPoints(
    ctx,
    points.map((point) => ({
      ...point,
      areaId: areas.get(point.facts.areaId ?? '') ?? null,
      providerId: providers.get(point.facts.providerId ?? '') ?? null,
    })),
  );
}
