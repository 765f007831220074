/**
 * One instant of the whole database, for exports: a transaction that repeats its reads, on a
 * connection that refuses to write.
 */

import type { App, UnitOfWork } from '../../../app.ts';
import { database } from '../../../database/connect.ts';
import { statement } from '../../../sdk/index.ts';
import { NAMED_STATEMENTS } from '../../../settings.ts';
import { reachConditions } from '../../search/conditions.ts';
import { Values } from '../../search/parts.ts';
import { idOf } from '../../store/content.ts';
import { fhirOf } from '../../types.ts';

/** What a snapshot shows, and how old it surely is. */
export interface Snapshot {
  /** The unit of work, reading from the snapshot. */
  readonly unit: UnitOfWork;
  /**
   * Whatever carries an earlier lastUpdated is in the snapshot: no transaction that began before
   * this instant was still open.
   */
  readonly instant: Date;
}

/** Clocks of several machines differ; an instant is given this much earlier. */
const SKEW_MS = 1000;

/**
 * A transaction gives its resources the instant at which it began, and shows them when it commits;
 * so the age of the oldest open one is taken off.
 */
const OLDEST = statement(
  'bulk.oldest-transaction',
  `select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 as seconds
   from pg_stat_activity
   where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()
     and backend_type = 'client backend'`,
);

/** Runs `work` on a snapshot. */
export async function withSnapshot<Result>(
  unit: UnitOfWork,
  work: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  const { app } = unit;
  const client = await app.readPool.connect();
  let broken = true;
  try {
    const db = database(client, app.settings.get(NAMED_STATEMENTS) === 'on');
    const now = app.clock.now().getTime();
    const { seconds } = await db.one<{ seconds: number }>(OLDEST);
    await db.run('begin isolation level repeatable read read only');
    const instant = new Date(now - Math.ceil(seconds * 1000) - SKEW_MS);
    const result = await work({ unit: onDatabase(app, unit, db), instant });
    await db.run('commit');
    broken = false;
    return result;
  } finally {
    client.release(broken);
  }
}

/** The same unit of work over another database. */
function onDatabase(app: App, unit: UnitOfWork, db: UnitOfWork['db']): UnitOfWork {
  const other = Object.create(unit, { db: { value: db, enumerable: true } }) as UnitOfWork;
  const fhir = app.fhirAccess(other);
  Object.defineProperty(other, 'fhir', { value: fhir });
  return other;
}

const TYPES = statement(
  'bulk.types-stored',
  `select distinct type from resource_other
   union
   select (regexp_match(pg_get_expr(c.relpartbound, c.oid), '\\d+'))[1]::smallint
   from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'resource'::regclass and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'`,
);

/** The types of which there may be stored resources. */
export async function storedTypes(unit: UnitOfWork): Promise<string[]> {
  const rows = await unit.db.query<{ type: number }>(TYPES);
  return rows.flatMap((row) => fhirOf(unit).definitions.typeOfNumber(row.type) ?? []);
}

/** Ids of the resources of a type that were deleted at or after an instant, in portions. */
export async function* deletedSince(
  unit: UnitOfWork,
  type: string,
  since: Date,
  portion: number,
): AsyncGenerator<string[]> {
  const number = fhirOf(unit).definitions.typeNumber(type);
  let after = -1n;
  for (;;) {
    const values = new Values();
    const { text, list } = values.bind(
      `select r.rid, r.content from resource r
       where ${[`r.type = ${number}`, 'r.deleted', ...reachConditions(unit, type, values)].join(' and ')}
         and r.lu >= ${values.add(since, 'timestamptz')} and r.rid > ${values.add(after, 'bigint')}
       order by r.rid limit ${values.add(portion, 'int')}`,
    );
    const rows = await unit.db.query<{ rid: bigint; content: string }>(text, list);
    if (rows.length > 0) yield rows.map((row) => idOf(row.content));
    if (rows.length < portion) return;
    after = rows.at(-1)!.rid;
  }
}
