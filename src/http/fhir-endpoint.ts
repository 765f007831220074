/**
 * The FHIR endpoint: from an HTTP request to a FHIR request and back, in JSON or XML. Bytes are
 * sent as they come from the FHIR room; a JSON answer is not parsed or written twice.
 */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { Authenticator } from '../access/authenticate.ts';
import type { App } from '../app.ts';
import { parseJson } from '../fhir/formats/json.ts';
import { type Form, JSON_FORM, render } from '../fhir/formats/render.ts';
import { parseXmlInTurns } from '../fhir/formats/xml.ts';
import { isBinaryRead, takesBytes } from '../fhir/interactions/binary.ts';
import { FHIR_JSON } from '../fhir/interactions/respond.ts';
import { handleFhir } from '../fhir/router.ts';
import type { FhirHouse, FhirRequest, FhirResponse } from '../fhir/types.ts';
import { Problem, problem } from '../sdk/index.ts';
import { BODY_MAX_BYTES } from '../settings.ts';
import { binaryAnswer, requestOfBytes } from './binary.ts';
import { readBody, textOf } from './body.ts';
import { holdAnswer } from './body-room.ts';
import { bodyKind, formOf, isFhirType } from './negotiate.ts';

/** Answers everything below the FHIR base. Problems and bugs are thrown to the error handler. */
export function fhirEndpoint(app: App, authenticator: Authenticator) {
  const statement = statementRenderer(app.fhir as FhirHouse);
  return async (request: Request, response: Response): Promise<void> => {
    const { path, query } = targetOf(request.url);
    const { method } = request;
    const ofBinary = isBinaryRead({ method, path });
    speak(app, request, response, path, query, ofBinary);
    if (path === 'metadata' && (method === 'GET' || method === 'HEAD')) {
      send(request, response, statement(response.locals.form as Form));
      return;
    }
    const actor = await authenticator.actorOf(request.headers.authorization);
    const id = response.locals.requestId as string;
    const handle = (wanted: FhirRequest) => handleFhir(app, actor, wanted, id);
    const fhirRequest = await fhirRequestOf(app, request, path, query, handle);
    if (fhirRequest.query !== query) speak(app, request, response, path, fhirRequest.query, false);
    const answer = await handle(fhirRequest);
    const whole = ofBinary ? binaryAnswer(request, response, query, answer) : answer;
    await deliver(request, response, whole);
  };
}

/**
 * Settles the form in which this request is answered, its problems too. Of a Binary only those: its
 * own form is settled when its media type is known.
 *
 * @throws Problem not-acceptable
 */
function speak(
  app: App,
  { headers }: Request,
  response: Response,
  path: string,
  query: URLSearchParams,
  ofBinary: boolean,
): void {
  const house = app.fhir as FhirHouse;
  response.locals.render = (answer: FhirResponse) =>
    render(house.definitions, answer, response.locals.form as Form);
  response.locals.form = JSON_FORM;
  try {
    response.locals.form = formOf(query, headers.accept, otherForms(house, path));
  } catch (error) {
    if (!ofBinary) throw error;
  }
}

/** Forms besides JSON that the operation of a path gives. */
function otherForms(house: FhirHouse, path: string): readonly string[] {
  if (!path.includes('$')) return [];
  const parts = path.split('/');
  const key = parts.length === 3 ? `${parts[0]}/[id]/${parts[2]}` : path;
  return house.operations.get(key)?.answers ?? [];
}

/** The CapabilityStatement, which anybody may ask for, is written once in each form. */
function statementRenderer({ definitions, capability }: FhirHouse): (form: Form) => FhirResponse {
  const written = new Map<string, { of: string; answer: FhirResponse }>();
  return (form) => {
    const text = capability();
    const key = JSON.stringify(form);
    const known = written.get(key);
    if (known?.of === text) return known.answer;
    const answer = { status: 200, headers: { 'content-type': FHIR_JSON }, text };
    const made = render(definitions, answer, form);
    written.set(key, { of: text, answer: made });
    return made;
  };
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

type Handle = (request: FhirRequest) => Promise<FhirResponse>;

async function fhirRequestOf(
  app: App,
  request: Request,
  path: string,
  query: URLSearchParams,
  handle: Handle,
): Promise<FhirRequest> {
  const headers = request.headers as Record<string, string | undefined>;
  const { method } = request;
  const base = { method, path, query, headers };
  if (method === 'GET' || method === 'HEAD' || method === 'DELETE') return base;
  const bytes = await readBody(request, app.settings.get(BODY_MAX_BYTES));
  const asBytes = takesBytes(base);
  const to = asBytes ? 'bytes' : method === 'PATCH' ? 'patch' : undefined;
  // A POST without a body needs no content type.
  const kind = bodyKind(bytes.length > 0 || asBytes ? headers['content-type'] : undefined, to);
  const { definitions } = app.fhir as FhirHouse;
  if (asBytes && !isFhirType(headers['content-type'])) {
    return requestOfBytes(definitions, base, kind, bytes, handle);
  }
  if (bytes.length === 0) return base;
  const text = textOf(bytes);
  if (kind === 'form') {
    if (text.length > FORM_MAX) throw formTooLong();
    return { ...base, query: new URLSearchParams([...query, ...new URLSearchParams(text)]) };
  }
  const body = kind === 'xml' ? await parseXmlInTurns(definitions, text) : parseJson(text);
  return { ...base, body };
}

/** Characters of a search that is sent as a form: a hundred times what fits into a URL. */
const FORM_MAX = 1024 * 1024;

function formTooLong(): Problem {
  const says = `A form has at most ${FORM_MAX} characters; ask for fewer values at once.`;
  return problem('too-long', 'body-too-long', says);
}

async function deliver(request: Request, response: Response, answer: FhirResponse): Promise<void> {
  if (!answer.raw) return send(request, response, answer);
  const { raw } = answer;
  response.status(raw.status ?? 200).set({ ...raw.headers, 'content-type': raw.contentType });
  if (typeof raw.body === 'string' || raw.body instanceof Uint8Array) {
    // Express adds a charset to what looks like text; bytes are sent under the very type they have.
    if (typeof raw.body !== 'string') response.setHeader('content-type', raw.contentType);
    const size = Buffer.byteLength(raw.body);
    holdAnswer(request, response, size);
    response.set('content-length', String(size));
    response.end(request.method === 'HEAD' ? undefined : raw.body);
    return;
  }
  await pipeline(Readable.from(raw.body), response);
}

/**
 * Sends an answer in the form asked for; a HEAD has the headers of its GET and no body. A change
 * that stands is never answered as refused because XML cannot carry it: it is told in JSON.
 *
 * @throws Problem not-acceptable when XML cannot carry what was read
 */
export function send(request: Request, response: Response, answer: FhirResponse): void {
  const { status, headers, text } = spoken(request, response, answer);
  const bytes = text === undefined ? undefined : Buffer.from(text);
  if (bytes) holdAnswer(request, response, bytes.length);
  response.status(status).set(headers);
  if (bytes) response.set('content-length', String(bytes.length));
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function spoken(request: Request, response: Response, answer: FhirResponse): FhirResponse {
  const { form, render: speakIn } = response.locals;
  if (!speakIn || form === JSON_FORM) return answer;
  try {
    return speakIn(answer);
  } catch (error) {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (!(error instanceof Problem) || (reads && answer.status < 400)) throw error;
    return answer;
  }
}
