/**
 * FHIR create, update and delete, plain and conditional, of single resources.
 * https://hl7.org/fhir/R4/http.html#create, #update, #delete
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { isId, type Problem, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { writeJson } from '../formats/json.ts';
import { readProjected } from '../projection.ts';
import { isSubsetted } from '../search/summary.ts';
import { plannedLocks, validate, writeResources } from '../store/write.ts';
import {
  type FhirRequest,
  type FhirResponse,
  fhirOf,
  type PlannedWrite,
  type Written,
} from '../types.ts';
import { parseCondition, resolveLocked } from './conditions.ts';
import { shownOnly } from './read.ts';
import {
  doneOutcome,
  preferredReturn,
  resourceResponse,
  versionOf,
  writtenResponse,
} from './respond.ts';

/**
 * The body as a resource of a type.
 *
 * @throws Problem when it is absent, not an object, or another type
 */
export function bodyOf(request: FhirRequest, type: string): Resource {
  const { body } = request;
  if (body === undefined || body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw problem('structure', 'body-missing', `Send a ${type} as JSON object in the body.`);
  }
  const { resourceType } = body as Resource;
  if (resourceType === undefined) {
    throw problem(
      'structure',
      'resource-type-missing',
      `The body has no resourceType; it must be "${type}".`,
      'resourceType',
    );
  }
  if ((resourceType as string) !== type) {
    throw problem(
      'structure',
      'resource-type-differs',
      `The body is a ${nameOf(resourceType)}, the URL asks for a ${type}.`,
      'resourceType',
    );
  }
  return body as Resource;
}

function nameOf(type: unknown): string {
  return typeof type === 'string' ? type.slice(0, 64) : 'resource of no type';
}

/** The room that takes a posted resource because it declares the room's profile. */
export async function accepted(
  unit: UnitOfWork,
  resource: Resource,
): Promise<Resource | undefined> {
  const declared = resource.meta?.profile ?? [];
  for (const binding of fhirOf(unit).projected.get(resource.resourceType) ?? []) {
    if (!declared.includes(binding.profile)) continue;
    authorize(unit, 'write', resource.resourceType);
    validate(fhirOf(unit).definitions, resource);
    if (binding.accept) return binding.accept(unit, resource);
    throw problem(
      'not-supported',
      'profile-read-only',
      `${binding.profile} is shown, not taken: it comes about by operations of its room.`,
      `${resource.resourceType}.meta.profile`,
    );
  }
  return undefined;
}

/** `POST Type`, with `If-None-Exist` conditional */
export async function create(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
): Promise<FhirResponse> {
  const resource = bodyOf(request, type);
  const taken = await accepted(unit, resource);
  if (taken) return acceptedResponse(unit, request, taken);
  const plan: PlannedWrite = { action: 'create', type, id: unit.newId(), resource };
  const criteria = request.headers['if-none-exist'];
  if (criteria !== undefined) {
    authorize(unit, 'write', type);
    const condition = { ...parseCondition(unit, type, criteria), followsReplaced: true };
    const locks = [...condition.locks, ...plannedLocks([plan])];
    const match = (await resolveLocked(unit, locks, [condition])).get(condition);
    if (match) return writtenResponse(fhirOf(unit), request, { ...match, type }, 200);
  }
  const [written] = await writeResources(unit, [plan], { locked: criteria !== undefined });
  return writtenResponse(fhirOf(unit), request, written!, 201);
}

function acceptedResponse(
  unit: UnitOfWork,
  request: FhirRequest,
  resource: Resource,
): FhirResponse {
  const { resourceType: type, id = '', meta } = resource;
  const version = Number(meta?.versionId ?? 1);
  const written = { type, id, version, lastUpdated: unit.now, content: writeJson(resource) };
  return writtenResponse(fhirOf(unit), request, written, 201);
}

/** `PUT Type/id` */
export async function update(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
  id: string,
): Promise<FhirResponse> {
  const resource = bodyOf(request, type);
  refusePart(resource);
  if (resource.id !== id) throw idDiffers(type, id, resource.id);
  const plan: PlannedWrite = {
    action: 'update',
    type,
    id: checkedId(id),
    resource,
    ifMatch: versionOf(request.headers['if-match']),
    ifNoneMatch: request.headers['if-none-match'],
  };
  const [written] = await writeResources(unit, [plan]);
  return writtenResponse(fhirOf(unit), request, written!, written!.action === 'create' ? 201 : 200);
}

