/**
 * Statements about search parameters of our own: their states, and the index rows that their
 * introduction adds and their removal takes away.
 */

import type { SearchParameter } from '@medplum/fhirtypes';
import type { Pool } from 'pg';
import { type Context, type Database, statement } from '../../sdk/index.ts';
import type { IndexRows } from '../definitions/definitions.ts';
import type { StoredRows } from '../store/row-change.ts';

/** How far a parameter is: it can be searched when `active`. */
export type State = 'waiting' | 'indexing' | 'active' | 'removing';

/** A parameter with its state. */
export interface Kept {
  readonly url: string;
  readonly resourceId: string | null;
  readonly definition: SearchParameter;
  readonly state: State;
  readonly atType: number;
  readonly atRid: bigint;
  readonly done: bigint;
  readonly total: bigint | null;
}

interface Row {
  readonly url: string;
  readonly resource_id: string | null;
  readonly definition: string;
  readonly state: State;
  readonly at_type: number;
  readonly at_rid: bigint;
  readonly done: bigint;
  readonly total: bigint | null;
}

function kept(row: Row): Kept {
  return {
    url: row.url,
    resourceId: row.resource_id,
    definition: JSON.parse(row.definition) as SearchParameter,
    state: row.state,
    atType: row.at_type,
    atRid: row.at_rid,
    done: row.done,
    total: row.total,
  };
}

const ALL = 'select * from search_parameter order by url';

/** All parameters, as committed: on a connection of its own, so that no open write shows. */
export async function loadCommitted(pool: Pool): Promise<Kept[]> {
  return (await pool.query<Row>(ALL)).rows.map(kept);
}

/** All parameters, as this unit of work sees them. */
export async function loadParameters(db: Database): Promise<Kept[]> {
  return (await db.query<Row>(statement('fhir.parameters', ALL))).map(kept);
}

const ANNOUNCE = statement(
  'fhir.announce-parameter',
  `insert into search_parameter (url, resource_id, definition, state)
   values ($1, $2, $3, 'waiting')
   on conflict (url) do update set definition = excluded.definition,
     resource_id = excluded.resource_id`,
);

/** Announces a parameter; one that is known keeps its state. */
export async function announce(ctx: Context, definition: SearchParameter): Promise<void> {
  await ctx.db.run(ANNOUNCE, [definition.url, definition.id, JSON.stringify(definition)]);
}

const RETIRE = statement(
  'fhir.retire-parameter',
  `update search_parameter set state = 'removing', announced_at = clock_timestamp(),
     at_type = 0, at_rid = 0, done = 0, total = null
   where resource_id = any($1) and state <> 'removing'`,
);

/** Begins to take parameters away; answers how many stood. */
export function retire(ctx: Context, ids: readonly string[]): Promise<number> {
  return ctx.db.run(RETIRE, [ids]);
}

const BRING = `insert into search_parameter (url, definition, state)
  select u, d, case when exists (select from resource where type = any(t::smallint[]))
    then 'waiting' else 'active' end
  from unnest($1::text[], $2::text[], $3::text[]) x(u, d, t)
  on conflict (url) do nothing`;

const WITHDRAW = `update search_parameter set state = 'removing', announced_at = clock_timestamp(),
    at_type = 0, at_rid = 0, done = 0, total = null
  where resource_id is null and state <> 'removing' and url <> all($1::text[])`;

/** Notes at start what modules bring, and what they bring no more. */
export async function bring(
  pool: Pool,
  brought: readonly { readonly definition: SearchParameter; readonly types: readonly number[] }[],
): Promise<void> {
  await pool.query(BRING, [
    brought.map((each) => each.definition.url),
    brought.map((each) => JSON.stringify(each.definition)),
    brought.map((each) => `{${each.types.join(',')}}`),
  ]);
  await pool.query(WITHDRAW, [brought.map((each) => each.definition.url)]);
}

const NEXT = statement(
  'fhir.next-parameter',
  `select *, extract(epoch from clock_timestamp() - announced_at)::float8 as age
   from search_parameter where state <> 'active' order by announced_at
   limit 1 for update skip locked`,
);

/** The next parameter that waits for work, held for this unit of work, and its age in seconds. */
export async function takeNext(db: Database): Promise<(Kept & { age: number }) | undefined> {
  const row = await db.maybe<Row & { age: number }>(NEXT);
  return row && { ...kept(row), age: row.age };
}

const OLDER = statement(
  'fhir.older-transactions',
  `select count(*)::int as n from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null
     and xact_start < clock_timestamp() - make_interval(secs => $1)`,
);

/** Writing transactions that have been open for longer than some seconds. */
export async function openWrites(db: Database, seconds: number): Promise<number> {
  return (await db.one<{ n: number }>(OLDER, [seconds])).n;
}

