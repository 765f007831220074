/**
 * The jobs of bulk data: run what was asked for, and remove files whose time is over.
 *
 * A process that is killed leaves its job in the queue; another takes it up, an export from the
 * beginning, an import where it had got to.
 */

import type { App, UnitOfWork } from '../../app.ts';
import {
  type Context,
  handle,
  handleInSteps,
  type Issue,
  job,
  operationOutcome,
  Problem,
  type Units,
} from '../../sdk/index.ts';
import { Abandoned, runExport } from './export.ts';
import { foldersBefore, removeFiles } from './files.ts';
import { runImport } from './import.ts';
import { type BulkJob, finishJob, forgetJobs, knownJobs, loadJob, startJob } from './store/jobs.ts';

/** Hours that the files of a finished job are kept. */
export const KEPT_HOURS = 24;

/** Times that a job is begun before it counts as failed. */
const TRIES_MAX = 5;

/** Runs a bulk job. */
export const runBulkJob = job<{ readonly id: string }>('house.run-bulk-job', 'runs a bulk job', {
  attemptsMax: TRIES_MAX,
});

/** Removes finished bulk jobs and their files. */
export const removeBulkFiles = job<Record<string, never>>(
  'house.remove-bulk-files',
  'removes bulk files whose time is over',
);

/** Their handlers. */
export const bulkHandlers = [
  handleInSteps(runBulkJob, (units, { id }) => run(units, id)),
  handle(removeBulkFiles, async (ctx: Context) => {
    const { app } = ctx as UnitOfWork;
    await forgetJobs(ctx.db, ctx.now);
    const old = await foldersBefore(app, new Date(ctx.now.getTime() - KEPT_HOURS * 3_600_000));
    const known = await knownJobs(ctx.db, old);
    for (const id of old.filter((each) => !known.has(each))) await removeFiles(app, id);
  }),
];

async function run(units: Units, id: string): Promise<void> {
  const { app, started } = await units.run(async (ctx) => ({
    app: (ctx as UnitOfWork).app,
    started: await startJob(ctx.db, id),
  }));
  if (!started) return;
  try {
    const result = await (started.kind === 'export' ? runExport : runImport)(app, started);
    if (!(await finish(units, started, 'done', result))) await clearUp(units, app, id);
  } catch (error) {
    if (error instanceof Abandoned) return clearUp(units, app, id);
    // The queue tries again what is no fault of the request, after a pause.
    if (!(error instanceof Problem) && started.tries < TRIES_MAX) throw error;
    await finish(units, started, 'failed', outcomeOf(error, id));
  }
}

/** Removes the files of a job that was cancelled; those of one taken over are another's now. */
async function clearUp(units: Units, app: App, id: string): Promise<void> {
  const found = await units.run((ctx) => loadJob(ctx.db, id));
  if (!found || found.state === 'cancelled') await removeFiles(app, id);
}

function outcomeOf(error: unknown, id: string): object {
  const bug: Issue = {
    severity: 'fatal',
    kind: 'transient',
    code: 'internal-error',
    diagnostics: `Something is wrong on our side; give this id to your administrator: ${id}.`,
  };
  return operationOutcome(error instanceof Problem ? error.issues : [bug]);
}

function finish(
  units: Units,
  started: BulkJob,
  state: 'done' | 'failed',
  result: object,
): Promise<boolean> {
  return units.run(async (ctx) => {
    const expires = new Date(ctx.now.getTime() + KEPT_HOURS * 3_600_000);
    return finishJob(ctx.db, started, state, result, { now: ctx.now, expires });
  });
}
