/**
 * Bulk data over HTTP: kick-off, state, files, end. Stands before the FHIR endpoint, because bodies
 * and files of any size stream through it.
 *
 * Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
 */

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Parameters } from '@medplum/fhirtypes';
import { type Request, type Response, Router } from 'express';
import type { Authenticator } from '../access/authenticate.ts';
import type { App, UnitOfWork } from '../app.ts';
import { runUnitOfWork } from '../database/unit-of-work.ts';
import { type ExportTask, readExport, type Sent, sentIn } from '../fhir/bulk/export-request.ts';
import { checkDisk, folderOf, removeFiles } from '../fhir/bulk/files.ts';
import { INPUT } from '../fhir/bulk/import.ts';
import {
  checkImport,
  endJob,
  fileOf,
  type JobAnswer,
  kickOff,
  ownJob,
  stateOf,
} from '../fhir/bulk/kick-off.ts';
import { readViews } from '../fhir/bulk/views.ts';
import { parseJson } from '../fhir/formats/json.ts';
import { FHIR_JSON } from '../fhir/interactions/respond.ts';
import type { FhirHouse } from '../fhir/types.ts';
import { VIEW_TYPES, type ViewFormat } from '../fhir/views/write.ts';
import { problem } from '../sdk/index.ts';
import { BODY_MAX_BYTES, IMPORT_MAX_BYTES } from '../settings.ts';
import { decoded, isBrokenEncoding, readBody, textOf } from './body.ts';

/** What the handlers share. */
export interface BulkParts {
  readonly app: App;
  readonly authenticator: Authenticator;
}

/** The routes, below the FHIR base. */
export function bulkEndpoint(parts: BulkParts): Router {
  const router = Router();
  for (const path of ['/\\$export', '/Patient/\\$export', '/Group/:group/\\$export']) {
    router.get(path, (request, response) => startExport(parts, request, response));
    router.post(path, (request, response) => startExport(parts, request, response));
  }
  for (const path of ['/\\$viewdefinition-export', '/ViewDefinition/\\$viewdefinition-export']) {
    router.post(path, (request, response) => startViews(parts, request, response));
  }
  router.post('/\\$import', (request, response) => startImport(parts, request, response));
  router.get('/bulk-status/:job', (request, response) => tellState(parts, request, response));
  router.delete('/bulk-status/:job', (request, response) => end(parts, request, response));
  router.get('/bulk-files/:job/:name', (request, response) => giveFile(parts, request, response));
  return router;
}

/** Runs `work` as whoever sends the request. */
export async function asCaller<Result>(
  { app, authenticator }: BulkParts,
  request: Request,
  response: Response,
  readOnly: boolean,
  work: (unit: UnitOfWork) => Promise<Result>,
): Promise<Result> {
  const actor = await authenticator.actorOf(request.headers.authorization);
  const requestId = response.locals.requestId as string;
  return runUnitOfWork(app, actor, { requestId, readOnly }, work);
}

/** The URL of the FHIR base. */
export function baseOf(app: App): string {
  return (app.fhir as FhirHouse).base();
}

async function startExport(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const { app } = parts;
  await checkDisk(app);
  const sent = await sentOf(app, request);
  const group = request.params.group as string | undefined;
  const level = group ? 'Group' : request.path.startsWith('/Patient') ? 'Patient' : 'system';
  const where: Pick<ExportTask, 'level' | 'group'> = { level, ...(group && { group }) };
  const lenient = /handling=lenient/.test(String(request.headers.prefer ?? ''));
  const url = `${baseOf(app)}${request.url}`;
  const id = await asCaller(parts, request, response, false, (unit) =>
    kickOff(unit, 'export', url, readExport(unit, where, sent, lenient)),
  );
  accepted(app, response, id);
}

const LINES = /^application\/(fhir\+|x-)?ndjson\b/i;

/** Takes the whole body to the disk before anything is begun: what was answered 202 is not lost. */
async function startImport(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const { app } = parts;
  if (!LINES.test(String(request.headers['content-type'] ?? ''))) {
    const says = '$import takes lines of resources; send application/fhir+ndjson.';
    throw problem('unsupported-media-type', 'format-unknown', says);
  }
  const id = await asCaller(parts, request, response, true, async (unit) => {
    await checkImport(unit);
    return unit.newId();
  });
  try {
    const bytes = await receive(app, request, id);
    const url = `${baseOf(app)}${request.url}`;
    await asCaller(parts, request, response, false, (unit) =>
      kickOff(unit, 'import', url, { bytes }, id),
    );
  } catch (error) {
    await removeFiles(app, id);
    throw error;
  }
  accepted(app, response, id);
}

