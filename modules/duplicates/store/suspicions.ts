/**
 * Pairs found alike, and which of them somebody is to look at. The key of a pair is what keeps two
 * runs at once from raising it twice.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A pair as scored; a < b. */
export interface EdgeRow {
  readonly a: bigint;
  readonly b: bigint;
  readonly logOdds: number;
  readonly grade: string;
  /** JSON: what each field said. */
  readonly explanation: string;
  readonly modelId: number | null;
}

/** Class and number of the advisory lock of pairs; people have the numbers below. */
const [LOCKS, EDGES] = [130, 64];

const LOCK_EDGES = statement(
  'duplicates.lock-edges',
  `select pg_advisory_xact_lock(${LOCKS}, ${EDGES})`,
);

/**
 * Lets one transaction at a time write pairs and suspicions: each writes those of many records, in
 * an order of its own, and two would wait for each other in a circle.
 */
export async function lockEdges(ctx: Context): Promise<void> {
  await ctx.db.query(LOCK_EDGES);
}

const WRITE_EDGES = statement(
  'duplicates.write-edges',
  `insert into match_edge (a, b, log_odds, grade, explanation, model_id, found_at)
   select w.*, $7 from unnest($1::bigint[], $2::bigint[], $3::real[], $4::text[], $5::text[],
     $6::bigint[]) as w(a, b, log_odds, grade, explanation, model_id)
   order by 1, 2
   on conflict (a, b) do update set log_odds = excluded.log_odds, grade = excluded.grade,
     explanation = excluded.explanation, model_id = excluded.model_id,
     found_at = excluded.found_at`,
);

/** Writes pairs, each once, over what was found before. */
export async function writeEdges(ctx: Context, rows: readonly EdgeRow[]): Promise<void> {
  if (rows.length === 0) return;
  await ctx.db.run(WRITE_EDGES, [
    rows.map((row) => row.a),
    rows.map((row) => row.b),
    rows.map((row) => row.logOdds),
    rows.map((row) => row.grade),
    rows.map((row) => row.explanation),
    rows.map((row) => row.modelId),
    ctx.now,
  ]);
}

const FORGET_EDGES = statement(
  'duplicates.forget-edges',
  `delete from match_edge e where (e.a = any($1::bigint[]) or e.b = any($1::bigint[]))
   and not exists (select from unnest($2::bigint[], $3::bigint[]) as k(a, b)
     where k.a = e.a and k.b = e.b)`,
);

/** Forgets pairs of these records, but for those that were found again. */
export async function forgetEdges(
  ctx: Context,
  patientIds: readonly bigint[],
  kept: readonly Pick<EdgeRow, 'a' | 'b'>[],
): Promise<void> {
  await ctx.db.run(FORGET_EDGES, [patientIds, kept.map((row) => row.a), kept.map((row) => row.b)]);
}

/** A pair to be looked at. */
export interface SuspicionRow {
  readonly a: bigint;
  readonly b: bigint;
  readonly taskId: string;
  /** The hold that it raises, if any. */
  readonly flagId: string | undefined;
  readonly p: number;
  readonly grade: string;
  readonly modelId: number | null;
  /** Fingerprint of what was compared. */
  readonly facts: string;
}

const RAISE = statement(
  'duplicates.raise-suspicions',
  `insert into match_suspicion
     (a, b, task_id, flag_ids, p, grade, model_id, facts, opened_at, about)
   select w.a, w.b, w.task_id, array_remove(array[w.flag_id], null), w.p, w.grade, w.model_id,
     w.facts, $9, $10
   from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::real[], $6::text[],
     $7::bigint[], $8::text[]) as w(a, b, task_id, flag_id, p, grade, model_id, facts)
   order by 1, 2
   on conflict (a, b) do update set task_id = excluded.task_id, flag_ids = excluded.flag_ids,
     p = excluded.p, grade = excluded.grade, model_id = excluded.model_id, facts = excluded.facts,
     state = 'open', opened_at = excluded.opened_at, harm = null
   where match_suspicion.state = 'closed' and match_suspicion.facts <> excluded.facts
   returning a, b`,
);

const ADOPT = statement(
  'duplicates.adopt-facts',
  `update match_suspicion s set facts = w.facts
   from unnest($1::bigint[], $2::bigint[], $3::text[]) as w(a, b, facts)
   where s.a = w.a and s.b = w.b and s.state = 'closed' and s.facts = ''`,
);

/**
 * Raises suspicions that are not open already. What was decided stands until a compared fact of
 * either record changes.
 *
 * @returns those that are now to be looked at
 */
