/**
 * How PostgreSQL runs searches, with statistics and without: pages are walked in the order of an
 * index, never by reading a large table whole and sorting it. Held for a few thousand resources; the
 * plans are generic ones, as the server runs them.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type pg from 'pg';
import { OWN_TABLES } from '../../../src/fhir/search/partitions.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

/** Copies of each of the people below. */
const COPIES = 2_000;

const person = (n: number): Json => ({
  resourceType: 'Patient',
  id: `00000000-0000-4000-8000-00000000000${n}`,
  identifier: [{ system: 'urn:i', value: `N-${n}` }],
  active: true,
  name: [{ family: `Family${n}`, given: ['Amina', `Given${n}`] }],
  telecom: [{ system: 'phone', value: `+25470000000${n}` }],
  gender: n === 1 ? 'female' : 'male',
  birthDate: `19${n}0-01-01`,
  address: [{ state: 'North', city: `Town${n}` }],
  managingOrganization: { reference: 'Organization/one' },
});

/** Searches whose every page must be cut without reading all of the type. */
const SEARCHES = [
  'Patient?',
  'Patient?gender=female',
  'Patient?gender=female&birthdate=ge1915&_sort=-_lastUpdated&_count=20',
  'Patient?gender=female&birthdate=ge1915&_sort=birthdate',
  'Patient?birthdate=ge1915&birthdate=lt1925&_sort=-birthdate',
  'Patient?birthdate=lt1925',
  'Patient?identifier=urn:i|N-1',
  'Patient?name=family',
  'Patient?family=family2&given=amina&_sort=birthdate',
  'Patient?family=nobody&_sort=family',
  'Patient?address-state=north&gender=male',
  'Patient?organization=Organization/one&_sort=family',
  'Patient?organization=Organization/one&gender=female',
  'Patient?_lastUpdated=ge2020&_sort=_lastUpdated',
  'Patient?_lastUpdated=ge2020&_lastUpdated=lt2030&gender=male&_sort=-_lastUpdated',
  'Patient?_sort=_lastUpdated',
  'Patient?_sort=-_lastUpdated',
  'Patient?_sort=birthdate',
  'Patient?_sort=-birthdate',
  'Patient?_sort=family',
  'Patient?_sort=-family,given',
  'Patient?_sort=name',
  'Patient?_sort=address-state',
  'Patient?_sort=gender,-birthdate',
  'Patient?_sort=-gender',
  'Patient?_sort=birthdate,family',
  'Patient?_sort=death-date',
];

/** Tables that grow with the country. */
const LARGE = /^(resource_patient|str|dat|tok|ref)$/;

interface Asked {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Parent Relationship'?: string;
  readonly Plans?: readonly Node[];
}

describe('how PostgreSQL runs searches', () => {
  let house: TestHouse;
  const asked = new Map<string, Asked>();
  before(async function () {
    this.timeout(60_000);
    house = await startTestHouse({ environment: { REFERENTIAL_INTEGRITY: 'off' } });
    for (const n of [1, 2, 3]) {
      const body = person(n);
      const { status, text } = await house.fetch(`Patient/${body.id}`, { method: 'PUT', body });
      expect(status, text).to.equal(201);
    }
    await house.database.pool.query(copies());
    record(house.app.readPool, asked);
    for (const path of SEARCHES) {
      const first = await house.fetch(path);
      expect(first.status, path).to.equal(200);
      const next = first.json.link.find((each: Json) => each.relation === 'next')?.url;
      if (next) expect((await house.fetch(next)).status, path).to.equal(200);
    }
  });
  after(() => house.stop());

  it('knows the tables of the types', async () => {
    const { rows } = await house.database.pool.query(
      `select substring(pg_get_expr(c.relpartbound, c.oid) from '\\d+')::int as type,
         c.relname as name
       from pg_class c join pg_inherits i on i.inhrelid = c.oid
       where i.inhparent = 'resource'::regclass and c.relname <> 'resource_other'`,
    );
    const { definitions } = house.app.fhir;
    const found = Object.fromEntries(
      rows.map((each) => [definitions.typeOfNumber(each.type), each.name]),
    );
    expect(found).to.deep.equal(OWN_TABLES);
  });

  for (const when of ['before the first ANALYZE', 'after it']) {
    it(`reads no large table whole, ${when}`, async () => {
      const { pool } = house.database;
      if (when === 'after it') await pool.query('analyze');
      expect(asked.size).to.be.greaterThan(40);
      const faults: string[] = [];
      for (const each of asked.values()) {
        const plan = await genericPlan(pool, each);
        const walks = /^fhir\.(walk|rows|edge|more)\d*-/.test(each.name);
        for (const fault of faultsOf(plan, walks)) faults.push(`${fault}: ${each.text}`);
      }
      expect(faults.join('\n\n')).to.equal('');
    });
  }

  it('refuses to sort more resources than are read by what no index has in order', async () => {
    expect((await house.fetch('Patient?_sort=-identifier&_count=2')).status).to.equal(200);
    await house.database.pool.query(
      `insert into resource select lu, rid + 640000000000::bigint * copy, gen_random_uuid(), ver, type,
         bucket, deleted, tk, content from resource_patient, generate_series(1, 9) copy`,
    );
    const { status, json } = await house.fetch('Patient?_sort=-identifier&_count=2');
    expect(status, json.issue[0].diagnostics).to.equal(403);
    expect(json.issue[0].code).to.equal('too-costly');
    expect((await house.fetch('Patient?_sort=-identifier&family=family1')).status).to.equal(200);
  });
});

