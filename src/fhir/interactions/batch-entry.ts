/**
 * An answer as an entry of a batch-response.
 * https://hl7.org/fhir/R4/http.html#transaction-response
 */

import type { FhirResponse } from '../types.ts';

/** The entry as JSON text; the resource's text is not parsed. */
export function answerEntry(answer: FhirResponse, method: string): string {
  const { etag, location } = answer.headers;
  const lastModified = answer.headers['last-modified'];
  const response = {
    status: String(answer.status),
    ...(location && { location }),
    ...(etag && { etag }),
    ...(lastModified && { lastModified: new Date(lastModified).toISOString() }),
  };
  if (!answer.text || method === 'HEAD') return JSON.stringify({ response });
  if (answer.status < 400) {
    return `{"resource":${answer.text},"response":${JSON.stringify(response)}}`;
  }
  return `{"response":${JSON.stringify(response).slice(0, -1)},"outcome":${answer.text}}}`;
}