/** `PUT Type?criteria` */
export async function conditionalUpdate(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
): Promise<FhirResponse> {
  const resource = bodyOf(request, type);
  refusePart(resource);
  authorize(unit, 'write', type);
  const condition = parseCondition(unit, type, request.query.toString());
  const locks = [
    ...condition.locks,
    ...plannedLocks([{ action: 'update', type, id: resource.id ?? '', resource }]),
  ];
  const match = (await resolveLocked(unit, locks, [condition])).get(condition);
  const plan = conditionalPlan(unit, type, resource, match?.id);
  const ifMatch = versionOf(request.headers['if-match']);
  const ifNoneMatch = request.headers['if-none-match'];
  const [written] = await writeResources(unit, [{ ...plan, ifMatch, ifNoneMatch }], {
    locked: true,
  });
  return writtenResponse(fhirOf(unit), request, written!, written!.action === 'create' ? 201 : 200);
}

/** What a conditional update writes: the match, or a new resource (under the body's id, if any). */
export function conditionalPlan(
  unit: UnitOfWork,
  type: string,
  resource: Resource,
  matched: string | undefined,
  place?: string,
): PlannedWrite {
  if (matched !== undefined) {
    if (resource.id !== undefined && resource.id !== matched) {
      throw problem(
        'invalid',
        'id-differs',
        `The condition matches ${type}/${matched}, the body says ${resource.id}; leave its id out.`,
        place ?? `${type}.id`,
      );
    }
    return { action: 'update', type, id: matched, resource, place };
  }
  if (resource.id === undefined) {
    return { action: 'create', type, id: unit.newId(), resource, place };
  }
  return { action: 'update', type, id: checkedId(resource.id), resource, place, onlyNew: true };
}

/** `DELETE Type/id` */
export async function remove(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
  id: string,
): Promise<FhirResponse> {
  const ifMatch = versionOf(request.headers['if-match']);
  const [written] = await writeResources(unit, [{ action: 'delete', type, id, ifMatch }]);
  // What a room shows stands whatever is deleted: that must not be told as done.
  if (!written && (await readProjected(unit, type, id))) throw shownOnly(type, id);
  return deletedResponse(request, `${type}/${id}`, written);
}

/** 204; who prefers an OperationOutcome is told what was done. */
function deletedResponse(
  request: FhirRequest,
  name: string,
  written: Pick<Written, 'version'> | undefined,
): FhirResponse {
  const headers: Record<string, string> = written ? { etag: `W/"${written.version}"` } : {};
  if (preferredReturn(request.headers.prefer) !== 'OperationOutcome') {
    return { status: 204, headers };
  }
  const says = written ? `Deleted ${name}.` : `There was no such ${name}; nothing was deleted.`;
  return resourceResponse(200, doneOutcome(says), headers);
}

/** `DELETE Type?criteria`: none or one */
export async function conditionalRemove(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
): Promise<FhirResponse> {
  authorize(unit, 'write', type);
  const condition = parseCondition(unit, type, request.query.toString(), undefined, true);
  const match = (await resolveLocked(unit, condition.locks, [condition])).get(condition);
  if (!match) return deletedResponse(request, type, undefined);
  return remove(unit, request, type, match.id);
}

/** @throws Problem for an id that FHIR does not allow */
export function checkedId(id: string): string {
  if (isId(id)) return id;
  throw problem(
    'value',
    'id-malformed',
    `"${id.slice(0, 80)}" is not a FHIR id: letters, digits, "-" and ".", at most 64.`,
    'id',
  );
}

function idDiffers(type: string, id: string, body: string | undefined): Problem {
  return problem(
    'invalid',
    'id-differs',
    `The URL names ${type}/${id}, the body ${body === undefined ? 'has no id' : `says ${body}`}; ` +
      'they must be the same.',
    `${type}.id`,
  );
}

/** @throws Problem 422 for a resource that was read in part (`_summary`, `_elements`) */
export function refusePart(resource: Resource): void {
  if (isSubsetted(resource)) {
    throw problem(
      'business-rule',
      'resource-subsetted',
      'This is only a part of the resource (tag SUBSETTED); read it whole before changing it.',
      `${resource.resourceType}.meta.tag`,
    );
  }
}
