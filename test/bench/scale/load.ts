/**
 * Loads a country into a database by COPY: the rows that the API would have written, made by the
 * same extractor, content writer and readers of facts, with the indexes put back afterwards.
 * `verify` proves it: households sent over HTTP must have left exactly the rows made here.
 *
 * Left out, because no search reads them: events and jobs of each write. The trail is filled by
 * `money.ts`.
 */

import type { Group, Patient, Resource } from '@medplum/fhirtypes';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { readHousehold } from '../../../modules/households/household.ts';
import { readMember } from '../../../modules/households/member.ts';
import { PHONE_COUNTRY } from '../../../modules/households/settings.ts';
import type { IndexRows, PairPart } from '../../../src/fhir/definitions/definitions.ts';
import { writeContent } from '../../../src/fhir/store/content.ts';
import { textRows } from '../../../src/fhir/store/text-rows.ts';
import { bucketOf, idKey } from '../../../src/sdk/index.ts';
import type { TestHouse } from '../../support/server.ts';
import { type Registered, resourcesOf, SCHEME } from './people.ts';

const PAIR_COLUMNS = ['h1', 's1', 'h2', 's2', 'h3', 's3'].concat(
  ['val2', 'low2', 'high2', 'lower2', 'upper2', 'txt2', 'raw2'],
  ['val3', 'low3', 'high3', 'lower3', 'upper3', 'txt3', 'raw3'],
);

/** Tables that are loaded, with the columns that are given. */
const TABLES = {
  resource: 'lu, rid, id, ver, type, bucket, tk, content',
  tok: 'hash, rid, system, bucket, kind',
  str: 'rid, param, bucket, v0, v1, v2, v3, raw',
  ref: 'target, rid, param, type, bucket',
  dat: 'lower, upper, rid, param, bucket',
  num: 'rid, unit, param, bucket, low, high, val',
  pair: `rid, param, bucket, ${PAIR_COLUMNS.join(', ')}`,
  member: `member_id, fhir_id, household_id, sex, birth_date, birth_date_last,
    birth_date_precision, disability, deceased, deceased_on, active, phone, updated_at, version`,
  member_identifier: 'identifier_hash, system, value, member_id',
  household: `household_id, fhir_id, area_id, head_id, collector_id, collector_basis,
    members_count, active, registered_at, updated_at, version`,
  household_member: `household_id, member_id, position, role, active, sex, birth_date,
    birth_date_last, disability, deceased, deceased_on`,
  household_identifier: 'identifier_hash, system, value, household_id',
  household_characteristic: 'household_id, code, number_value',
  household_account: 'household_id, kind, provider_id, account_number, preferred',
  enrolment: `household_id, enrolment_id, fhir_id, scheme_id, state, reason, starts_on, version,
    changed_at`,
} as const;

type Table = keyof typeof TABLES;
/** Rows by table, each a list of values in the order of its columns. */
export type Rows = Map<Table, unknown[][]>;

/** Internal ids of what households refer to. */
export interface Places {
  rid(type: 'Location' | 'Organization' | 'InsurancePlan', id: string): bigint;
}

/** Makes the rows of households, drawing internal ids as the sequence would. */
export class RowMaker {
  readonly #house: TestHouse;
  readonly #places: Places;
  #next: bigint;

  constructor(house: TestHouse, places: Places, next: bigint) {
    this.#house = house;
    this.#places = places;
    this.#next = next;
  }

  /** The sequence behind the next internal id. */
  get next(): bigint {
    return this.#next;
  }

  /** Adds the rows of a household; `rids` gives internal ids that stand already. */
  add(rows: Rows, registered: readonly Registered[], rids?: ReadonlyMap<string, bigint>): void {
    const known = new Map<string, bigint>();
    for (const { resource, id, at } of registered) {
      const bucket = bucketOf(idKey(id));
      const rid = rids?.get(id) ?? this.#next++ * 64n + BigInt(bucket);
      known.set(id, rid);
      this.#resource(rows, resource, id, rid, bucket, at);
    }
    this.#facts(rows, registered, known);
  }

