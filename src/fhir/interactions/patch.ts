/**
 * FHIR patch, plain and conditional: the resource as it stands, changed and written as an update.
 * https://hl7.org/fhir/R4/http.html#patch
 *
 * The patch is applied to the row while it is locked, so that two patches of one resource both
 * take effect.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { inPlace, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { refuseMaskedPatch } from '../disclosure.ts';
import { applyPatch, type Patch, patchOf } from '../patch/apply.ts';
import { readProjected } from '../projection.ts';
import { inReach } from '../search/reach.ts';
import { parseContent } from '../store/content.ts';
import { takeLocks } from '../store/locks.ts';
import { loadRows } from '../store/read.ts';
import { plannedLocks, writeResources } from '../store/write.ts';
import {
  type FhirRequest,
  type FhirResponse,
  fhirOf,
  type PlannedWrite,
  type Written,
} from '../types.ts';
import { parseCondition, resolveConditions } from './conditions.ts';
import { gone, notFound, shownOnly } from './read.ts';
import { versionOf, writtenResponse } from './respond.ts';

/** `PATCH Type/id` */
export async function patch(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
  id: string,
): Promise<FhirResponse> {
  authorizePatch(unit, type);
  const change = request.patch ?? patchOf(request.headers['content-type'], request.body);
  return patchOne(unit, request, type, id, change);
}

/** `PATCH Type?criteria`: exactly one */
export async function conditionalPatch(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
): Promise<FhirResponse> {
  authorizePatch(unit, type);
  const change = request.patch ?? patchOf(request.headers['content-type'], request.body);
  const condition = parseCondition(unit, type, request.query.toString(), undefined, true);
  await takeLocks(unit, condition.locks);
  const match = (await resolveConditions(unit, [condition])).get(condition);
  if (!match) throw noneMatches(type);
  return patchOne(unit, request, type, match.id, change);
}

async function patchOne(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
  id: string,
  change: Patch,
): Promise<FhirResponse> {
  const ifMatch = versionOf(request.headers['if-match']);
  const written = await changeResource(unit, { type, id, patch: change, ifMatch });
  return writtenResponse(fhirOf(unit), request, written, 200);
}

/** A change that is to be made of one resource: by a patch, or by a function. */
export interface WantedPatch {
  readonly type: string;
  readonly id: string;
  readonly patch: Patch | ((resource: Resource) => Resource);
  readonly ifMatch?: string | undefined;
  readonly place?: string;
}

/**
 * Changes one resource by a function of what stands there, as one update.
 *
 * @throws Problem as `patchPlan`, and as every write
 */
export async function changeResource(unit: UnitOfWork, wanted: WantedPatch): Promise<Written> {
  authorizePatch(unit, wanted.type);
  await takeLocks(unit, await patchLocks(unit, wanted));
  const [written] = await writeResources(unit, [await patchPlan(unit, wanted)], { locked: true });
  return written!;
}

/**
 * Whoever patches must be allowed to read as well: a `test`, and the answer, tell what is there.
 *
 * @throws Problem forbidden
 */
export function authorizePatch(unit: UnitOfWork, type: string): void {
  authorize(unit, 'update', type);
  authorize(unit, 'read', type);
  refuseMaskedPatch(unit.actor, type);
}

/**
 * The locks that a patch takes, seen from the resource as it stands before they are held. They
 * come before the row's lock, as with every writer, or two writers would wait for each other.
 *
 * @throws as `patchPlan`
 */
export async function patchLocks(unit: UnitOfWork, wanted: WantedPatch): Promise<bigint[]> {
  return plannedLocks([await planOf(unit, wanted, false)]);
}

/**
 * The update that a patch comes to. Locks the row until the transaction ends.
 *
 * @throws Problem 404, 410, 412 (If-Match), 422 (the patch does not fit), 400 (it is malformed)
 */
export async function patchPlan(unit: UnitOfWork, wanted: WantedPatch): Promise<PlannedWrite> {
  return planOf(unit, wanted, true);
}

function planOf(unit: UnitOfWork, wanted: WantedPatch, lock: boolean): Promise<PlannedWrite> {
  const { type, id, ifMatch, place } = wanted;
  return inPlace(place, async () => {
    const row = (await loadRows(unit, type, [id], lock)).get(id);
    // What is beyond reach is not there: a `test` would tell what it holds.
    const seen = row && (await inReach(unit, type, [row.rid], 'update')).has(row.rid);
    if (row && !seen) throw notFound(type, id);
    if (!row || row.deleted) {
      if (await readProjected(unit, type, id)) throw shownOnly(type, id);
      throw row ? gone(type, id, row.ver) : notFound(type, id);
    }
    if (ifMatch !== undefined && ifMatch !== String(row.ver)) {
      throw problem(
        'precondition-failed',
        'version-changed',
        `If-Match asks for version ${ifMatch} of ${type}/${id}, which is now version ${row.ver}; ` +
          'read it again and repeat the change.',
      );
    }
    const { patch } = wanted;
    const before = parseContent(row.content);
    const resource =
      typeof patch === 'function'
        ? patch(before)
        : applyPatch(fhirOf(unit).definitions, before, patch);
    return { action: 'update', type, id, resource, ...(place && { place }) } as const;
  });
}

/** 404 of a conditional patch. */
export function noneMatches(type: string, place?: string) {
  return problem(
    'not-found',
    'condition-none',
    `No ${type} matches the condition; a patch changes what is there.`,
    place,
  );
}