export async function raiseRows(
  ctx: Context,
  rows: readonly SuspicionRow[],
  about: 'Patient' | 'Group',
): Promise<{ readonly a: bigint; readonly b: bigint }[]> {
  if (rows.length === 0) return [];
  await ctx.db.run(ADOPT, [
    rows.map((row) => row.a),
    rows.map((row) => row.b),
    rows.map((row) => row.facts),
  ]);
  return ctx.db.query(RAISE, [
    rows.map((row) => row.a),
    rows.map((row) => row.b),
    rows.map((row) => row.taskId),
    rows.map((row) => row.flagId ?? null),
    rows.map((row) => row.p),
    rows.map((row) => row.grade),
    rows.map((row) => row.modelId),
    rows.map((row) => row.facts),
    ctx.now,
    about,
  ]);
}

const SETTLE = statement(
  'duplicates.settle-pair',
  `insert into match_suspicion
     (a, b, task_id, flag_ids, p, grade, facts, state, opened_at)
   values (least($1::bigint, $2), greatest($1, $2), '', '{}', 0, 'possible', '', 'closed', $3)
   on conflict (a, b) do update set facts = '' where match_suspicion.state = 'closed'`,
);

/**
 * Two people were told apart as they stand: whatever is compared of them when they are next looked at is
 * what was decided on, and only a change after it raises the pair again.
 */
export async function settlePair(ctx: Context, one: bigint, other: bigint): Promise<void> {
  await ctx.db.run(SETTLE, [one, other, ctx.now]);
}

const FLAG = statement(
  'duplicates.note-flag',
  'update match_suspicion set flag_ids = array[$3::text] where a = $1 and b = $2',
);

/** Notes the hold of a suspicion that had none. */
export async function noteFlag(
  ctx: Context,
  { a, b }: Pick<SuspicionRow, 'a' | 'b'>,
  flagId: string,
): Promise<void> {
  await ctx.db.run(FLAG, [a, b, flagId]);
}

const OF_TASK = statement(
  'duplicates.holds-of-task',
  'select flag_ids, state from match_suspicion where task_id = $1',
);

/** The holds of the suspicion that a Task stands for. */
export async function suspicionOfTask(
  ctx: Context,
  taskId: string,
): Promise<{ readonly flag_ids: string[]; readonly state: string } | undefined> {
  return ctx.db.maybe(OF_TASK, [taskId]);
}

const FADED = statement(
  'duplicates.faded-suspicions',
  `select s.a, s.b, s.task_id, s.flag_ids from match_suspicion s
   left join match_edge e using (a, b)
   where s.state = 'open' and s.about = 'Patient' and s.opened_at < $1
     and coalesce(e.log_odds, '-infinity') < $2 and (s.a, s.b) > ($3, $4)
     and not exists (select from review_lease l where l.task_id = s.task_id)
   order by 1, 2 limit $5`,
);

/** A suspicion that nothing speaks for any more. */
export interface FadedRow {
  readonly a: bigint;
  readonly b: bigint;
  readonly task_id: string;
  readonly flag_ids: readonly string[];
}

/** Suspicions older than a run that it did not find again, after a pair. */
export async function fadedSuspicions(
  ctx: Context,
  startedAt: Date,
  bitsMin: number,
  after: { readonly a: bigint; readonly b: bigint },
  limit: number,
): Promise<FadedRow[]> {
  return ctx.db.query<FadedRow>(FADED, [startedAt, bitsMin, after.a, after.b, limit]);
}

const WITHDRAW = statement(
  'duplicates.withdraw-suspicion',
  `delete from match_suspicion where a = $1 and b = $2 and state = 'open' and task_id = $3`,
);

/** Forgets a suspicion that nobody has decided; true: it was open. */
export async function withdrawRow(ctx: Context, { a, b, task_id }: FadedRow): Promise<boolean> {
  return (await ctx.db.run(WITHDRAW, [a, b, task_id])) === 1;
}

const NEXT = statement(
  'duplicates.next-features',
  `select patient_id from match_feature f
   where patient_id > $1 and active and replaced_by is null
     and ($2::text is null or household_id in (
       select h.household_id from households_household h
       join pay_points_area a on a.area_id = h.area_id
       join pay_points_area top on top.fhir_id = $2 and top.area_id = any(a.path)))
   order by 1 limit $3`,
);

/**
 * The next records in use of the registry, or of households of an area and the areas below it.
 *
 * @param area  FHIR id of the Location; null for all
 */
export async function nextFeatures(
  ctx: Context,
  after: bigint,
  area: string | null,
  limit: number,
): Promise<bigint[]> {
  const rows = await ctx.db.query<{ patient_id: bigint }>(NEXT, [after, area, limit]);
  return rows.map((row) => row.patient_id);
}
