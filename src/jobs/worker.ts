/**
 * The worker: runs jobs of the queue (graphile-worker), each as one unit of work of the system
 * actor, or, for jobs that talk to the outside, with units of work that they open themselves.
 *
 * Retries belong to the queue: a job that throws is tried again with growing pauses. Here nothing
 * is caught except to log.
 */

import { Logger, run, runOnce, type TaskList } from 'graphile-worker';
import type { App } from '../app.ts';
import { runUnitOfWork, SYSTEM } from '../database/unit-of-work.ts';
import type { Units } from '../sdk/index.ts';
import { gatherJob, runGathered } from './gather.ts';
import { showLife } from './lost-work.ts';
import { react } from './outbox.ts';

/** Errors of jobs that ran under `runDueJobs`. */
export interface JobFailure {
  readonly job: string;
  readonly error: unknown;
}

/** Keeps the queue's own words out of our log; what matters is logged in `attempt`. */
const quiet = new Logger(() => () => {});

/**
 * Ends of jobs are written in batches without delay: without batches the queue does not wait for
 * that write when it stops, and what was done would be done again.
 */
const PRESET: GraphileConfig.Preset = {
  worker: {
    gracefulShutdownAbortTimeout: 30_000,
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};

/** Starts working on jobs, `concurrency` at a time, until stopped. */
export async function startWorker(
  app: App,
  concurrency: number,
): Promise<{ stop(): Promise<void> }> {
  const life = showLife(app);
  const runner = await run({
    events: life.events,
    pgPool: app.queuePool,
    concurrency,
    noHandleSignals: true,
    pollInterval: 1000,
    taskList: tasks(app),
    logger: quiet,
    crontab: '',
    preset: PRESET,
  });
  return {
    async stop() {
      await runner.stop();
      await life.stop();
    },
  };
}

/** Runs the jobs that are due, and those they add, until none is left. For tests. */
export async function runDueJobs(app: App): Promise<JobFailure[]> {
  const failures: JobFailure[] = [];
  await runOnce({
    pgPool: app.queuePool,
    concurrency: 1,
    noHandleSignals: true,
    preset: PRESET,
    taskList: tasks(app, (failure) => failures.push(failure)),
    logger: quiet,
  });
  return failures;
}

function tasks(app: App, failed?: (failure: JobFailure) => void): TaskList {
  const list: TaskList = {};
  const add = (name: string, work: (data: unknown, requestId: string) => Promise<void>): void => {
    list[name] = async (data, helpers) => {
      await attempt(app, name, helpers.job.id, helpers.job.attempts, failed, () =>
        work(data, `job-${helpers.job.id}`),
      );
    };
  };
  for (const [name, handler] of app.registers.jobs) {
    add(name, (data, requestId) =>
      handler.scope === 'own'
        ? handler.runOwn!(unitsOf(app, requestId), data)
        : runUnitOfWork(app, SYSTEM, { requestId }, (ctx) => handler.run(ctx, data)),
    );
  }
  add(react.name, async (data, requestId) => {
    const { reaction, events } = data as { reaction: string; events: unknown[] };
    const handler = app.registers.reactions.get(reaction);
    if (!handler) throw new Error(`no reaction ${reaction}: is its module still there?`);
    await runUnitOfWork(app, SYSTEM, { requestId }, (ctx) => handler.run(ctx, events));
  });
  add(gatherJob.name, async (data, requestId) => {
    const { reaction } = data as { reaction: string };
    await runGathered(app, reaction, requestId, failed === undefined);
  });
  return list;
}

async function attempt(
  app: App,
  name: string,
  id: string,
  attempts: number,
  failed: ((failure: JobFailure) => void) | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    failed?.({ job: name, error });
    app.log.error('job failed', { job: name, id, attempt: attempts }, error);
    throw error;
  }
}

/** Units of work of the system actor, for jobs that open their own. */
export function unitsOf(app: App, requestId: string): Units {
  return {
    run: (work) => runUnitOfWork(app, SYSTEM, { requestId }, (ctx) => work(ctx)),
  };
}
