/**
 * What a run over everybody reads and leaves: records as they stand, pairs and counts in one
 * transaction, and then suspicions in portions. Of two runs one goes on: it owns the row of the run.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Grade } from '../matching/grades.ts';

/** Seconds after which a run that has shown no life is taken for dead. */
export const LIFE_SECONDS = 60;

/** A run under way. */
export interface RunRow {
  readonly run_id: number;
  /** Whether what it found stands in the database already. */
  readonly found: boolean;
}

const LEFT = statement(
  'duplicates.take-over-run',
  `update match_run set owner = $1, alive_at = clock_timestamp(),
     started_at = case when found_at is null then $2 else started_at end
   where ended_at is null
     and coalesce(alive_at, '-infinity') < clock_timestamp() - make_interval(secs => ${LIFE_SECONDS})
   returning run_id::int, found_at is not null as found`,
);

/** Takes over the run that a dead process has left. */
export async function takeOverRun(ctx: Context, owner: string): Promise<RunRow | undefined> {
  return ctx.db.maybe<RunRow>(LEFT, [owner, ctx.now]);
}

const START = statement(
  'duplicates.start-run',
  `insert into match_run (started_at, owner, alive_at) values ($2, $1, clock_timestamp())
   on conflict do nothing
   returning run_id::int, false as found`,
);

/** Begins a run; undefined: one is under way. */
export async function startRun(ctx: Context, owner: string): Promise<RunRow | undefined> {
  return ctx.db.maybe<RunRow>(START, [owner, ctx.now]);
}

const RUNS = statement('duplicates.run-goes-on', 'select from match_run where ended_at is null');

/** Whether a run is under way, dead or alive. */
export async function isRunning(ctx: Context): Promise<boolean> {
  return (await ctx.db.maybe(RUNS)) !== undefined;
}

const ALIVE = statement(
  'duplicates.run-is-alive',
  `update match_run set alive_at = clock_timestamp()
   where run_id = $1 and owner = $2 and ended_at is null`,
);

/**
 * Shows that the run lives, and holds its row to the end of the transaction.
 *
 * @throws Error when another process has taken it over: this one was thought dead
 */
export async function showAlive(ctx: Context, runId: number, owner: string): Promise<void> {
  if ((await ctx.db.run(ALIVE, [runId, owner])) === 0) {
    throw new Error('another process goes on with this run');
  }
}

const LEAVE = statement(
  'duplicates.leave-run',
  `update match_run set alive_at = null where run_id = $1 and owner = $2 and ended_at is null`,
);

/** Leaves a run that has failed, so that it can be taken over at once. */
export async function leaveRun(ctx: Context, runId: number, owner: string): Promise<void> {
  await ctx.db.run(LEAVE, [runId, owner]);
}

const BOUNDS = statement(
  'duplicates.bounds-of-portions',
  `select patient_id from (
     select patient_id, row_number() over (order by patient_id) as n from match_feature) f
   where n % $1 = 0 order by 1`,
);

/** Internal ids that end portions of so many records. */
export async function boundsOfPortions(ctx: Context, size: number): Promise<bigint[]> {
  const rows = await ctx.db.query<{ patient_id: bigint }>(BOUNDS, [size]);
  return rows.map((row) => row.patient_id);
}

/**
 * Records in use with internal ids above `after` up to `end`, in the binary form of COPY: id,
 * household, area, facts.
 */
export function copyFeatures(ctx: Context, after: bigint, end: bigint): AsyncIterable<Buffer> {
  return ctx.db.copyOut(
    `copy (select patient_id, household_id, area, facts from match_feature
       where patient_id > ${after} and patient_id <= ${end} and active and replaced_by is null
       order by patient_id) to stdout (format binary)`,
  );
}

const VERDICTS = statement(
  'duplicates.verdicts-in-force',
  `select a, b, verdict = 'duplicate' as same from match_verdict_last
   where verdict in ('duplicate', 'not-duplicate')`,
);

/** What reviewers have decided of two records. */
export interface VerdictRow {
  readonly a: bigint;
  readonly b: bigint;
  readonly same: boolean;
}

/** Decisions that bind. */
export async function verdictsInForce(ctx: Context): Promise<VerdictRow[]> {
  return ctx.db.query<VerdictRow>(VERDICTS);
}

/** Lines of COPY in its text form. */
export type Lines = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

/*
 * Counts change little from one night to the next: only what differs is written.
 */