  #resource(rows: Rows, resource: Resource, id: string, rid: bigint, bucket: number, at: Date) {
    const { definitions } = this.#house.app.fhir;
    const index: IndexRows = definitions.extract({ ...resource, id } as Resource);
    const type = definitions.typeNumber(resource.resourceType);
    const content = writeContent(resource, id, 1, at);
    const put = (table: Table, row: unknown[]): void => void rowsOf(rows, table).push(row);
    put('resource', [at, rid, idKey(id), 1, type, bucket, `{${index.tk.join(',')}}`, content]);
    for (const row of index.tok) put('tok', [row.hash, rid, row.system, bucket, row.kind]);
    for (const { param, texts, raw } of textRows(index.str)) {
      put('str', [rid, param, bucket, ...texts, raw]);
    }
    for (const row of index.ref) put('ref', [row.target, rid, row.param, row.type, bucket]);
    for (const row of index.dat) {
      put('dat', [row.lower ?? '-infinity', row.upper ?? 'infinity', rid, row.param, bucket]);
    }
    for (const row of index.num) {
      put('num', [rid, row.unit, row.param, bucket, row.low, row.high, row.value]);
    }
    for (const { param, parts } of index.pair) {
      const values = PAIR_COLUMNS.map((column) => {
        const part = parts[Number(column.at(-1)) - 1] as PairPart & Record<string, unknown>;
        return part[column.slice(0, -1)] ?? (/^[hs]|^val2/.test(column) ? 0 : null);
      });
      put('pair', [rid, param, bucket, ...values]);
    }
  }

  #facts(rows: Rows, registered: readonly Registered[], rids: ReadonlyMap<string, bigint>): void {
    const { at } = registered[0]!;
    const today = at.toISOString().slice(0, 10);
    const country = this.#house.app.settings.get(PHONE_COUNTRY);
    const put = (table: Table, row: unknown[]): void => void rowsOf(rows, table).push(row);
    const group = registered.find((each) => each.resource.resourceType === 'Group')!;
    const householdId = rids.get(group.id)!;
    const facts = readHousehold({ ...(group.resource as Group) }, today, country);
    const head = rids.get(facts.members[0]!.id)!;
    const area = this.#places.rid('Location', facts.areaId!);
    put('household', [
      householdId,
      facts.id,
      area,
      head,
      head,
      'head',
      facts.members.length,
      true,
      at,
      at,
      1,
    ]);
    for (const claim of facts.identifiers) {
      put('household_identifier', [claim.hash, claim.system, claim.value, householdId]);
    }
    for (const each of facts.characteristics) {
      put('household_characteristic', [householdId, each.code, each.number]);
    }
    for (const each of facts.accounts) {
      const provider = this.#places.rid('Organization', each.providerId);
      put('household_account', [householdId, each.kind, provider, each.number, each.preferred]);
    }
    for (const { id, role, position } of facts.members) {
      const patient = registered.find((each) => each.id === id)!.resource as Patient;
      const m = readMember(patient, country, '2026-01-01');
      const rid = rids.get(id)!;
      const [first, last] = [m.birthDate, m.birthDateLast];
      put('household_member', [
        householdId,
        rid,
        position,
        role,
        true,
        m.sex,
        first,
        last,
        m.disability,
        m.deceased,
        m.deceasedOn,
      ]);
      put('member', [
        rid,
        id,
        householdId,
        m.sex,
        first,
        last,
        m.birthDatePrecision,
        m.disability,
        m.deceased,
        m.deceasedOn,
        m.active,
        m.phone,
        at,
        1,
      ]);
      for (const claim of m.identifiers) {
        put('member_identifier', [claim.hash, claim.system, claim.value, rid]);
      }
    }
    for (const { resource, id } of registered) {
      if (resource.resourceType !== 'Coverage') continue;
      const scheme = this.#places.rid('InsurancePlan', SCHEME);
      put('enrolment', [
        householdId,
        rids.get(id),
        id,
        scheme,
        'enrolled',
        'criteria-met',
        resource.period?.start,
        1,
        at,
      ]);
    }
  }
}

function rowsOf(rows: Rows, table: Table): unknown[][] {
  let found = rows.get(table);
  if (!found) {
    found = [];
    rows.set(table, found);
  }
  return found;
}

// ── COPY ─────────────────────────────────────────────────────────────────────────────────────

const HOUSEHOLDS_AT_ONCE = 500;

