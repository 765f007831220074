/**
 * Answers: status, headers and body of FHIR interactions.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#return, #versioning
 */

import type { OperationOutcome, Resource } from '@medplum/fhirtypes';
import { type Issue, operationOutcome } from '../../sdk/index.ts';
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

/** The `return` preference of a request. */
export function preferredReturn(
  request: FhirRequest,
): 'minimal' | 'representation' | 'OperationOutcome' {
  const match = /\breturn=(minimal|representation|OperationOutcome)\b/.exec(
    request.headers.prefer ?? '',
  );
  return (match?.[1] as 'minimal') ?? 'representation';
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
  switch (preferredReturn(request)) {
    case 'minimal':
      return { status, headers };
    case 'OperationOutcome':
      return resourceResponse(status, operationOutcome([saved(type, id, version)]), headers);
    case 'representation':
      return textResponse(status, written.content, headers);
  }
}

function saved(type: string, id: string, version: number): Issue {
  return {
    severity: 'information',
    kind: 'informational',
    diagnostics: `Saved ${type}/${id} as version ${version}.`,
  };
}

/** The version that an If-Match header names: `W/"3"` or `"3"`. */
export function versionOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return /^(?:W\/)?"?([^"]+)"?$/.exec(header.trim())?.[1] ?? header;
}