const COUNTS = [
  `delete from match_value v where not exists (
     select from match_counted c where c.kind = v.kind and c.hash = v.hash)`,
  `insert into match_value (kind, hash, held)
   select c.kind, c.hash, c.held from match_counted c left join match_value v using (kind, hash)
   where v.held is distinct from c.held order by 1, 2
   on conflict (kind, hash) do update set held = excluded.held`,
];

/** Replaces all counts. Lines are kind, hash and how many. */
export async function replaceCounts(ctx: Context, lines: Lines): Promise<void> {
  await ctx.db.run(
    'create temp table match_counted (kind smallint, hash int4, held int4) on commit drop',
  );
  await ctx.db.copyIn('copy match_counted from stdin', lines);
  await ctx.db.run('analyze match_counted');
  for (const each of COUNTS) await ctx.db.run(each);
}

const CROWDS = statement(
  'duplicates.replace-big-keys',
  `with crowd as (select * from unnest($1::int4[], $2::int4[]) as c(key, people)),
   gone as (delete from match_big_key b where not exists (select from crowd c where c.key = b.key))
   insert into match_big_key (key, people) select key, people from crowd
   on conflict (key) do update set people = excluded.people`,
);

/** Notes anew which keys too many people share. */
export async function replaceBigKeys(
  ctx: Context,
  keys: readonly number[],
  people: readonly number[],
): Promise<void> {
  await ctx.db.run(CROWDS, [keys, people]);
}

/** SQL: what is compared of both records, as `fingerprint` has it. */
export const FINGERPRINT = `left(encode(sha256(convert_to(fa.facts || E'\\n' || fb.facts, 'UTF8')), 'hex'), 16)`;

/** The pairs found whose records stand as they were when the run began. */
const STANDING = statement(
  'duplicates.note-standing-pairs',
  `insert into match_standing
   select w.a, w.b, w.log_odds, w.grade, w.explanation, w.raisable,
     case when w.raisable then ${FINGERPRINT} end
   from match_found w
   join match_feature fa on fa.patient_id = w.a and fa.active and fa.replaced_by is null
     and fa.changed_at <= $1
   join match_feature fb on fb.patient_id = w.b and fb.active and fb.replaced_by is null
     and fb.changed_at <= $1`,
);

const EDGES = statement(
  'duplicates.write-found-edges',
  `insert into match_edge as e (a, b, log_odds, grade, explanation, model_id, found_at)
   select a, b, log_odds, grade, explanation, $2, $3 from match_standing order by 1, 2
   on conflict (a, b) do update set log_odds = excluded.log_odds, grade = excluded.grade,
     explanation = excluded.explanation, model_id = excluded.model_id,
     found_at = excluded.found_at
   where e.found_at <= $1`,
);

const FORGET = statement(
  'duplicates.forget-earlier-edges',
  `delete from match_edge e where e.found_at < $1
   and not exists (select from match_found w where w.a = e.a and w.b = e.b)`,
);

const TO_RAISE = statement(
  'duplicates.note-what-to-raise',
  `insert into match_to_raise (a, b) select w.a, w.b from match_standing w
   left join match_suspicion s on s.a = w.a and s.b = w.b
   where w.raisable and (s.a is null or (s.state = 'closed' and s.facts <> w.facts))`,
);

/** What pairs are written with. */
export interface Found {
  /** Whether all pairs were looked for, so that what is not among them is forgotten. */
  readonly whole: boolean;
  readonly startedAt: Date;
  readonly modelId: number | null;
}

/**
 * Replaces the pairs of earlier runs by these, but for records that have changed since the run
 * began: those were compared by themselves. Lines are a, b, log-odds, grade, explanation and whether
 * the pair is to be raised.
 *
 * @returns how many pairs stand, and how many of them are to be raised
 */
export async function replaceEdges(
  ctx: Context,
  lines: Lines,
  { startedAt, modelId, whole }: Found,
): Promise<{ readonly pairs: number; readonly toRaise: number }> {
  await ctx.db.run(
    `create temp table match_found (a bigint, b bigint, log_odds real, grade text,
       explanation text, raisable boolean) on commit drop`,
  );
  await ctx.db.run(
    'create temp table match_standing (like match_found, facts text) on commit drop',
  );
  await ctx.db.copyIn('copy match_found from stdin', lines);
  await ctx.db.run('analyze match_found');
  await ctx.db.run(STANDING, [startedAt]);
  await ctx.db.run('analyze match_standing');
  if (whole) await ctx.db.run(FORGET, [startedAt]);
  const pairs = await ctx.db.run(EDGES, [startedAt, modelId, ctx.now]);
  await ctx.db.run('delete from match_to_raise');
  return { pairs, toRaise: await ctx.db.run(TO_RAISE) };
}

