/**
 * Bulk data at national size: an import of people over HTTP as lines, with everything that a write
 * does, and an export of a million resources.
 *
 * Runs with `--imported N` (by default 30,000) and `--exported N` (by default 1,000,000): the rest
 * is filled up by copying rows.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { MODULES } from '../../modules/index.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { type BenchOptions, peakMemory, type Report, sizeOf } from './report.ts';

export const name = 'bulk';

/** Runs both, on one database. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const imported = sizeOf(options, 'imported', 30_000);
  const exported = sizeOf(options, 'exported', 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));
  // Comparing new people goes on for minutes behind an import; `bench -- duplicates` has its figures.
  const modules = MODULES.filter(({ name }) => name !== 'duplicates');
  const house = await startTestHouse({ modules, environment: { DATA_DIR: folder } });
  try {
    const body = Array.from({ length: imported }, (_, at) => JSON.stringify(patient(at))).join(
      '\n',
    );
    const fresh = await timed(house, () => kickOff(house, '$import', body));
    report('$import', imported / fresh, 'resources/s', 10_000, 'higher');
    const again = await timed(house, () => kickOff(house, '$import', body));
    report('$import again, unchanged', imported / again, 'resources/s');
    await fill(house.database.pool, exported);
    let seconds = 0;
    const peak = await peakMemory(async () => {
      seconds = await timed(house, () => kickOff(house, '$export?_type=Patient'));
    });
    report('$export', exported / seconds, 'resources/s', 100_000, 'higher');
    report('memory while exporting', peak, 'MB');
  } finally {
    await house.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function kickOff(house: TestHouse, path: string, body?: string): Promise<string> {
  const headers = { 'content-type': 'application/fhir+ndjson' };
  const answer = await house.fetch(path, body === undefined ? {} : { body, headers });
  if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.headers.get('content-location')!;
}

/** Seconds from the kick-off to the manifest. */
async function timed(house: TestHouse, start: () => Promise<string>): Promise<number> {
  const begun = performance.now();
  const place = await start();
  await house.settle();
  const seconds = (performance.now() - begun) / 1000;
  const { status, text, json } = await house.fetch(place);
  if (status !== 200 || json.error.length > 0) throw new Error(`${status} ${text}`);
  return seconds;
}

export function patient(at: number): object {
  return {
    resourceType: 'Patient',
    id: `00000000-0000-7000-8000-${String(at).padStart(12, '0')}`,
    identifier: [
      { use: 'official', system: 'https://example.org/ids/national', value: `N-${at}` },
      { system: 'https://example.org/ids/registry', value: `R-${at}` },
    ],
    active: true,
    name: [
      { use: 'official', family: `Family${at % 9973}`, given: [`Given${at % 997}`, 'Middle'] },
    ],
    telecom: [{ system: 'phone', value: `+2519${String(at).padStart(8, '0')}`, use: 'mobile' }],
    gender: at % 2 ? 'male' : 'female',
    birthDate: `${1940 + (at % 80)}-0${1 + (at % 9)}-15`,
    address: [
      {
        use: 'home',
        city: `Town${at % 89}`,
        district: 'East Shewa',
        state: 'Oromia',
        country: 'ET',
      },
    ],
  };
}

/** Copies rows under new ids until there are as many as wanted. */
export async function fill(pool: Pool, wanted: number): Promise<void> {
  await pool.query(
    `insert into resource (lu, rid, id, ver, type, bucket, deleted, tk, content)
     select r.lu, nextval('resource_rid') * 64 + r.bucket,
       overlay(gen_random_uuid()::text placing right(r.id::text, 2) from 35)::uuid,
       r.ver, r.type, r.bucket, false, r.tk, r.content
     from generate_series(1, $1::int) n
     join (select *, row_number() over (order by rid) - 1 as o
           from (select * from resource where type = 103 order by rid limit 1000) s) r
       on r.o = n % 1000`,
    [Math.max(0, wanted - (await countPatients(pool)))],
  );
  await pool.query('vacuum analyze resource');
}

async function countPatients(pool: Pool): Promise<number> {
  const { rows } = await pool.query('select count(*)::int as n from resource where type = 103');
  return rows[0].n;
}
