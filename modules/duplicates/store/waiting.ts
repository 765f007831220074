/**
 * Who is still to be compared: a queue that single comparisons take from in portions, and that a run over
 * everybody takes whole. Writers and a run that begins or ends wait for each other for a moment, so that
 * each who waits is either seen by the run or left to those who come after it.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import { LIFE_SECONDS } from './everybody.ts';

/** Class and number of the advisory lock of the queue; people and pairs have the numbers below. */
const LOCK = '130, 65';

const ADDING = statement(
  'duplicates.add-waiting-lock',
  `select pg_advisory_xact_lock_shared(${LOCK})`,
);
const ADD = statement(
  'duplicates.add-waiting',
  'insert into match_waiting (patient_id) select * from unnest($1::bigint[])',
);

/** Has these Patients compared by whoever comes first. */
export async function addWaiting(ctx: Context, patientIds: readonly bigint[]): Promise<void> {
  await ctx.db.query(ADDING);
  await ctx.db.run(ADD, [patientIds]);
}

/** SQL: whoever has a higher number is read by no run under way. */
const COVERED = '(select coalesce(max(waiting_to), 0) from match_run where ended_at is null)';

const NOW = statement(
  'duplicates.waiting-now',
  `select exists (select from match_run where ended_at is null
       and alive_at > clock_timestamp() - make_interval(secs => ${LIFE_SECONDS})) as running,
     (select count(*)::int from (
       select from match_waiting where seq > ${COVERED} limit $1) w) as waiting,
     (select greatest(reltuples, pg_stat_get_live_tuples(oid), 0)::int from pg_class
       where oid = 'match_feature'::regclass) as people`,
);

/** How the queue stands. */
export interface Waiting {
  /** Whether a run over everybody is under way and lives. */
  readonly running: boolean;
  /** Who waits and is not read by that run, as far as was counted. */
  readonly waiting: number;
  /** People in the registry, roughly. */
  readonly people: number;
}

/** How the queue stands; counts no further than `most`. */
export function waitingNow(ctx: Context, most: number): Promise<Waiting> {
  return ctx.db.one<Waiting>(NOW, [most]);
}

const TAKE = statement(
  'duplicates.take-waiting',
  `delete from match_waiting where seq in (
     select seq from match_waiting where seq > ${COVERED}
     order by seq limit $1 for update skip locked) returning patient_id`,
);

/** Takes the next who wait, each once. */
export async function takeWaiting(ctx: Context, limit: number): Promise<bigint[]> {
  const rows = await ctx.db.query<{ patient_id: bigint }>(TAKE, [limit]);
  return [...new Set(rows.map((row) => row.patient_id))];
}

const ALL = statement('duplicates.lock-waiting', `select pg_advisory_xact_lock(${LOCK})`);

/** Lets nobody add to the queue until the end of the transaction: what was added can be seen. */
export async function lockWaiting(ctx: Context): Promise<void> {
  await ctx.db.query(ALL);
}

const COVER = statement(
  'duplicates.cover-waiting',
  `update match_run set waiting_to = (select coalesce(max(seq), 0) from match_waiting)
   where run_id = $1`,
);

/** Notes whom a run that begins will read: all who wait now. */
export async function coverWaiting(ctx: Context, runId: number): Promise<void> {
  await lockWaiting(ctx);
  await ctx.db.run(COVER, [runId]);
}

const FORGET = statement(
  'duplicates.forget-waiting',
  'delete from match_waiting where seq <= (select waiting_to from match_run where run_id = $1)',
);

/** Forgets whom a run has compared. */
export async function forgetWaiting(ctx: Context, runId: number): Promise<void> {
  await ctx.db.run(FORGET, [runId]);
}

const LEFT = statement(
  'duplicates.left-waiting',
  'select distinct patient_id from match_waiting order by 1 limit $1',
);

/** Those who wait, as many as asked for at most. */
export async function leftWaiting(ctx: Context, limit: number): Promise<bigint[]> {
  const rows = await ctx.db.query<{ patient_id: bigint }>(LEFT, [limit]);
  return rows.map((row) => row.patient_id);
}
