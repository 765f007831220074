/**
 * FHIR read and vread. https://hl7.org/fhir/R4/http.html#read, #vread
 */

import type { UnitOfWork } from '../../app.ts';
import { Problem, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { readProjected } from '../projection.ts';
import { published } from '../published.ts';
import { shapeOf, summarized } from '../search/summary.ts';
import { writeContent } from '../store/content.ts';
import { loadRow, loadVersion } from '../store/read.ts';
import { type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { isNoneMatch, textResponse, versionHeaders } from './respond.ts';

/** A resource as it stands now. */
interface Current {
  readonly content: string;
  readonly version: number;
  readonly lastUpdated: Date;
}

/**
 * The current version of a resource, stored or projected, or of a definition that is published with
 * the house (profiles, value sets, operations), so that what `metadata` names can be read.
 *
 * @throws Problem not-found, deleted
 */
export async function current(unit: UnitOfWork, type: string, id: string): Promise<Current> {
  const row = await loadRow(unit, type, id);
  if (row && !row.deleted) {
    return { content: row.content, version: row.ver, lastUpdated: row.lu };
  }
  const projected = await readProjected(unit, type, id);
  if (projected) return projected;
  if (row) throw gone(type, id, row.ver);
  const house = fhirOf(unit);
  const found = published(house, type, id);
  if (!found) throw notFound(type, id);
  const lastUpdated = house.started;
  return { content: writeContent(found, id, 1, lastUpdated), version: 1, lastUpdated };
}

/** `GET Type/id` */
export async function read(
  unit: UnitOfWork,
  request: FhirRequest,
  type: string,
  id: string,
): Promise<FhirResponse> {
  authorize(unit, 'read', type);
  const found = await current(unit, type, id);
  const headers = versionHeaders(found.version, found.lastUpdated);
  if (isUnchanged(request, found)) return { status: 304, headers };
  const shape = shapeOf(request.query);
  const text = shape ? summarized(fhirOf(unit).definitions, found.content, shape) : found.content;
  return textResponse(200, text, headers);
}

function isUnchanged(request: FhirRequest, { version, lastUpdated }: Current): boolean {
  const match = request.headers['if-none-match'];
  if (match !== undefined) return isNoneMatch(match, version);
  const since = request.headers['if-modified-since'];
  if (since === undefined) return false;
  const instant = Date.parse(since);
  return !Number.isNaN(instant) && Math.floor(lastUpdated.getTime() / 1000) * 1000 <= instant;
}

/** `GET Type/id/_history/version` */
export async function vread(
  unit: UnitOfWork,
  type: string,
  id: string,
  version: string,
): Promise<FhirResponse> {
  authorize(unit, 'read', type);
  const number = /^\d{1,9}$/.test(version) ? Number(version) : 0;
  const found = await loadVersion(unit, type, id, number);
  if (!found) {
    const projected = await readProjected(unit, type, id);
    if (projected && projected.version === number) {
      return textResponse(200, projected.content, versionHeaders(number, projected.lastUpdated));
    }
    throw problem('not-found', 'version-unknown', `${type}/${id} has no version ${version}.`);
  }
  if (found.method === 'DELETE') throw gone(type, id, number);
  return textResponse(200, found.content, versionHeaders(number, found.lu));
}

/** 404 */
export function notFound(type: string, id: string): Problem {
  return problem('not-found', 'resource-unknown', `There is no ${type}/${id}.`);
}

/** 410 */
export function gone(type: string, id: string, version: number): Problem {
  const { issues } = problem(
    'deleted',
    'resource-deleted',
    `${type}/${id} was deleted; its history is kept.`,
  );
  return new Problem(issues, { headers: { etag: `W/"${version}"` } });
}

/** What a room shows is not written as a resource. */
export function shownOnly(type: string, id: string) {
  return problem(
    'not-supported',
    'profile-read-only',
    `${type}/${id} is shown, not taken: it changes by operations of its room.`,
    type,
  );
}
