/**
 * The FHIR interactions that registries and clients do most, over HTTP and 16 connections, against
 * a server in a process of its own; beside them what the same machine does at the same time without
 * us: a bare insert and a bare select. The ratios tell more than the figures.
 */

import pg from 'pg';
import { CONNECTIONS, type Remote, startRemote } from './remote.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'rest';

/** Runs each for `--seconds N`, by default 5, over `--patients N`, by default 8,000. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const seconds = sizeOf(options, 'seconds', 5);
  const remote = await startRemote();
  try {
    const ids = await seed(remote, sizeOf(options, 'patients', 8_000));
    const floors = await measureFloors(remote.databaseUrl, seconds);
    report('floor insert', floors.insert, '/s');
    report('floor select', floors.select, '/s');
    for (const scenario of scenarios(ids)) {
      const { rate, faults, cpu } = await drive(remote, seconds, scenario.ask);
      const floor = floors[scenario.floor];
      report(scenario.name, rate, '/s', scenario.target);
      report(`${scenario.name} ratio`, rate / floor, 'of floor', scenario.ratio);
      report(`${scenario.name} server`, cpu * 1000, 'ms CPU');
      report(`${scenario.name} faults`, faults, 'answers', 0, 'lower');
    }
  } finally {
    await remote.stop();
  }
}

interface Scenario {
  readonly name: string;
  readonly target: number;
  readonly floor: 'insert' | 'select';
  readonly ratio: number;
  readonly ask: (n: number) => readonly ['GET' | 'POST' | 'PUT', string, unknown?];
}

let made = 0;

function patient(n: number) {
  return {
    resourceType: 'Patient',
    identifier: [
      { system: 'urn:bench:national', value: `N${n}` },
      { system: 'urn:bench:card', value: `C${n}` },
    ],
    active: true,
    name: [{ use: 'official', family: `Family${n % 997}`, given: [`Given${n % 331}`, 'Amina'] }],
    telecom: [{ system: 'phone', value: `+25471${String(n).padStart(7, '0')}`, use: 'mobile' }],
    gender: n % 2 ? 'male' : 'female',
    birthDate: `${1940 + ((n * 7) % 80)}-0${1 + (n % 9)}-15`,
    address: [
      { line: [`House ${n}`], city: `Town${n % 89}`, state: `State${n % 17}`, country: 'KE' },
    ],
  };
}

/** Targets are those of one pinned core on a quiet machine; ratios hold elsewhere. */
function scenarios(ids: readonly string[]): Scenario[] {
  const id = (n: number): string => ids[(n * 7919) % ids.length]!;
  return [
    {
      name: 'create',
      target: 1600,
      floor: 'insert',
      ratio: 0.11,
      ask: () => ['POST', 'Patient', patient(++made)],
    },
    {
      name: 'read',
      target: 7000,
      floor: 'select',
      ratio: 0.15,
      ask: (n) => ['GET', `Patient/${id(n)}`],
    },
    {
      name: 'search by identifier',
      target: 4500,
      floor: 'select',
      ratio: 0.1,
      ask: (n) => ['GET', `Patient?identifier=urn:bench:national|N${1 + ((n * 31) % ids.length)}`],
    },
    {
      name: 'search by name',
      target: 2000,
      floor: 'select',
      ratio: 0.045,
      ask: (n) => ['GET', `Patient?name=Given${n % 331}&_count=20`],
    },
    {
      name: 'sorted page',
      target: 3000,
      floor: 'select',
      ratio: 0.065,
      ask: (n) => [
        'GET',
        `Patient?gender=female&birthdate=ge${1950 + (n % 50)}-01-01&_sort=-_lastUpdated&_count=20`,
      ],
    },
    {
      name: 'update',
      target: 1400,
      floor: 'insert',
      ratio: 0.09,
      ask: (n) => ['PUT', `Patient/${id(n)}`, { ...patient(n), id: id(n), active: n % 3 > 0 }],
    },
  ];
}

async function seed(remote: Remote, patients: number): Promise<string[]> {
  const ids: string[] = [];
  const send = async (): Promise<void> => {
    while (made < patients) {
      const { status, text } = await remote.send('POST', 'Patient', patient(++made));
      if (status !== 201) throw new Error(text);
      ids.push(JSON.parse(text).id);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
  return ids;
}

async function drive(
  remote: Remote,
  seconds: number,
  ask: Scenario['ask'],
): Promise<{ rate: number; faults: number; cpu: number }> {
  let count = 0;
  let faults = 0;
  const before = await remote.cpuSeconds();
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < end) {
      count += 1;
      const [method, path, body] = ask(count);
      const { status } = await remote.send(method, path, body);
      if (status >= 300) faults += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  const rate = count / ((performance.now() - begun) / 1000);
  return { rate, faults, cpu: ((await remote.cpuSeconds()) - before) / count };
}

/** Bare statements over 16 connections: a row of 1 kB inserted and committed; one selected by key. */
async function measureFloors(
  url: string,
  seconds: number,
): Promise<{ insert: number; select: number }> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  try {
    await pool.query('create table bench_floor (id bigint primary key, content text not null)');
    const content = JSON.stringify(patient(1)).padEnd(1024);
    let id = 0;
    const rate = async (config: (n: number) => pg.QueryConfig): Promise<number> => {
      let count = 0;
      const begun = performance.now();
      const end = begun + seconds * 1000;
      const loop = async (): Promise<void> => {
        while (performance.now() < end) {
          count += 1;
          await pool.query(config(count));
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, loop));
      return count / ((performance.now() - begun) / 1000);
    };
    const insert = await rate(() => ({
      name: 'floor-insert',
      text: 'insert into bench_floor values ($1, $2)',
      values: [++id, content],
    }));
    const select = await rate((n) => ({
      name: 'floor-select',
      text: 'select content from bench_floor where id = $1',
      values: [1 + (n % id)],
    }));
    return { insert, select };
  } finally {
    await pool.end();
  }
}
