/**
 * A patch as sent, understood and applied to a resource. Which of the two kinds it is, its content
 * type says; in a bundle a Binary stands for JSON Patch. What makes a resource itself (type, id,
 * version) stays out of reach of a patch.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#patch
 */

import type { Resource } from '@medplum/fhirtypes';
import { type Problem, problem } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { isObject } from '../definitions/run.ts';
import { DEPTH_MAX, parseJson, shapeFault, VALUES_MAX, writeJson } from '../formats/json.ts';
import { applyFhirPathPatch } from './fhirpath-patch.ts';
import { applyJsonPatch } from './json-patch.ts';

export const JSON_PATCH = 'application/json-patch+json';

/** A patch that can be applied. */
export type Patch =
  | { readonly kind: 'json'; readonly operations: unknown }
  | { readonly kind: 'fhirpath'; readonly parameters: object };

/**
 * The patch that a request carries.
 *
 * @throws Problem 415 when content type and body do not make a patch that is known here
 */
export function patchOf(contentType: string | undefined, body: unknown): Patch {
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === JSON_PATCH) return { kind: 'json', operations: body };
  if (isObject(body) && body.resourceType === 'Parameters') {
    return { kind: 'fhirpath', parameters: body };
  }
  throw notAPatch();
}

/** The patch that the resource of a bundle's entry carries. */
export function patchOfEntry(resource: unknown, place: string): Patch {
  if (isObject(resource) && resource.resourceType === 'Binary') {
    const { contentType, data } = resource;
    if (contentType === JSON_PATCH && typeof data === 'string') {
      return { kind: 'json', operations: parseJson(Buffer.from(data, 'base64').toString('utf8')) };
    }
  } else if (isObject(resource) && resource.resourceType === 'Parameters') {
    return { kind: 'fhirpath', parameters: resource };
  }
  throw problem(
    'invalid',
    'patch-form',
    `PATCH needs Parameters (FHIRPath Patch) or a Binary with contentType ${JSON_PATCH} and data.`,
    `${place}.resource`,
  );
}

/**
 * Applies a patch to a resource that the caller gives away: it is changed.
 *
 * @throws Problem 400, 422
 */
export function applyPatch(definitions: Definitions, resource: Resource, patch: Patch): Resource {
  const { resourceType, id } = resource;
  const versionId = resource.meta?.versionId;
  const lastUpdated = resource.meta?.lastUpdated;
  const result =
    patch.kind === 'json'
      ? applyJsonPatch(resource, patch.operations)
      : applyFhirPathPatch(definitions, resource, patch.parameters);
  if (!isObject(result)) throw immutable(resourceType, 'the resource itself');
  const meta = isObject(result.meta) ? result.meta : {};
  if (result.resourceType !== resourceType) throw immutable(resourceType, 'resourceType');
  if (result.id !== id) throw immutable(resourceType, 'id');
  if (![undefined, versionId].includes(meta.versionId as string)) {
    throw immutable(resourceType, 'meta.versionId');
  }
  if (![undefined, lastUpdated].includes(meta.lastUpdated as string)) {
    throw immutable(resourceType, 'meta.lastUpdated');
  }
  checkShape(result, resourceType);
  return result as unknown as Resource;
}

function checkShape(result: unknown, resourceType: string): void {
  const fault = shapeFault(writeJson(result));
  if (fault === 'deep') {
    const says = `The patch nests the resource more than ${DEPTH_MAX} levels deep; flatten it.`;
    throw problem('structure', 'too-deep', says, resourceType);
  }
  if (fault === 'long') {
    const says = `The patch gives the resource more than ${VALUES_MAX} values; make it smaller.`;
    throw problem('too-long', 'too-many-values', says, resourceType);
  }
}

function immutable(type: string, name: string): Problem {
  return problem(
    'value',
    'patch-immutable',
    `A patch cannot change ${name}; take that operation out.`,
    name.includes(' ') ? type : `${type}.${name}`,
  );
}

function notAPatch(): Problem {
  return problem(
    'unsupported-media-type',
    'patch-form',
    `Send a JSON Patch as ${JSON_PATCH}, or a FHIRPath Patch as Parameters in ` +
      'application/fhir+json.',
  );
}