/** Copies people with all that they are found by; each is born a day later than the one before. */
function copies(): string {
  const to = 'rid + n * 64000000::bigint';
  const from = `generate_series(1, ${COPIES}) n`;
  return `
    alter table resource_patient set (autovacuum_enabled = off);
    alter table str set (autovacuum_enabled = off);
    alter table dat set (autovacuum_enabled = off);
    alter table tok set (autovacuum_enabled = off);
    alter table ref set (autovacuum_enabled = off);
    insert into resource select lu + n * interval '1 second', ${to}, gen_random_uuid(), ver, type,
      bucket, deleted, tk, content from resource_patient, ${from};
    insert into str select ${to}, param, bucket, v0, v1, v2, v3, raw from str, ${from};
    insert into tok select hash + n, ${to}, system, bucket, kind from tok, ${from};
    insert into ref select case when n % 2 = 0 then target else gen_random_uuid() end, ${to}, param,
      type, bucket from ref, ${from};
    insert into dat select lower + n * interval '1 day', upper + n * interval '1 day', ${to}, param,
      bucket from dat, ${from}`;
}

/** Notes what is asked of a pool, each text once. */
function record(pool: pg.Pool, asked: Map<string, Asked>): void {
  pool.on('acquire', (client: pg.PoolClient & { recorded?: boolean }) => {
    if (client.recorded) return;
    client.recorded = true;
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    client.query = ((...given: unknown[]) => {
      const { name, text, values } = given[0] as { name?: string; text: string; values: unknown[] };
      if (name && /^fhir\.(walk|rows|set|code|whole|edge|more)\d*-/.test(name)) {
        asked.set(text, { name, text, values });
      }
      return query(...given);
    }) as typeof client.query;
  });
}

async function genericPlan(pool: pg.Pool, { text, values }: Asked): Promise<Node> {
  const client = await pool.connect();
  try {
    await client.query('set plan_cache_mode = force_generic_plan');
    await client.query('set max_parallel_workers_per_gather = 0');
    await client.query(`prepare asked as ${text}`);
    const given = values.length > 0 ? `(${values.map(literal).join(', ')})` : '';
    const { rows } = await client.query(`explain (format json) execute asked${given}`);
    await client.query('deallocate asked');
    return rows[0]['QUERY PLAN'][0].Plan;
  } finally {
    client.release();
  }
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `'{${value.join(',')}}'`;
  if (value === null) return 'null';
  return `'${String(value).replaceAll("'", "''")}'`;
}

/** Large tables that are read whole; in a walk also those that are sorted to find the first rows. */
function faultsOf(node: Node, walks: boolean): string[] {
  const kind = node['Node Type'];
  const table = node['Relation Name'] ?? '';
  const own = kind === 'Seq Scan' && LARGE.test(table) ? [`${kind} of ${table}`] : [];
  if (walks && kind === 'Sort' && !holds(node, 'Append')) own.push('Sort');
  return [
    ...own,
    ...(node.Plans ?? []).flatMap((each) =>
      // What is looked up for one resource is sorted there.
      faultsOf(each, walks && each['Parent Relationship'] !== 'SubPlan'),
    ),
  ];
}

/** Texts of several parameters are merged by a sort of those between two of them. */
function holds(node: Node, kind: string): boolean {
  return node['Node Type'] === kind || (node.Plans ?? []).some((each) => holds(each, kind));
}
