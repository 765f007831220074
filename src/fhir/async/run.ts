/**
 * Runs requests that are answered later, as the callers who sent them.
 *
 * A run that is broken off (the process died) is repeated when it only reads. What writes is not: it
 * may have been committed, and its caller is told to look before sending it again.
 */

import type { App, UnitOfWork } from '../../app.ts';
import { handle, handleInSteps, job, type Units } from '../../sdk/index.ts';
import { answerEntry } from '../interactions/batch-entry.ts';
import { resourceResponse, textResponse } from '../interactions/respond.ts';
import { handleFhir } from '../router.ts';
import type { FhirRequest, FhirResponse } from '../types.ts';
import { KEPT_HOURS, runAsync } from './accept.ts';
import { type AsyncWork, forgetOld, keepAnswer, startRequest } from './store.ts';

/** Forgets answers whose time is over. */
export const forgetAsync = job<Record<string, never>>(
  'house.forget-async-answers',
  'forgets answers that nobody has come back for',
);

/** Handlers of the jobs of this folder. */
export const asyncHandlers = [
  handleInSteps(runAsync, run),
  handle(forgetAsync, async (ctx) => {
    await forgetOld(ctx.db, new Date(ctx.now.getTime() - KEPT_HOURS * 3_600_000));
  }),
];

async function run(units: Units, { id }: { readonly id: string }): Promise<void> {
  const { app, work } = await units.run(async (ctx) => ({
    app: (ctx as UnitOfWork).app,
    work: await startRequest(ctx.db, id, ctx.now),
  }));
  if (!work) return;
  const { request } = work;
  const answer = await textOf(await answerTo(app, work));
  const entry = answerEntry(answer, request.method);
  const text = `{"resourceType":"Bundle","type":"batch-response","entry":[${entry}]}`;
  await units.run((ctx) => keepAnswer(ctx.db, id, text, ctx.now));
}

async function answerTo(app: App, work: AsyncWork): Promise<FhirResponse> {
  const { actor, request, requestId } = work;
  if (work.again && !isRead(request)) return interrupted();
  try {
    return await handleFhir(app, actor, request, requestId);
  } catch (error) {
    app.log.error('async request failed', { requestId, method: request.method }, error);
    return failed(requestId);
  }
}

function isRead({ method, path }: FhirRequest): boolean {
  return method === 'GET' || method === 'HEAD' || path.endsWith('_search');
}

/** A file or flat table becomes a Binary, so that the answer is one resource. */
async function textOf(answer: FhirResponse): Promise<FhirResponse> {
  if (!answer.raw) return answer;
  const { contentType, body, status = 200 } = answer.raw;
  const pieces: Uint8Array[] = [];
  const whole = typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
  for await (const piece of whole) pieces.push(Buffer.from(piece));
  const data = Buffer.concat(pieces).toString('base64');
  return textResponse(status, JSON.stringify({ resourceType: 'Binary', contentType, data }));
}

function interrupted(): FhirResponse {
  return fault(
    'It was interrupted; it may have been done. Look, then send it again if it was not.',
  );
}

function failed(requestId: string): FhirResponse {
  return fault(`Something is wrong on our side; give this id to your administrator: ${requestId}.`);
}

function fault(diagnostics: string): FhirResponse {
  return resourceResponse(500, {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'fatal', code: 'exception', diagnostics }],
  });
}
