/**
 * Binary: bytes with a media type. What is posted as bytes becomes a Binary, and comes back as
 * those bytes unless the client asks for the resource.
 *
 * Bytes that strangers have posted are shown under our own name, so a page among them must not run
 * there: nothing is sniffed, nothing may load or run, and what browsers would render is saved.
 *
 * Spec: https://hl7.org/fhir/R4/binary.html, https://hl7.org/fhir/R4/http.html#binary
 */

import type { Binary } from '@medplum/fhirtypes';
import type { FhirRequest, FhirResponse } from '../types.ts';

/** Header that names the resource whose readers may read the bytes. */
const CONTEXT_HEADER = 'x-security-context';

/** Types that show nothing but themselves; any other is offered as a file. */
const INERT =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp|tiff)|text\/plain|audio\/[\w.+-]+|video\/[\w.+-]+)$/;
const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[\w !#$&^.,:+/=()-]*"))*$/;

/** True for the paths whose GET gives bytes: `Binary/x`, `Binary/x/_history/1`. */
export function isBinaryRead({ method, path }: Pick<FhirRequest, 'method' | 'path'>): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    /^Binary\/[^/$_][^/]*(?:\/_history\/[^/]+)?$/.test(path)
  );
}

/** True for the paths that take bytes: `POST Binary`, `PUT Binary/x`. */
export function takesBytes({ method, path }: Pick<FhirRequest, 'method' | 'path'>): boolean {
  return method === 'POST'
    ? path === 'Binary'
    : method === 'PUT' && /^Binary\/[^/$_][^/]*$/.test(path);
}

/** The resource that posted bytes stand for. */
export function binaryOf(
  { path, headers }: Pick<FhirRequest, 'path' | 'headers'>,
  bytes: Buffer,
): Binary {
  const [, id] = path.split('/');
  const context = headers[CONTEXT_HEADER];
  return {
    resourceType: 'Binary',
    ...(id && { id: decodeURIComponent(id) }),
    contentType: (headers['content-type'] ?? '').trim().replace(/\s+/g, ' '),
    ...(context && { securityContext: { reference: context } }),
    ...(bytes.length > 0 && { data: bytes.toString('base64') }),
  };
}

/** The media type under which a Binary's bytes are sent. */
export function nativeType({ contentType }: Binary): string {
  return contentType && MEDIA_TYPE.test(contentType) ? contentType : 'application/octet-stream';
}

/** The answer that is the bytes themselves. */
export function bytesAnswer(answer: FhirResponse, binary: Binary): FhirResponse {
  const { 'content-type': _json, ...headers } = answer.headers;
  const contentType = nativeType(binary);
  const isInert = INERT.test(contentType.split(';')[0]!.trim().toLowerCase());
  const context = binary.securityContext?.reference;
  return {
    status: answer.status,
    headers,
    raw: {
      raw: true,
      status: answer.status,
      contentType,
      headers: {
        ...headers,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
        ...(!isInert && { 'content-disposition': 'attachment' }),
        ...(context && /^[\x21-\x7e]+$/.test(context) && { [CONTEXT_HEADER]: context }),
      },
      body: Buffer.from(binary.data ?? '', 'base64'),
    },
  };
}
