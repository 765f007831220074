/**
 * Asking for a bulk job and asking after it. Only who asked may see a job, its files, or end it;
 * for everybody else there is no such job.
 *
 * Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, https://hl7.org/fhir/R4/async.html
 */

import type { OperationOutcome } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { Problem, problem } from '../../sdk/index.ts';
import { packActor } from './actor.ts';
import type { ExportResult } from './export.ts';
import type { FileEntry } from './files.ts';
import type { ImportResult } from './import.ts';
import { KEPT_HOURS, runBulkJob } from './jobs.ts';
import {
  type BulkJob,
  cancelJob,
  countKeptJobs,
  countOpenJobs,
  insertJob,
  loadJob,
} from './store/jobs.ts';

/** Bulk jobs that one caller may have open. */
const OPEN_MAX = 3;
/** Finished ones whose files are kept for one caller. */
const KEPT_MAX = 50;
/** Seconds after which a caller should ask again. */
export const ASK_AGAIN_SECONDS = 5;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Records a job and sets it going; answers its id.
 *
 * @throws Problem throttled, when the caller has too many open; forbidden, when elements are masked
 */
export async function kickOff(
  unit: UnitOfWork,
  kind: BulkJob['kind'],
  request: string,
  task: object,
  id = unit.newId(),
): Promise<string> {
  const { actor, db, now } = unit;
  await checkCaller(unit);
  const row = { id, kind, actor_id: actor.id, actor: packActor(actor), request, task };
  await insertJob(db, row, now);
  unit.audit({ action: 'E', interaction: `$${kind}`, detail: { job: id } });
  unit.enqueue(runBulkJob, { id }, { key: `bulk-${id}` });
  return id;
}

async function checkCaller({ actor, db }: UnitOfWork): Promise<void> {
  if ((actor.masks?.length ?? 0) > 0) {
    throw problem(
      'forbidden',
      'masked-file',
      'Elements are kept from your roles, so files are neither given nor taken; use FHIR JSON.',
    );
  }
  if ((await countOpenJobs(db, actor.id)) >= OPEN_MAX) {
    const says = `You have ${OPEN_MAX} bulk jobs that are not finished; wait for them, or DELETE one.`;
    const { issues } = problem('throttled', 'bulk-busy', says);
    throw new Problem(issues, { headers: { 'retry-after': '60' } });
  }
  if ((await countKeptJobs(db, actor.id)) >= KEPT_MAX) {
    const says = `The files of ${KEPT_MAX} of your bulk jobs are kept; DELETE those that you have fetched.`;
    const { issues } = problem('throttled', 'bulk-busy', says);
    throw new Problem(issues, { headers: { 'retry-after': '600' } });
  }
}

/**
 * Whether an import may be sent at all, before its lines are taken to the disk.
 *
 * @throws Problem forbidden for who may write no type; throttled
 */
export async function checkImport(unit: UnitOfWork): Promise<void> {
  const mayWrite = [...unit.actor.permissions].some((each) => /^(\*|.+\.write)$/.test(each));
  if (!mayWrite) {
    const says = 'An import needs the permission to write what it holds, e.g. "Patient.write".';
    throw problem('forbidden', 'permission-missing', says);
  }
  await checkCaller(unit);
}

/**
 * The caller's own job.
 *
 * @throws Problem not-found, also for the job of another and for one whose time is over
 */
export async function ownJob(unit: UnitOfWork, id: string): Promise<BulkJob> {
  const found = UUID.test(id) ? await loadJob(unit.db, id) : undefined;
  const isOver = found?.expires_at && found.expires_at <= unit.now;
  if (found && found.actor_id === unit.actor.id && found.state !== 'cancelled' && !isOver)
    return found;
  throw problem(
    'not-found',
    'bulk-unknown',
    `There is no bulk job ${id.slice(0, 40)} of yours; files are kept for ${KEPT_HOURS} hours.`,
  );
}

/** Ends a job; its worker stops within a second, and its files go. */
export async function endJob(unit: UnitOfWork, id: string): Promise<void> {
  await ownJob(unit, id);
  await cancelJob(unit.db, id, unit.now);
}

/** What is answered to who asks how far a job is. */
export interface JobAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The state of a job: 202 while it is under way, its manifest, or what was wrong. */
export function stateOf(job: BulkJob, base: string): JobAnswer {
  if (job.state === 'waiting' || job.state === 'running') {
    return {
      status: 202,
      headers: { 'x-progress': job.progress, 'retry-after': String(ASK_AGAIN_SECONDS) },
    };
  }
  const headers = { expires: (job.expires_at ?? job.created_at).toUTCString() };
  if (job.state === 'failed') {
    const outcome = job.result as OperationOutcome;
    const isOurs = outcome.issue.some((each) => each.severity === 'fatal');
    return { status: isOurs ? 500 : 422, headers, body: outcome };
  }
  const body = job.kind === 'export' ? exportManifest(job, base) : importManifest(job, base);
  return { status: 200, headers, body };
}

function listed(job: BulkJob, base: string, entries: readonly FileEntry[]): object[] {
  return entries.map(({ type, name, count }) => ({
    type,
    url: `${base}/bulk-files/${job.id}/${name}`,
    count,
  }));
}

function exportManifest(job: BulkJob, base: string): object {
  const { transactionTime, output, deleted } = job.result as ExportResult;
  return {
    transactionTime,
    request: job.request,
    requiresAccessToken: true,
    output: listed(job, base, output),
    deleted: listed(job, base, deleted),
    error: [],
  };
}

function importManifest(job: BulkJob, base: string): object {
  const { error } = job.result as ImportResult;
  return {
    transactionTime: job.created_at.toISOString(),
    request: job.request,
    requiresAccessToken: true,
    imported: Number(job.done),
    unchanged: Number(job.unchanged),
    refused: Number(job.faulty),
    output: [],
    error: listed(job, base, error),
  };
}

/**
 * Folder and name of a file of a job, below that of the job.
 *
 * @throws Problem not-found for a name that the manifest does not list
 */
export function fileOf(job: BulkJob, name: string): readonly [string, string] {
  const result = (job.state === 'done' ? job.result : undefined) as
    | Partial<ExportResult & ImportResult>
    | undefined;
  const all = [...(result?.output ?? []), ...(result?.deleted ?? []), ...(result?.error ?? [])];
  if (result?.folder !== undefined && all.some((each) => each.name === name)) {
    return [result.folder, name];
  }
  throw problem('not-found', 'bulk-unknown', 'There is no such file; see the manifest of the job.');
}
