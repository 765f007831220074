/**
 * How honest the fairness report is: an invented registry of `--people N` (by default 30,000), whose truth
 * is known, is compared as the night does it, what is likely is held by the usual policy, and what the
 * report estimates of each group of people is set beside what is true of it. Nobody has reviewed anything.
 */

import type { Pool } from 'pg';
import { syntheticRegistry } from '../../modules/duplicates/evaluate/synthetic/registry.ts';
import { flaggedGroups } from '../../modules/duplicates/fairness/report.ts';
import { findEverywhere } from '../../modules/duplicates/nightly/run.ts';
import { startRun } from '../../modules/duplicates/store/everybody.ts';
import { EVERYBODY, fairnessRows } from '../../modules/duplicates/store/fairness.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Units } from '../../src/sdk/index.ts';
import { startTestHouse } from '../support/server.ts';
import { loadPeople } from './duplicates/load.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'fairness';

const SEED = 77;
/** Groups with fewer true pairs say little. */
const PAIRS_MIN = 100;
const RECALL_OFF_MAX = 0.03;

const HOLD = `insert into match_suspicion
    (about, a, b, task_id, flag_ids, p, grade, facts, opened_at)
  select 'Patient', a, b, 't' || a || '-' || b,
    case when grade in ('certain', 'probable') then '{held}'::text[] else '{}' end,
    1 / (1 + power(2.0, -log_odds)), grade, '', $1 from match_edge where log_odds >= 0`;

/** Groups as the report names them, where they follow from the facts of one record. */
const TRUE = `with grouped as (
    select f.patient_id, t.person, array[
      '${EVERYBODY} all',
      'sex ' || case f.facts::jsonb ->> 5 when '1' then 'male' when '2' then 'female' else 'unknown' end,
      'script ' || case f.facts::jsonb ->> 3 when '1' then 'other' else 'Latin' end,
      'identifier ' || case when f.facts::jsonb -> 8 = '[]' then 'without' else 'with' end,
      'phone ' || case when f.facts::jsonb -> 6 = '[]' then 'without' else 'with' end,
      'birth date ' || case when born = 0 then 'missing' when born % 10000 = 0 then 'year only'
        else 'whole' end] as groups
    from match_feature f join truth t using (patient_id)
    cross join lateral (select (f.facts::jsonb ->> 4)::int as born) b),
  pairs as (
    select x.groups as one, y.groups as other, s.a is not null as found
    from grouped x join grouped y on y.person = x.person and y.patient_id > x.patient_id
    left join match_suspicion s on s.a = x.patient_id and s.b = y.patient_id),
  recall as (
    select grp, count(*) as pairs, count(*) filter (where found) as found from pairs
    cross join lateral (select unnest(one) as grp union select unnest(other)) g group by 1),
  held as (
    select s.b as patient_id, bool_and(x.person <> y.person) as wrongly from match_suspicion s
    join truth x on x.patient_id = s.a join truth y on y.patient_id = s.b
    where s.flag_ids <> '{}' group by 1),
  people as (
    select grp, count(*) filter (where h.wrongly) as wrongly from grouped
    left join held h using (patient_id) cross join lateral unnest(groups) as grp group by 1)
  select grp, r.pairs::int, r.found::int, p.wrongly::int from people p join recall r using (grp)`;

/** Runs with `--people N`. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const people = sizeOf(options, 'people', 30_000);
  const house = await startTestHouse();
  try {
    const { pool } = house.database;
    const units: Units = { run: (work) => runUnitOfWork(house.app, SYSTEM, {}, work) };
    await loadPeople(pool, people, SEED);
    await loadTruth(pool, syntheticRegistry(people, SEED).truth);
    const started = await units.run((ctx) => startRun(ctx, 'bench'));
    await findEverywhere(units, started!.run_id);
    await pool.query(HOLD, [house.clock.now()]);
    await pool.query('analyze');
    const rows = await units.run((ctx) => fairnessRows(ctx, new Date('2020-01-01')));
    const { rows: known } = await pool.query(TRUE);
    let off = 0;
    for (const { grp, pairs, found, wrongly } of known) {
      const row = rows.find((each) => `${each.dimension} ${each.grp}` === grp);
      if (!row || pairs < PAIRS_MIN) continue;
      const estimated = row.found / row.pairs;
      off = Math.max(off, Math.abs(estimated - found / pairs));
      report(`${grp}: recall as reported`, estimated, 'of true pairs');
      report(`${grp}: recall in truth`, found / pairs, 'of true pairs');
      report(`${grp}: held wrongly, as reported`, row.held_wrongly, 'people');
      report(`${grp}: held wrongly in truth`, wrongly, 'people');
    }
    report('recall of a group, off by at most', off, 'of true pairs', RECALL_OFF_MAX, 'lower');
    report('groups flagged', flaggedGroups(rows).length, 'groups');
  } finally {
    await house.stop();
  }
}

/** Which record is of which person, by the ids that `loadPeople` gives. */
async function loadTruth(pool: Pool, truth: Int32Array): Promise<void> {
  const ids = Array.from(truth, (_, at) => (at + 1) * 64 + (at % 64));
  await pool.query('create table truth (patient_id bigint primary key, person int not null)');
  await pool.query('insert into truth select * from unnest($1::bigint[], $2::int[])', [
    ids,
    [...truth],
  ]);
}