/** Writes the body, decompressed, to the folder of the job; answers its bytes. */
async function receive(app: App, request: Request, id: string): Promise<number> {
  const max = app.settings.get(IMPORT_MAX_BYTES);
  await checkDisk(app, Number(request.headers['content-length'] ?? 0));
  const folder = folderOf(app, id);
  await mkdir(folder, { recursive: true });
  const source = decoded(request);
  source.on('error', () => {}); // told by the iterator; without a listener it would end the process
  let size = 0;
  const limited = async function* (): AsyncGenerator<Buffer> {
    // The request is left open when reading stops early, so that the refusal reaches the client.
    for await (const chunk of source.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > max) {
        const says = `The lines are more than ${max} bytes; send them in several imports.`;
        throw problem('too-long', 'body-too-long', says);
      }
      yield chunk as Buffer;
    }
  };
  const file = createWriteStream(join(folder, INPUT), { flags: 'wx', flush: true });
  try {
    await pipeline(limited, file);
  } catch (error) {
    if (!isBrokenEncoding(error)) throw error;
    throw problem('structure', 'encoding-broken', 'The compressed body cannot be decompressed.');
  }
  return size;
}

async function startViews(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const { app } = parts;
  await checkDisk(app);
  const body = parseJson(textOf(await readBody(request, app.settings.get(BODY_MAX_BYTES))));
  if ((body as Parameters | null)?.resourceType !== 'Parameters') {
    const says = '$viewdefinition-export takes Parameters.';
    throw problem('structure', 'operation-body', says, 'resourceType');
  }
  const url = `${baseOf(app)}${request.url}`;
  const id = await asCaller(parts, request, response, false, async (unit) =>
    kickOff(unit, 'export', url, await readViews(unit, body as Parameters)),
  );
  accepted(app, response, id);
}

/** 202 with the place where the state can be asked for. */
export function accepted(app: App, response: Response, id: string): void {
  const place = `${baseOf(app)}/bulk-status/${id}`;
  response.status(202).set({ 'content-location': place, 'retry-after': '1' }).end();
}

async function sentOf(app: App, request: Request): Promise<Sent> {
  const query = [...new URL(request.url, 'http://local').searchParams];
  if (request.method === 'GET') return query;
  const bytes = await readBody(request, app.settings.get(BODY_MAX_BYTES));
  if (bytes.length === 0) return query;
  const body = parseJson(textOf(bytes)) as Parameters;
  if (body?.resourceType === 'Parameters') return [...query, ...sentIn(body)];
  throw problem('structure', 'operation-body', '$export takes Parameters.', 'resourceType');
}

async function tellState(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const id = String(request.params.job);
  const job = await asCaller(parts, request, response, true, (unit) => ownJob(unit, id));
  answer(response, stateOf(job, baseOf(parts.app)));
}

function answer(response: Response, { status, headers, body }: JobAnswer): void {
  response.status(status).set(headers);
  if (!body) return void response.end();
  response.set('content-type', status === 200 ? 'application/json; charset=utf-8' : FHIR_JSON);
  response.end(JSON.stringify(body));
}

async function end(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const id = String(request.params.job);
  await asCaller(parts, request, response, false, (unit) => endJob(unit, id));
  await removeFiles(parts.app, id);
  response.status(202).end();
}

async function giveFile(parts: BulkParts, request: Request, response: Response): Promise<void> {
  const [id, name] = [String(request.params.job), String(request.params.name)];
  const job = await asCaller(parts, request, response, true, (unit) => ownJob(unit, id));
  const file = createReadStream(join(folderOf(parts.app, job.id), ...fileOf(job, name)));
  response.set({ 'content-type': mediaType(name), vary: 'Accept-Encoding' });
  if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
    return pipeline(file, response);
  }
  response.set('content-encoding', 'gzip');
  return pipeline(file, createGzip({ level: 1 }), response);
}

function mediaType(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  return ending in VIEW_TYPES && ending !== 'ndjson'
    ? VIEW_TYPES[ending as ViewFormat]
    : 'application/fhir+ndjson';
}
