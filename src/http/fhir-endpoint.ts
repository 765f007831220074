/**
 * The FHIR endpoint: from an HTTP request to a FHIR request and back. Bytes are sent as they come
 * from the FHIR room; nothing is parsed or written twice.
 */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { Authenticator } from '../access/authenticate.ts';
import type { App } from '../app.ts';
import { parseJson } from '../fhir/formats/json.ts';
import { handleFhir } from '../fhir/router.ts';
import type { FhirHouse, FhirRequest, FhirResponse } from '../fhir/types.ts';
import { BODY_MAX_BYTES } from '../settings.ts';
import { readBody, textOf } from './body.ts';
import { bodyKind, checkAccept } from './negotiate.ts';

/** Answers everything below the FHIR base. Problems and bugs are thrown to the error handler. */
export function fhirEndpoint(app: App, authenticator: Authenticator) {
  return async (request: Request, response: Response): Promise<void> => {
    const { path, query } = targetOf(request.url);
    checkAccept(query.get('_format'), request.headers.accept, otherForms(app, path));
    const id = response.locals.requestId as string;
    if (path === 'metadata' && (request.method === 'GET' || request.method === 'HEAD')) {
      const text = (app.fhir as FhirHouse).capability();
      send(request, response, {
        status: 200,
        headers: { 'content-type': 'application/fhir+json; charset=utf-8' },
        text,
      });
      return;
    }
    const actor = await authenticator.actorOf(request.headers.authorization);
    const fhirRequest = await fhirRequestOf(app, request, path, query);
    const answer = await handleFhir(app, actor, fhirRequest, id);
    await deliver(request, response, answer);
  };
}

/** Forms besides JSON that the operation of a path gives. */
function otherForms(app: App, path: string): readonly string[] {
  if (!path.includes('$')) return [];
  const parts = path.split('/');
  const key = parts.length === 3 ? `${parts[0]}/[id]/${parts[2]}` : path;
  return (app.fhir as FhirHouse).operations.get(key)?.answers ?? [];
}

/** Path below the base without slashes at its ends, and query; a doubled slash is forgiven. */
function targetOf(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return {
    path: path.replace(/^\/+|\/+$/g, ''),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
  };
}

async function fhirRequestOf(
  app: App,
  request: Request,
  path: string,
  query: URLSearchParams,
): Promise<FhirRequest> {
  const headers = request.headers as Record<string, string | undefined>;
  const base = { method: request.method, path, query, headers };
  if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'DELETE') {
    return base;
  }
  const bytes = await readBody(request, app.settings.get(BODY_MAX_BYTES));
  if (bytes.length === 0) return base;
  if (bodyKind(headers['content-type']) === 'form') {
    const form = new URLSearchParams(textOf(bytes));
    return { ...base, query: new URLSearchParams([...query, ...form]) };
  }
  return { ...base, body: parseJson(textOf(bytes)) };
}

async function deliver(request: Request, response: Response, answer: FhirResponse): Promise<void> {
  if (!answer.raw) return send(request, response, answer);
  const { raw } = answer;
  response.status(raw.status ?? 200).set({ ...raw.headers, 'content-type': raw.contentType });
  if (typeof raw.body === 'string' || raw.body instanceof Uint8Array) {
    response.end(request.method === 'HEAD' ? undefined : raw.body);
    return;
  }
  await pipeline(Readable.from(raw.body), response);
}

/** Sends an answer; a HEAD has the headers of its GET and no body. */
export function send(request: Request, response: Response, answer: FhirResponse): void {
  const { status, headers, text } = answer;
  const bytes = text === undefined ? undefined : Buffer.from(text);
  response.status(status).set(headers);
  if (bytes) response.set('content-length', String(bytes.length));
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
