/**
 * Binary over HTTP: what comes as bytes becomes a resource, and a resource goes out as its bytes
 * unless FHIR is asked for.
 *
 * Leaves to others: what a Binary is (`fhir/interactions/binary.ts`), who may read it.
 */

import type { Binary } from '@medplum/fhirtypes';
import type { Request, Response } from 'express';
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { parseJson } from '../fhir/formats/json.ts';
import { parseXmlInTurns } from '../fhir/formats/xml.ts';
import { binaryOf, bytesAnswer, nativeType } from '../fhir/interactions/binary.ts';
import type { FhirRequest, FhirResponse } from '../fhir/types.ts';
import { Problem, problem } from '../sdk/index.ts';
import { textOf } from './body.ts';
import { type BodyKind, binaryWish } from './negotiate.ts';

type Handle = (request: FhirRequest) => Promise<FhirResponse>;

/**
 * The request with its bytes as a Binary. General JSON and XML may be either: a Binary as a
 * resource, or bytes to be kept.
 */
export async function requestOfBytes(
  definitions: Definitions,
  request: FhirRequest,
  kind: BodyKind,
  bytes: Buffer,
  handle: Handle,
): Promise<FhirRequest> {
  const resource = await resourceIn(definitions, kind, bytes);
  if (resource) return { ...request, body: resource };
  const binary = binaryOf(request, bytes);
  if (request.method !== 'PUT' || binary.securityContext) return { ...request, body: binary };
  return keepContext(request, binary, handle);
}

async function resourceIn(
  definitions: Definitions,
  kind: BodyKind,
  bytes: Buffer,
): Promise<unknown> {
  if (kind !== 'json' && kind !== 'xml') return undefined;
  try {
    const text = textOf(bytes);
    const value = kind === 'xml' ? await parseXmlInTurns(definitions, text) : parseJson(text);
    return (value as Partial<Binary> | null)?.resourceType === 'Binary' ? value : undefined;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/**
 * Bytes say nothing of who may read them, so new bytes keep the security context that stands; the
 * version that it was read from must still be current.
 */
async function keepContext(
  request: FhirRequest,
  binary: Binary,
  handle: Handle,
): Promise<FhirRequest> {
  const { path, headers } = request;
  const standing = await handle({ method: 'GET', path, query: new URLSearchParams(), headers: {} });
  if (standing.status === 404 || standing.status === 410) {
    return { ...request, headers: { 'if-none-match': '*', ...headers }, body: binary };
  }
  if (standing.status !== 200 || !standing.text) {
    throw problem(
      'forbidden',
      'security-context-unknown',
      'You may not read who may read this Binary. Name it in the header X-Security-Context.',
    );
  }
  const { securityContext } = JSON.parse(standing.text) as Binary;
  const ifMatch = headers['if-match'] ?? standing.headers.etag;
  return {
    ...request,
    headers: { ...headers, 'if-match': ifMatch },
    body: { ...binary, ...(securityContext && { securityContext }) },
  };
}

/** The answer to a read of a Binary: its bytes, or the resource in the form asked for. */
export function binaryAnswer(
  request: Request,
  response: Response,
  query: URLSearchParams,
  answer: FhirResponse,
): FhirResponse {
  if (answer.status !== 200 || answer.text === undefined) return answer;
  const binary = JSON.parse(answer.text) as Binary;
  const wish = binaryWish(query, request.headers.accept, nativeType(binary));
  if (wish === 'native' && !query.has('_summary') && !query.has('_elements')) {
    return bytesAnswer(answer, binary);
  }
  if (wish !== 'native') response.locals.form = wish;
  return answer;
}
