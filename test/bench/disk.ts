/**
 * How much the database grows by a Patient posted alone: rows, indexes, trail and outbox, after
 * VACUUM. The Patient is that of the load scripts the target was set with: 0.93 kB as posted, two
 * identifiers, a name with two given names, a telephone, a full address, a contact.
 */

import type { Patient } from '@medplum/fhirtypes';
import { startTestHouse } from '../support/server.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'disk';

/** Few: PostgreSQL extends tables ahead for many writers, which is no growth by a Patient. */
const CONNECTIONS = 2;
/** Bytes; see DECISIONS.md. */
const TARGET = 2_600;
/** Tables that cost less are not named one by one. */
const NAMED_FROM = 5;

const SIZES = `
  select case when t.relname ~ '^(resource|audit_event|history)_' and t.relispartition
              then substring(t.relname from '^(resource|audit_event|history)')
              else t.relname end
         || case when c.relkind = 'i' then ' index' else '' end as name,
         sum(pg_table_size(c.oid))::float8 as bytes
  from pg_class c
  left join pg_index x on x.indexrelid = c.oid
  join pg_class t on t.oid = coalesce(x.indrelid, c.oid)
  where c.relkind in ('r', 'i', 'm') and t.relkind in ('r', 'm')
    and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    and c.relnamespace::regnamespace::text !~ '^pg_toast'
  group by 1`;

/** Runs with `--patients N`, by default 5,000. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const wanted = sizeOf(options, 'patients', 5_000);
  const house = await startTestHouse();
  const { pool } = house.database;
  const sizes = async (): Promise<{ whole: number; parts: Map<string, number> }> => {
    await pool.query('vacuum');
    const { rows } = await pool.query<{ name: string; bytes: number }>(SIZES);
    const whole = await pool.query<{ bytes: number }>(
      'select pg_database_size(current_database())::float8 as bytes',
    );
    const parts = new Map(rows.map((row) => [row.name, row.bytes]));
    return { whole: whole.rows[0]!.bytes, parts };
  };
  try {
    const random = seeded(42);
    const [families, givens] = [names(random, 800, 3), names(random, 600, 2)];
    const before = await sizes();
    let sent = 0;
    let faults = 0;
    let posted = 0;
    const send = async (): Promise<void> => {
      while (sent < wanted) {
        sent += 1;
        const body = patient(sent, random, families, givens);
        posted += JSON.stringify(body).length;
        const { status } = await house.fetch('Patient', { body });
        if (status !== 201) faults += 1;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    const after = await sizes();
    report('growth by a Patient', (after.whole - before.whole) / wanted, 'B', TARGET, 'lower');
    report('a Patient as posted', posted / wanted, 'B');
    report('refused', faults, 'Patients', 0, 'lower');
    const parts = [...after.parts].map(
      ([part, bytes]) => [part, (bytes - (before.parts.get(part) ?? 0)) / wanted] as const,
    );
    for (const [part, bytes] of parts.sort((a, b) => b[1] - a[1])) {
      if (bytes >= NAMED_FROM) report(part, bytes, 'B');
    }
  } finally {
    await house.stop();
  }
}

type Random = () => number;

/** The mulberry32 generator: figures of two runs are of the same people. */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

const SYLLABLES = 'ka mo ti ru be sa no li wa du fe ja ke ni zo pa ra hu ye go'.split(' ');

function names(random: Random, count: number, syllables: number): string[] {
  return Array.from({ length: count }, () => {
    const low = Array.from({ length: syllables }, () => pick(random, SYLLABLES)).join('');
    return low[0]!.toUpperCase() + low.slice(1);
  });
}

function patient(
  number: number,
  random: Random,
  families: readonly string[],
  givens: readonly string[],
): Patient {
  const one = <Value>(values: readonly Value[]): Value => pick(random, values);
  const two = (most: number): string => String(1 + Math.floor(random() * most)).padStart(2, '0');
  const family = one(families);
  const v2 = 'http://terminology.hl7.org/CodeSystem/v2-';
  return {
    resourceType: 'Patient',
    identifier: [
      {
        use: 'official',
        type: { coding: [{ system: `${v2}0203`, code: 'NI' }] },
        system: 'https://example.org/ids/national',
        value: `N-bench-${number}`,
      },
      { use: 'secondary', system: 'https://example.org/ids/registry', value: `R-bench-${number}` },
    ],
    active: true,
    name: [{ use: 'official', family, given: [one(givens), one(givens)] }],
    telecom: [
      {
        system: 'phone',
        value: `+2507${String(Math.floor(random() * 1e8)).padStart(8, '0')}`,
        use: 'mobile',
      },
    ],
    gender: random() < 0.5 ? 'female' : 'male',
    birthDate: `${1940 + Math.floor(random() * 80)}-${two(12)}-${two(28)}`,
    address: [
      {
        use: 'home',
        type: 'physical',
        text: `Plot ${number}, ${one(givens)} village`,
        line: [`Plot ${number}`],
        city: one(givens),
        district: one(families),
        state: one(['North', 'South', 'East', 'West', 'Central']),
        country: 'RW',
      },
    ],
    maritalStatus: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
          code: one(['M', 'S', 'W']),
        },
      ],
    },
    contact: [
      {
        relationship: [{ coding: [{ system: `${v2}0131`, code: 'N' }] }],
        name: { family, given: [one(givens)] },
      },
    ],
  };
}
