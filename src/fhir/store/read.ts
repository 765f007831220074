/**
 * Reads stored resources: current rows by id or rid, one version, and history.
 */

import type { UnitOfWork } from '../../app.ts';
import { bucketOf, idKey, type Statement, statement } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { isLimited } from '../search/narrow.ts';
import { pastInReach } from '../search/past.ts';
import { inReach } from '../search/reach.ts';
import { type FhirHouse, fhirOf, type StoredRow } from '../types.ts';
import { decompress } from './compress.ts';
import { hasId, idOf } from './content.ts';

const COLUMNS = 'rid, ver, lu, deleted, content';

/** Statements with the type as a constant, so that the planner prunes the partitions. */
const byId = new Map<string, Statement>();

function rowsById(number: number, lock: boolean): Statement {
  const key = `${number}${lock ? 'L' : ''}`;
  let found = byId.get(key);
  if (!found) {
    // Rows are locked in one order, or two bundles would wait for each other.
    found = statement(
      `fhir.by-id-${key}`,
      `select ${COLUMNS}, id as key from resource
       where type = ${number} and id = any($1::uuid[]) and bucket = any($2::smallint[])
       ${lock ? 'order by rid for update' : ''}`,
    );
    byId.set(key, found);
  }
  return found;
}

/** Current rows (deleted ones too) of a type by FHIR id; `lock` holds them until commit. */
export async function loadRows(
  unit: UnitOfWork,
  type: string,
  ids: readonly string[],
  lock = false,
): Promise<Map<string, StoredRow>> {
  const found = new Map<string, StoredRow>();
  if (ids.length === 0) return found;
  const { definitions } = fhirOf(unit);
  const keys = ids.map(idKey);
  const buckets = [...new Set(keys.map(bucketOf))];
  const rows = await unit.db.query<Omit<StoredRow, 'id'>>(
    rowsById(definitions.typeNumber(type), lock),
    [keys, buckets],
  );
  const wanted = new Set(ids);
  for (const row of rows) {
    const id = idOf(row.content);
    if (wanted.has(id)) found.set(id, { ...row, id });
  }
  return found;
}

const ONE = new Map<number, Statement>();

/**
 * The current row of one resource; undefined when there has never been one, or when it is beyond
 * the actor's reach: the two look alike.
 */
export async function loadRow(
  unit: UnitOfWork,
  type: string,
  id: string,
): Promise<StoredRow | undefined> {
  const number = fhirOf(unit).definitions.typeNumber(type);
  let one = ONE.get(number);
  if (!one) {
    one = statement(
      `fhir.one-${number}`,
      `select ${COLUMNS} from resource where type = ${number} and id = $1 and bucket = $2`,
    );
    ONE.set(number, one);
  }
  const key = idKey(id);
  const row = await unit.db.maybe<Omit<StoredRow, 'id'>>(one, [key, bucketOf(key)]);
  if (!row || !hasId(row.content, type, id)) return undefined;
  if (isLimited(unit, type) && !(await inReach(unit, type, [row.rid])).has(row.rid)) {
    return undefined;
  }
  return { ...row, id };
}

const BY_RID = statement(
  'fhir.by-rid',
  `select ${COLUMNS} from unnest($1::bigint[]) x(wanted)
   join resource r on r.rid = x.wanted and r.bucket = (x.wanted & 63) and r.type = $2
   where not r.deleted`,
);

/** Current, undeleted rows of a type by internal id, as far as the actor reaches. */
export async function loadRowsByRid(
  unit: UnitOfWork,
  type: string,
  rids: readonly bigint[],
): Promise<StoredRow[]> {
  if (rids.length === 0) return [];
  const rows = await unit.db.query<Omit<StoredRow, 'id'>>(BY_RID, [
    rids,
    fhirOf(unit).definitions.typeNumber(type),
  ]);
  const seen = await inReach(
    unit,
    type,
    rows.map((row) => row.rid),
  );
  return rows.filter((row) => seen.has(row.rid)).map((row) => ({ ...row, id: idOf(row.content) }));
}

/** A version of a resource, as history shows it. */
export interface Version {
  readonly type: string;
  readonly id: string;
  readonly ver: number;
  readonly lu: Date;
  readonly method: 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  /** Content; of a deletion only id and meta. */
  readonly content: string;
  readonly rid: bigint;
}

/** Codes of `history.method`. */
export const METHODS = ['', 'POST', 'PUT', 'DELETE', 'PATCH'] as const;

const OLD_VERSION = statement(
  'fhir.old-version',
  'select method, lu, content from history where rid = $1 and ver = $2 and bucket = ($1 & 63)',
);

