/**
 * Duplicates in an invented registry of `--people N` (by default 100,000): a run over everybody as
 * the night does it, from the registry to pairs, clusters and counts in the database, how it grows
 * from a tenth and a third, pairs scored a second of one thread, and `$match` over HTTP, alone and on
 * 16 connections.
 *
 * Raising suspicions is left out: it is done once for each, in portions, and waits for nobody.
 */

import type { Pool } from 'pg';
import { syntheticRegistry } from '../../modules/duplicates/evaluate/synthetic/registry.ts';
import { blocksOf } from '../../modules/duplicates/matching/blocks.ts';
import { learnModel } from '../../modules/duplicates/matching/learn.ts';
import { registryOf } from '../../modules/duplicates/matching/registry.ts';
import { scorerOf } from '../../modules/duplicates/matching/scorer.ts';
import { scoreShare } from '../../modules/duplicates/matching/share.ts';
import { newTurns } from '../../modules/duplicates/matching/turns.ts';
import { findEverywhere } from '../../modules/duplicates/nightly/run.ts';
import { startRun } from '../../modules/duplicates/store/everybody.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Units } from '../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { loadPeople } from './duplicates/load.ts';
import { CONNECTIONS, type Remote, startRemote } from './remote.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'duplicates';

const MILLION = 1_000_000;
const SECONDS_BY_MILLION = 20;
const MEMORY_MB = 1_024;
const SCORED_BY_SECOND = 1_000_000;
const KERNEL_PEOPLE = 100_000;
const MATCH_P99_MS = 25;
const ASKED = 2_000;
const ASKED_ALONE = 400;

/** Runs with `--people N`. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const people = sizeOf(options, 'people', 100_000);
  scoredBySecond(report);
  for (const size of [Math.round(people / 10), Math.round(people / 3)]) {
    const house = await startTestHouse();
    await loadPeople(house.database.pool, size, 1);
    await wholeRun(report, house, size);
    await house.stop();
  }
  await largest(report, people);
}

/** The run over everybody and `$match`, on the server that is asked. */
async function largest(report: Report, people: number): Promise<void> {
  const house = await startTestHouse();
  try {
    await loadPeople(house.database.pool, people, 1);
    await wholeRun(report, house, people);
    const remote = await startRemote(house.database.url);
    try {
      const persons = await typical(house.database.pool);
      await matches(report, remote, persons, 1, ASKED_ALONE);
      await matches(report, remote, persons, CONNECTIONS, ASKED);
    } finally {
      await remote.stop();
    }
  } finally {
    await house.stop();
  }
}

async function wholeRun(report: Report, house: TestHouse, people: number): Promise<void> {
  const { pool } = house.database;
  const units: Units = { run: (work) => runUnitOfWork(house.app, SYSTEM, {}, work) };
  const started = await units.run((ctx) => startRun(ctx, 'bench'));
  const begun = performance.now();
  await findEverywhere(units, started!.run_id);
  const seconds = (performance.now() - begun) / 1000;
  const { rows } = await pool.query(
    'update match_run set ended_at = now() returning compared::float8, pairs, seconds, memory_mb',
  );
  const { compared, pairs, seconds: cpu, memory_mb: memory } = rows[0];
  const of = `${people} people`;
  report(`${of}, compared`, seconds, 's', (SECONDS_BY_MILLION * people) / MILLION, 'lower');
  report(`${of}, CPU of the process`, cpu, 's');
  report(`${of}, memory`, memory, 'MB', MEMORY_MB, 'lower');
  report(`${of}, candidates`, compared, 'pairs');
  report(`${of}, found`, pairs, 'pairs');
}

/** Pairs that one thread scores in a second, candidates found included. */
function scoredBySecond(report: Report): void {
  const registry = registryOf(syntheticRegistry(KERNEL_PEOPLE, 1).records.people);
  const blocks = blocksOf(registry);
  const model = learnModel(registry, blocks, false);
  const scorer = scorerOf(registry, model);
  const { user, system } = process.cpuUsage();
  const scored = scoreShare(
    { kind: 'score', registry, blocks, model, across: false, taken: newTurns() },
    scorer,
  );
  const used = process.cpuUsage();
  const compared = scored.reduce((so, each) => so + each.compared, 0);
  const seconds = (used.user + used.system - user - system) / 1e6;
  report('scored by one core', compared / seconds, 'pairs/s', SCORED_BY_SECOND);
}

/** Patients as clerks would ask for them: what stands in the registry, a little otherwise. */
async function typical(pool: Pool): Promise<object[]> {
  const { rows } = await pool.query<{ facts: unknown[] }>(
    `select facts::json as facts from match_feature
     where patient_id % 97 = 0 and facts not like '["",""%' order by md5(fhir_id) limit ${ASKED}`,
  );
  return rows.map(({ facts }, at) => {
    const [given, family, , , day, sex, phones] = facts as [
      string,
      string,
      unknown,
      unknown,
      number,
      number,
      string[],
    ];
    const date = String(day).padStart(8, '0');
    const [year, month, on] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)];
    const short = given.length > 4 && at % 3 === 0 ? given.slice(0, -1) : given;
    return {
      resourceType: 'Patient',
      name: [{ ...(short && { given: [short] }), ...(family && { family }) }],
      gender: sex === 1 ? 'male' : 'female',
      ...(day !== 0 && { birthDate: on === '00' ? year : `${year}-${month}-${on}` }),
      ...(phones[0] && at % 2 === 0 && { telecom: [{ system: 'phone', value: phones[0] }] }),
    };
  });
}

/** Asks who people may be, on so many connections. */
async function matches(
  report: Report,
  remote: Remote,
  persons: readonly object[],
  connections: number,
  wanted: number,
): Promise<void> {
  const times: number[] = [];
  let asked = 0;
  let faults = 0;
  const ask = async (): Promise<void> => {
    while (asked < wanted) {
      const person = persons[asked++ % persons.length];
      const begun = performance.now();
      const { status } = await remote.send('POST', 'Patient/$match', person);
      times.push(performance.now() - begun);
      if (status !== 200) faults++;
    }
  };
  const before = await remote.cpuSeconds();
  await Promise.all(Array.from({ length: connections }, ask));
  const cpu = (await remote.cpuSeconds()) - before;
  times.sort((x, y) => x - y);
  const of = `$match, ${connections === 1 ? 'alone' : `${connections} connections`}`;
  report(`${of}, half within`, times[Math.floor(times.length / 2)]!, 'ms');
  const hundredth = times[Math.floor(times.length * 0.99)]!;
  report(`${of}, 99 of 100 within`, hundredth, 'ms', MATCH_P99_MS, 'lower');
  report(`${of}, CPU of the server`, (cpu / times.length) * 1000, 'ms');
  report(`${of}, faults`, faults, 'answers', 0, 'lower');
}
