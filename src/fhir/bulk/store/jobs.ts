/**
 * The rows of bulk jobs: asked for, claimed, reported on, finished, forgotten. A job that has been
 * cancelled takes no more reports, by which its worker learns to stop.
 */

import { type Database, statement } from '../../../sdk/index.ts';

/** A bulk job as it stands. */
export interface BulkJob {
  readonly id: string;
  readonly kind: 'export' | 'import';
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly actor_id: string;
  readonly actor: unknown;
  readonly request: string;
  readonly task: unknown;
  readonly tries: number;
  readonly progress: string;
  readonly position: bigint;
  readonly line: bigint;
  readonly done: bigint;
  readonly unchanged: bigint;
  readonly faulty: bigint;
  readonly result: unknown;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

const INSERT = statement(
  'bulk.insert-job',
  `insert into bulk_job (id, kind, actor_id, actor, request, task, created_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);

/** Records a job that somebody asks for. */
export async function insertJob(
  db: Database,
  job: Pick<BulkJob, 'id' | 'kind' | 'actor_id' | 'actor' | 'request' | 'task'>,
  now: Date,
): Promise<void> {
  const { id, kind, actor_id, actor, request, task } = job;
  const [who, what] = [JSON.stringify(actor), JSON.stringify(task)];
  await db.run(INSERT, [id, kind, actor_id, who, request, what, now]);
}

const OPEN_JOBS = statement(
  'bulk.open-jobs',
  `select count(*)::int as n from bulk_job where actor_id = $1 and state in ('waiting', 'running')`,
);

/** Jobs of an actor that are not finished. */
export async function countOpenJobs(db: Database, actor: string): Promise<number> {
  return (await db.one<{ n: number }>(OPEN_JOBS, [actor])).n;
}

const KEPT_JOBS = statement(
  'bulk.kept-jobs',
  `select count(*)::int as n from bulk_job where actor_id = $1 and state = 'done'`,
);

/** Finished jobs of an actor whose files are kept. */
export async function countKeptJobs(db: Database, actor: string): Promise<number> {
  return (await db.one<{ n: number }>(KEPT_JOBS, [actor])).n;
}

const LOAD = statement('bulk.load-job', 'select * from bulk_job where id = $1');

/** A job by id. */
export async function loadJob(db: Database, id: string): Promise<BulkJob | undefined> {
  return db.maybe<BulkJob>(LOAD, [id]);
}

const START = statement(
  'bulk.start-job',
  `update bulk_job set state = 'running', tries = tries + 1
   where id = $1 and state in ('waiting', 'running') returning *`,
);

/** Takes a job in hand; undefined when it is finished or cancelled. */
export async function startJob(db: Database, id: string): Promise<BulkJob | undefined> {
  return db.maybe<BulkJob>(START, [id]);
}

const REPORT = statement(
  'bulk.report-progress',
  `update bulk_job set progress = $2 where id = $1 and state = 'running' and tries = $3`,
);

/** Says how far a job is; false when it has been cancelled or taken over. */
export async function reportProgress(
  db: Database,
  { id, tries }: BulkJob,
  progress: string,
): Promise<boolean> {
  return (await db.run(REPORT, [id, progress, tries])) === 1;
}

const FINISH = statement(
  'bulk.finish-job',
  `update bulk_job set state = $3, result = $4, finished_at = $5, expires_at = $6
   where id = $1 and state = 'running' and tries = $2`,
);

/** Ends a job with its manifest, or with what was wrong; false as with reportProgress. */
export async function finishJob(
  db: Database,
  { id, tries }: BulkJob,
  state: 'done' | 'failed',
  result: object,
  times: { readonly now: Date; readonly expires: Date },
): Promise<boolean> {
  const values = [id, tries, state, JSON.stringify(result), times.now, times.expires];
  return (await db.run(FINISH, values)) === 1;
}

const CANCEL = statement(
  'bulk.cancel-job',
  `update bulk_job set state = 'cancelled', finished_at = $2, expires_at = $2 where id = $1`,
);

/** Cancels a job, or gives up its files. */
export async function cancelJob(db: Database, id: string, now: Date): Promise<void> {
  await db.run(CANCEL, [id, now]);
}

const FORGET = statement('bulk.forget-jobs', 'delete from bulk_job where expires_at <= $1');

/** Removes the rows of jobs whose time is over. */
export async function forgetJobs(db: Database, now: Date): Promise<void> {
  await db.run(FORGET, [now]);
}

const KNOWN = statement('bulk.known-jobs', 'select id from bulk_job where id = any($1::uuid[])');

/** Those of some ids that are jobs still. */
export async function knownJobs(db: Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  return new Set((await db.query<{ id: string }>(KNOWN, [ids])).map((row) => row.id));
}