/** One version; undefined when there is no such version. */
export async function loadVersion(
  unit: UnitOfWork,
  type: string,
  id: string,
  version: number,
): Promise<Version | undefined> {
  const row = await loadRow(unit, type, id);
  if (!row || version > row.ver || version < 1) return undefined;
  if (row.ver === version) {
    return {
      type,
      id,
      ver: row.ver,
      lu: row.lu,
      method: methodOf(row),
      content: row.content,
      rid: row.rid,
    };
  }
  const old = await unit.db.maybe<{ method: number; lu: Date; content: Buffer }>(OLD_VERSION, [
    row.rid,
    version,
  ]);
  if (!old) return undefined;
  const content = decompress(old.content);
  const method = METHODS[old.method] as 'PUT';
  const found = { type, id, ver: version, lu: old.lu, method, content, rid: row.rid };
  return (await pastInReach(unit, [found]))[0];
}

function methodOf(row: { ver: number; deleted: boolean }): Version['method'] {
  return row.deleted ? 'DELETE' : row.ver === 1 ? 'POST' : 'PUT';
}

/** What history to read. */
export interface HistoryQuery {
  readonly type?: string;
  readonly rid?: bigint;
  readonly since?: Date;
  /** Only versions that were current at some point of this time (`to` excluded). */
  readonly at?: { readonly from: Date; readonly to: Date };
  /** Keyset: strictly before this version in (lu, rid, ver) order, newest first. */
  readonly before?: { readonly lu: Date; readonly rid: bigint; readonly ver: number };
  readonly limit: number;
}

interface HistoryRow {
  readonly type: number;
  readonly rid: bigint;
  readonly ver: number;
  readonly lu: Date;
  readonly deleted: boolean;
  readonly method: number | null;
  readonly content: string | null;
  readonly packed: Buffer | null;
}

/**
 * Versions of an instance, a type or everything, newest first, from both tables, as far as the
 * actor reaches.
 */
export async function loadHistory(unit: UnitOfWork, query: HistoryQuery): Promise<Version[]> {
  const seen: Version[] = [];
  let before = query.before;
  for (;;) {
    const page = await historyPage(unit, { ...query, ...(before && { before }) });
    seen.push(...(await versionsInReach(unit, page)));
    const last = page.at(-1);
    if (!last || page.length < query.limit || seen.length >= query.limit) break;
    before = { lu: last.lu, rid: last.rid, ver: last.ver };
  }
  return seen.slice(0, query.limit);
}

async function versionsInReach(unit: UnitOfWork, page: readonly Version[]): Promise<Version[]> {
  const types = new Set(page.map((each) => each.type));
  if (![...types].some((type) => isLimited(unit, type))) return [...page];
  const seen = new Set<bigint>();
  for (const [type, group] of Map.groupBy(page, (each) => each.type)) {
    if (!mayRead(unit, type)) continue;
    const rids = [...new Set(group.map((each) => each.rid))];
    for (const rid of await inReach(unit, type, rids)) seen.add(rid);
  }
  return pastInReach(
    unit,
    page.filter((each) => seen.has(each.rid)),
  );
}

async function historyPage(unit: UnitOfWork, query: HistoryQuery): Promise<Version[]> {
  const house = fhirOf(unit);
  const values: unknown[] = [query.limit];
  const add = (value: unknown): string => `$${values.push(value)}`;
  const conditions: string[] = [];
  if (query.type) conditions.push(`type = ${house.definitions.typeNumber(query.type)}`);
  if (query.rid !== undefined) {
    conditions.push(`rid = ${add(query.rid)}::bigint`, `bucket = ${Number(query.rid & 63n)}`);
  }
  if (query.since) conditions.push(`lu >= ${add(query.since)}`);
  if (query.at) conditions.push(`lu < ${add(query.at.to)}`);
  // A version ends when the next one begins, which stands in either table.
  const from = query.at && add(query.at.from);
  const lasted = from
    ? ['resource', 'history'].map(
        (table) =>
          `not exists (select from ${table} n where n.type = h.type and n.rid = h.rid
             and n.bucket = h.bucket and n.ver = h.ver + 1 and n.lu <= ${from})`,
      )
    : [];
  if (query.before) {
    const { lu, rid, ver } = query.before;
    conditions.push(
      `(lu, rid, ver) < (${add(lu)}::timestamptz, ${add(rid)}::bigint, ${add(ver)}::int)`,
    );
  }
  const where = (all: readonly string[]): string =>
    all.length > 0 ? `where ${all.join(' and ')}` : '';
  const order = 'order by lu desc, rid desc, ver desc limit $1';
  const rows = await unit.db.query<HistoryRow>(
    `(select type, rid, ver, lu, deleted, null::smallint as method, content, null::bytea as packed
      from resource ${where(conditions)} ${order})
     union all
     (select type, rid, ver, lu, method = 3, method, null, content from history h
      ${where([...conditions, ...lasted])} ${order})
     ${order}`,
    values,
  );
  return rows.map((row) => asVersion(house, row));
}

function asVersion(house: FhirHouse, row: HistoryRow): Version {
  const content = row.content ?? decompress(row.packed!);
  return {
    type: house.definitions.typeOfNumber(row.type)!,
    id: idOf(content),
    ver: row.ver,
    lu: row.lu,
    method: row.method === null ? methodOf(row) : (METHODS[row.method] as 'PUT'),
    content,
    rid: row.rid,
  };
}