const COUNT = statement(
  'fhir.count-of-types',
  'select count(*) as n from resource where type = any($1::smallint[]) and not deleted',
);

/** How many resources of some types there are. */
export async function countOf(db: Database, types: readonly number[]): Promise<bigint> {
  return (await db.one<{ n: bigint }>(COUNT, [types])).n;
}

const BATCH = statement(
  'fhir.index-batch',
  `select rid, content from resource where type = $1 and rid > $2 and not deleted
   order by rid limit $3 for update`,
);

/** The next resources of a type, held until their rows are written. */
export function takeBatch(
  db: Database,
  type: number,
  after: bigint,
  limit: number,
): Promise<{ rid: bigint; content: string }[]> {
  return db.query(BATCH, [type, after, limit]);
}

const NOTE = statement(
  'fhir.note-progress',
  `update search_parameter set state = $2, at_type = $3, at_rid = $4, done = $5, total = $6
   where url = $1`,
);

/** Writes down how far a parameter is. */
export async function noteProgress(db: Database, at: Kept): Promise<void> {
  await db.run(NOTE, [at.url, at.state, at.atType, at.atRid, at.done, at.total]);
}

const FORGET = statement('fhir.forget-parameter', 'delete from search_parameter where url = $1');

/** Forgets a parameter whose rows are gone. */
export async function forgetParameter(db: Database, url: string): Promise<void> {
  await db.run(FORGET, [url]);
}

/** Columns of the index tables. */
const TABLES: Readonly<Record<Exclude<keyof IndexRows, 'tk' | 'pair'>, string>> = {
  tok: 'hash bigint, system int, kind smallint',
  str: 'param int, v0 text, raw text',
  ref: 'param int, type smallint, target uuid',
  dat: 'param int, lower timestamptz, upper timestamptz',
  num: 'param int, unit bigint, low numeric, high numeric, val numeric',
};
type Table = keyof typeof TABLES;

/** Index rows that one parameter makes of one resource. */
export interface OwnRows {
  readonly rid: bigint;
  readonly tk: readonly bigint[];
  readonly rows: StoredRows;
}

const SET_TK = statement(
  'fhir.set-tokens',
  `update resource r set tk = x.tk::bigint[]
   from unnest($2::bigint[], $3::text[]) x(rid, tk)
   where r.rid = x.rid and r.bucket = (x.rid & 63) and r.type = $1 and r.tk <> x.tk::bigint[]`,
);

/** Writes the rows that parameters make, each once, or takes them away. */
export async function writeOwnRows(
  db: Database,
  type: number,
  resources: readonly OwnRows[],
  remove: boolean,
): Promise<void> {
  for (const table of Object.keys(TABLES) as Table[]) {
    const rows = resources.flatMap(({ rid, rows: own }) =>
      // Texts of one parameter have rows of their own, and there the first column.
      (table === 'str'
        ? own.str.map(({ param, texts, raw }) => ({ param, v0: texts[0], raw }))
        : own[table]
      ).map((row) => ({ rid: rid.toString(), ...columnsOf(row) })),
    );
    if (rows.length === 0) continue;
    const json = JSON.stringify(rows);
    await db.run(removeFrom(table), [json]);
    if (!remove) await db.run(addTo(table), [json]);
  }
  await db.run(SET_TK, [
    type,
    resources.map((each) => each.rid),
    resources.map((each) => `{${each.tk.join(',')}}`),
  ]);
}

/** A row as JSON with the columns' names; open ends of dates are infinite. */
function columnsOf(row: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    const column = name === 'value' ? 'val' : name;
    out[column] = typeof value === 'bigint' ? value.toString() : value;
  }
  if ('lower' in out) out.lower ??= '-infinity';
  if ('upper' in out) out.upper ??= 'infinity';
  return out;
}

function namesOf(table: Table): string[] {
  return TABLES[table].split(', ').map((each) => each.split(' ')[0]!);
}

function removeFrom(table: Table) {
  const same = namesOf(table).map((name) => `t.${name} is not distinct from x.${name}`);
  // What an index can find is said with an equals sign.
  const first = table === 'tok' ? 't.hash = x.hash and ' : '';
  return statement(
    `fhir.unindex-${table}`,
    `delete from ${table} t using json_to_recordset($1::json) x(rid bigint, ${TABLES[table]})
     where t.rid = x.rid and ${first}${same.join(' and ')}`,
  );
}

function addTo(table: Table) {
  const names = namesOf(table).join(', ');
  return statement(
    `fhir.index-${table}`,
    `insert into ${table} (rid, bucket, ${names})
     select rid, (rid & 63)::smallint, ${names}
     from json_to_recordset($1::json) x(rid bigint, ${TABLES[table]})`,
  );
}
