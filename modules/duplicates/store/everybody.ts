/**
 * What a run over everybody reads and leaves: records in portions, counts, and a line about the run.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { StoredFeature } from './features.ts';

const PORTION = statement(
  'duplicates.portion-of-features',
  `select patient_id, fhir_id, household_id, area, active, replaced_by, facts
   from match_feature where patient_id > $1 order by 1 limit $2`,
);

/** The next records by internal id. */
export async function portionOfFeatures(
  ctx: Context,
  after: bigint,
  limit: number,
): Promise<StoredFeature[]> {
  return ctx.db.query<StoredFeature>(PORTION, [after, limit]);
}

const FACTS = statement(
  'duplicates.facts-of-records',
  `select patient_id, fhir_id, facts from match_feature
   where patient_id = any($1::bigint[]) and active and replaced_by is null for share`,
);

/** Facts of records as they are now, of those that are still in use. */
export async function factsOfRecords(
  ctx: Context,
  ids: readonly bigint[],
): Promise<Map<bigint, { readonly fhir_id: string; readonly facts: string }>> {
  const rows = await ctx.db.query<{ patient_id: bigint; fhir_id: string; facts: string }>(FACTS, [
    ids,
  ]);
  return new Map(rows.map((row) => [row.patient_id, row]));
}

const FORGET = statement(
  'duplicates.forget-earlier-edges',
  'delete from match_edge where found_at < (select started_at from match_run where run_id = $1)',
);

/** Forgets pairs that were found before a run began, and not by it. */
export async function forgetEarlier(ctx: Context, runId: number): Promise<void> {
  await ctx.db.run(FORGET, [runId]);
}

/** Replaces all counts. `numbers` are kind, hash and how many, one after another. */
export async function replaceCounts(ctx: Context, numbers: Int32Array): Promise<void> {
  // Of two runs at once the second waits, and replaces what the first wrote.
  await ctx.db.run('lock table match_value in share row exclusive mode');
  await ctx.db.run('delete from match_value');
  await ctx.db.copyIn('copy match_value (kind, hash, held) from stdin', lines(numbers));
}

function* lines(numbers: Int32Array): Generator<string> {
  for (let at = 0; at < numbers.length; at += 3) {
    yield `${numbers[at]}\t${numbers[at + 1]}\t${numbers[at + 2]}\n`;
  }
}

/*
 * Keys that too many share, found among the keys of records by a count over all; it is a scan that a
 * night has time for.
 */
const CROWDS = statement(
  'duplicates.replace-big-keys',
  `with crowd as (
     select k.key, count(*)::int as people from match_feature f cross join lateral unnest(f.keys) k(key)
     group by 1 having count(*) > $1),
   gone as (delete from match_big_key b where not exists (select from crowd c where c.key = b.key))
   insert into match_big_key (key, people) select key, people from crowd
   on conflict (key) do update set people = excluded.people`,
);

/** Notes anew which keys more than `most` people share. */
export async function replaceBigKeys(ctx: Context, most: number): Promise<number> {
  return ctx.db.run(CROWDS, [most]);
}

const START = statement(
  'duplicates.start-run',
  'insert into match_run (started_at) values ($1) returning run_id::int',
);

/** Notes that a run has begun. */
export async function startRun(ctx: Context): Promise<number> {
  return (await ctx.db.one<{ run_id: number }>(START, [ctx.now])).run_id;
}

const END = statement(
  'duplicates.end-run',
  `update match_run set ended_at = $2, people = $3, compared = $4, pairs = $5, raised = $6,
     skipped = $7, model_id = $8 where run_id = $1`,
);

/** What a run has done. */
export interface RunDone {
  readonly people: number;
  readonly compared: number;
  readonly pairs: number;
  readonly raised: number;
  readonly skipped: string;
  readonly modelId: number | null;
}

/** Notes what a run has done. */
export async function endRun(ctx: Context, runId: number, done: RunDone): Promise<void> {
  const { people, compared, pairs, raised, skipped, modelId } = done;
  await ctx.db.run(END, [runId, ctx.now, people, compared, pairs, raised, skipped, modelId]);
}