const TAKE = statement(
  'duplicates.take-to-raise',
  `delete from match_to_raise where (a, b) in (
     select a, b from match_to_raise order by 1, 2 limit $1) returning a, b`,
);

const STILL = statement(
  'duplicates.still-to-raise',
  `select n.a, n.b, e.log_odds, e.grade, e.explanation, e.model_id::int, fa.fhir_id as a_id,
     fb.fhir_id as b_id, ${FINGERPRINT} as facts
   from unnest($1::bigint[], $2::bigint[]) as n(a, b)
   join match_edge e on e.a = n.a and e.b = n.b
   join match_feature fa on fa.patient_id = n.a and fa.active and fa.replaced_by is null
   join match_feature fb on fb.patient_id = n.b and fb.active and fb.replaced_by is null
   order by 1, 2 for share of fa, fb`,
);

/** A pair that is to be raised, as both records stand. */
export interface ToRaise {
  readonly a: bigint;
  readonly b: bigint;
  readonly log_odds: number;
  readonly grade: Grade;
  readonly explanation: string;
  readonly model_id: number | null;
  readonly a_id: string;
  readonly b_id: string;
  readonly facts: string;
}

/**
 * Takes the next pairs to be raised.
 *
 * @returns those that still stand, and how many were taken: fewer than asked for are the last
 */
export async function takeToRaise(
  ctx: Context,
  limit: number,
): Promise<{ readonly pairs: ToRaise[]; readonly taken: number }> {
  const next = await ctx.db.query<{ a: bigint; b: bigint }>(TAKE, [limit]);
  const pairs = await ctx.db.query<ToRaise>(STILL, [
    next.map(({ a }) => a),
    next.map(({ b }) => b),
  ]);
  return { pairs, taken: next.length };
}

const FOUND = statement(
  'duplicates.run-has-found',
  `update match_run set found_at = $2, people = $3, compared = $4, pairs = $5, raised = 0,
     skipped = $6, model_id = $7, seconds = $8, memory_mb = $9 where run_id = $1`,
);

/** What a run has found. */
export interface RunFound {
  readonly people: number;
  readonly compared: number;
  readonly pairs: number;
  readonly skipped: string;
  readonly modelId: number | null;
  /** CPU seconds and megabytes of the process that compared. */
  readonly seconds: number;
  readonly memory: number;
}

/** Notes what a run has found. */
export async function noteFound(ctx: Context, runId: number, found: RunFound): Promise<void> {
  const { people, compared, pairs, skipped, modelId, seconds, memory } = found;
  const [used, most] = [Math.round(seconds * 10) / 10, Math.round(memory)];
  await ctx.db.run(FOUND, [
    ...[runId, ctx.now, people, compared, pairs, skipped, modelId],
    ...[used, most],
  ]);
}

const RAISED = statement(
  'duplicates.run-has-raised',
  'update match_run set raised = coalesce(raised, 0) + $2 where run_id = $1',
);

/** Adds to the suspicions that a run has raised. */
export async function noteRaised(ctx: Context, runId: number, raised: number): Promise<void> {
  await ctx.db.run(RAISED, [runId, raised]);
}

const END = statement(
  'duplicates.end-run',
  `update match_run r set ended_at = $2 where run_id = $1
   returning started_at, people, least(compared, 2147483647)::int as compared, pairs, raised,
     skipped,
     (select m.reason from match_model m where m.learnt_at >= r.started_at
      order by m.model_id desc limit 1) as refused`,
);

/** What a run has done. */
export interface RunReportRow {
  readonly started_at: Date;
  readonly people: number;
  readonly compared: number;
  readonly pairs: number;
  readonly raised: number | null;
  /** JSON: who was not compared, and by which rules. */
  readonly skipped: string;
  /** Why the weights that it learnt were not used; null: they were, or there are none. */
  readonly refused: string | null;
}

/** Notes that a run is done. */
export async function endRun(ctx: Context, runId: number): Promise<RunReportRow> {
  return ctx.db.one<RunReportRow>(END, [runId, ctx.now]);
}

const STARTED = statement(
  'duplicates.run-started-at',
  'select started_at, people from match_run where run_id = $1',
);

/** When a run began, and how many people it compared. */
export async function runOf(
  ctx: Context,
  runId: number,
): Promise<{ readonly started_at: Date; readonly people: number | null }> {
  return ctx.db.one(STARTED, [runId]);
}
