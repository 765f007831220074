/**
 * Answers: status, headers and body of FHIR interactions.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#return, #versioning
 */

import type { OperationOutcome, Resource } from '@medplum/fhirtypes';
import { operationOutcome } from '../../sdk/index.ts';
import { writeJson } from '../formats/json.ts';
import type { FhirHouse, FhirRequest, FhirResponse, Written } from '../types.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

/** An answer whose body is a resource. */
export function resourceResponse(
  status: number,
  resource: Resource | OperationOutcome,
  headers: Record<string, string> = {},
): FhirResponse {
  return textResponse(status, writeJson(resource), headers);
}

/** An answer whose body is FHIR JSON as text. */
export function textResponse(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): FhirResponse {
  return { status, headers: { 'content-type': FHIR_JSON, ...headers }, text };
}

/** Headers of a version. */
export function versionHeaders(version: number, lastUpdated: Date): Record<string, string> {
  return { etag: `W/"${version}"`, 'last-modified': lastUpdated.toUTCString() };
}

/** What a caller wants to have back of a write. */
export type Preference = 'minimal' | 'representation' | 'OperationOutcome';

/** The `return` preference of a Prefer header; `otherwise` where it says nothing of it. */
export function preferredReturn(
  prefer: string | undefined,
  otherwise: Preference = 'representation',
): Preference {
  const match = /\breturn=(minimal|representation|OperationOutcome)\b/.exec(prefer ?? '');
  return (match?.[1] as Preference | undefined) ?? otherwise;
}

/** True when unknown search parameters are to be ignored. */
export function isLenient(request: FhirRequest): boolean {
  return /\bhandling=lenient\b/.test(request.headers.prefer ?? '');
}

/** The answer to a create or an update. */
export function writtenResponse(
  house: FhirHouse,
  request: FhirRequest,
  written: Pick<Written, 'type' | 'id' | 'version' | 'lastUpdated' | 'content'>,
  status: 200 | 201,
): FhirResponse {
  const { type, id, version, lastUpdated } = written;
  const headers = {
    ...versionHeaders(version, lastUpdated),
    location: `${house.base()}/${type}/${id}/_history/${version}`,
  };
  switch (preferredReturn(request.headers.prefer)) {
    case 'minimal':
      return { status, headers };
    case 'OperationOutcome':
      return resourceResponse(status, savedOutcome(type, id, version), headers);
    case 'representation':
      return textResponse(status, written.content, headers);
  }
}

/** What a caller who prefers an OperationOutcome is told of a write. */
export function savedOutcome(type: string, id: string, version: number): OperationOutcome {
  return doneOutcome(`Saved ${type}/${id} as version ${version}.`);
}

/** An OperationOutcome that tells what has been done. */
export function doneOutcome(diagnostics: string): OperationOutcome {
  return operationOutcome([{ severity: 'information', kind: 'informational', diagnostics }]);
}

/**
 * True when the If-None-Match of a write (`*`, or versions) speaks against what stands there.
 * https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match
 */
export function isNoneMatch(header: string, version: number): boolean {
  return header.split(',').some((each) => ['*', String(version)].includes(versionOf(each) ?? ''));
}

/** The version that an If-Match header names: `W/"3"` or `"3"`. */
export function versionOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return /^(?:W\/)?"?([^"]+)"?$/.exec(header.trim())?.[1] ?? header;
}