/** Loads households `first` up to `last` (excluded) of `of`. */
export async function load(
  house: TestHouse,
  maker: RowMaker,
  range: { readonly first: number; readonly last: number; readonly of: number },
): Promise<void> {
  const { pool } = house.database;
  const indexes = await dropIndexes(house);
  const streams = new Map<Table, { client: pg.Client; stream: NodeJS.WritableStream }>();
  for (const table of Object.keys(TABLES) as Table[]) {
    const client = new pg.Client({ connectionString: house.database.url });
    await client.connect();
    const stream = client.query(copyFrom(`copy ${table} (${TABLES[table]}) from stdin`));
    streams.set(table, { client, stream });
  }
  for (let at = range.first; at < range.last; at += HOUSEHOLDS_AT_ONCE) {
    const rows: Rows = new Map();
    for (let n = at; n < Math.min(range.last, at + HOUSEHOLDS_AT_ONCE); n += 1) {
      maker.add(rows, resourcesOf(n, range.of));
    }
    for (const [table, some] of rows) {
      const text = some.map((row) => `${row.map(field).join('\t')}\n`).join('');
      const { stream } = streams.get(table)!;
      if (!stream.write(text)) await new Promise((done) => stream.once('drain', done));
    }
  }
  for (const { client, stream } of streams.values()) {
    await new Promise((done, failed) => stream.once('finish', done).once('error', failed).end());
    await client.end();
  }
  await pool.query('select setval($1, $2)', ['resource_rid', maker.next]);
  for (const index of indexes) await pool.query(index);
}

/** Drops the indexes of the tables and answers how to make them again. */
async function dropIndexes({ database: { pool } }: TestHouse): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; made: string; key: string | null }>(
    `select c.oid::regclass::text as name, pg_get_indexdef(c.oid) as made,
       (select format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname,
          pg_get_constraintdef(k.oid)) from pg_constraint k where k.conindid = c.oid
          and k.contype in ('p', 'u')) as key
     from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = any($1::regclass[]::oid[])`,
    [Object.keys(TABLES)],
  );
  for (const { name, made, key } of rows) {
    const table = / ON (?:ONLY )?(\S+)/.exec(made)![1]!;
    const constraint = key && / constraint (\S+)/.exec(key)![1]!;
    if (constraint) await pool.query(`alter table ${table} drop constraint ${constraint}`);
    else await pool.query(`drop index ${name}`);
  }
  return rows.map(({ made, key }) => key ?? made.replace(' ON ONLY ', ' ON '));
}

/** A value in COPY's text form. */
function field(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (value instanceof Date) return value.toISOString();
  return String(value).replace(/[\\\n\r\t]/g, (each) =>
    each === '\\' ? '\\\\' : `\\${ESCAPES[each]}`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' };

// ── proof ────────────────────────────────────────────────────────────────────────────────────

/**
 * Compares what the API wrote for households with what is made here.
 *
 * @throws Error naming the table and the rows that differ
 */
export async function verify(
  { database: { pool } }: TestHouse,
  maker: RowMaker,
  households: readonly Registered[][],
): Promise<void> {
  const ids = households.flat().map((each) => each.id);
  const found = await pool.query<{ id: string; rid: bigint; lu: Date }>(
    'select id::text, rid, lu from resource where id = any($1::uuid[])',
    [ids],
  );
  const rids = new Map(found.rows.map((row) => [row.id, row.rid]));
  const at = found.rows[0]!.lu;
  const rows: Rows = new Map();
  for (const each of households)
    maker.add(
      rows,
      each.map((one) => ({ ...one, at })),
      rids,
    );
  for (const [table, made] of rows) {
    const own =
      table === 'enrolment' ? 'enrolment_id' : TABLES[table].match(/\w+_id(?=,|$)|rid/)![0];
    const column = /identifier$/.test(table) ? TABLES[table].split(', ').at(-1) : own;
    const { rows: stored } = await pool.query<{ row: string }>(
      `select row(${TABLES[table]})::text as row from ${table}
       where ${column} = any($1::bigint[]) order by 1`,
      [[...rids.values()]],
    );
    const wanted = await pool.query<{ row: string }>(
      `select row(${TABLES[table]})::text as row
       from json_populate_recordset(null::${table}, $1) order by 1`,
      [JSON.stringify(made.map((row) => asRecord(table, row)))],
    );
    const [a, b] = [stored, wanted.rows].map((each) => each.map((one) => one.row).join('\n'));
    if (a !== b) throw new Error(`${table}: the API wrote\n${a}\nthe loader makes\n${b}`);
  }
}

function asRecord(table: Table, row: readonly unknown[]): Record<string, unknown> {
  const columns = TABLES[table].split(/,\s*/);
  return Object.fromEntries(
    columns.map((column, at) => {
      const value = row[at];
      return [column, typeof value === 'bigint' ? value.toString() : value];
    }),
  );
}
