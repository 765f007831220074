/**
 * Connects to PostgreSQL: a pool whose types are exact (int8 as bigint, numeric and date as text),
 * and the thin `Database` that a unit of work hands to modules.
 *
 * Hot paths use named prepared statements, which cost half of an unnamed one; a pooler in
 * transaction mode cannot keep them, so they can be switched off.
 */

import { Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Database, Statement } from '../sdk/index.ts';
import { parameter } from './arrays.ts';
import { callerHere } from './caller.ts';

const { builtins } = pg.types;

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.INT8]: (text) => BigInt(text),
  [builtins.NUMERIC]: (text) => text,
  [builtins.DATE]: (text) => text,
};

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    const own = format === 'binary' ? undefined : parsers[oid];
    return own ?? pg.types.getTypeParser(oid, format as 'text');
  }) as typeof pg.types.getTypeParser,
};

/** Oldest PostgreSQL that the SQL is written for. */
const VERSION_MIN = 150000;

/** The server is too old; the message is for the operator. */
export class DatabaseTooOld extends Error {}

/**
 * Opens a pool. Connections are made when first needed. With `readOnly`, PostgreSQL itself refuses
 * every write on them, which costs no statement: the connection begins each transaction so. With
 * `pipelined`, a statement is sent without waiting for the answer of the one before, so that what
 * belongs together (begin and the first statement; trail, events and commit) costs one round trip.
 */
export function createPool(
  url: string,
  options: {
    max: number;
    name?: string;
    readOnly?: boolean;
    pipelined?: boolean;
    /** After which PostgreSQL ends a statement; 0 for never. */
    statementSeconds?: number;
  },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    types,
    ...(options.pipelined && { pipeline: true }),
    application_name: options.name ?? `amana:${process.pid}`,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: 30_000,
    options: [
      // Days of instants are those of UTC, whatever an external server is set to.
      '-c timezone=UTC',
      // Planning anew costs more than running what is asked here: two to three times the whole.
      '-c plan_cache_mode=force_generic_plan',
      // Compiling a statement pays from a second on; what is asked here takes milliseconds, but a
      // search of many conditions is estimated dear enough to be compiled anew each time.
      '-c jit=off',
      ...(options.readOnly ? ['-c default_transaction_read_only=on'] : []),
      // A page is found in a millisecond; starting a parallel worker for it takes ten.
      ...(options.readOnly ? ['-c max_parallel_workers_per_gather=0'] : []),
      ...(options.statementSeconds ? [`-c statement_timeout=${options.statementSeconds}s`] : []),
    ].join(' '),
  });
  // A connection that breaks while idle is replaced by the pool; the next query tells the caller.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/**
 * Opens the pool of the job queue, which serialises its job ids as JSON and therefore cannot use
 * our bigint parsing.
 */
export function createQueuePool(url: string, options: { max: number }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: `amana:${process.pid}`,
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** @throws DatabaseTooOld with both versions in the message */
export async function checkVersion(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ number: string; text: string }>(
    `select current_setting('server_version_num') as number,
            current_setting('server_version') as text`,
  );
  if (Number(rows[0]?.number) < VERSION_MIN) {
    throw new DatabaseTooOld(
      `PostgreSQL ${rows[0]?.text} is too old; Amana needs version 15 or newer.`,
    );
  }
}

type Pipelined = pg.PoolClient & { pipeline?: boolean };

/** COPY speaks back and forth: it runs on a connection that waits for each answer meanwhile. */
async function alone<Result>(
  client: Pipelined,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const { pipeline: before } = client;
  if (before) await client.query('select');
  client.pipeline = false;
  try {
    return await work(client);
  } finally {
    client.pipeline = before ?? false;
  }
}

async function* copyOutAlone(client: Pipelined, statement: string): AsyncGenerator<Buffer> {
  const { pipeline: before } = client;
  if (before) await client.query('select');
  client.pipeline = false;
  const stream = client.query(copyTo(statement));
  try {
    yield* stream.iterator({ destroyOnReturn: false });
  } finally {
    // Whoever stops in the middle leaves the rest on its way: the next answer comes after it.
    if (!stream.readableEnded) await finished(stream.resume()).catch(() => {});
    client.pipeline = before ?? false;
  }
}

/**
 * Holds back what is sent on a connection until the work in hand waits for something else, so that
 * several statements leave in one packet. A saving only: nothing depends on it.
 */
export function sentTogether(client: pg.PoolClient): void {
  const stream = streamOf(client);
  if (!stream) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}

function streamOf(client: unknown): Writable | undefined {
  return (client as { connection?: { stream?: Writable } }).connection?.stream;
}

/**
 * Gathers what is sent one after the other without waiting: a packet costs more than most
 * statements take to write.
 */
function gathered(stream: Writable | undefined): () => void {
  let held = false;
  return () => {
    if (!stream || held) return;
    held = true;
    stream.cork();
    process.nextTick(() => {
      held = false;
      stream.uncork();
    });
  };
}

/** Something that runs queries: a pool or one client of it. */
type Runner = Pick<pg.PoolClient, 'query'>;

/** Wraps a client as the `Database` that modules see. */
export function database(runner: Runner, named: boolean): Database {
  const gather = gathered(streamOf(runner));
  const send = async <Row extends object>(
    statement: Statement | string,
    values: readonly unknown[] = [],
  ): Promise<pg.QueryResult<Row>> => {
    callerHere()?.check();
    const sent = values.map(parameter);
    gather();
    if (typeof statement === 'string') return runner.query<Row>(statement, sent);
    return runner.query<Row>({
      ...(named && { name: statement.name }),
      text: statement.text,
      values: sent,
    });
  };
  return {
    async query<Row extends object>(statement: Statement | string, values?: readonly unknown[]) {
      return (await send<Row>(statement, values)).rows;
    },
    async one<Row extends object>(statement: Statement | string, values?: readonly unknown[]) {
      const { rows } = await send<Row>(statement, values);
      if (rows.length !== 1) throw new Error(`${nameOf(statement)}: ${rows.length} rows, not one`);
      return rows[0] as Row;
    },
    async maybe<Row extends object>(statement: Statement | string, values?: readonly unknown[]) {
      const { rows } = await send<Row>(statement, values);
      if (rows.length > 1) throw new Error(`${nameOf(statement)}: ${rows.length} rows, not one`);
      return rows[0];
    },
    async run(statement: Statement | string, values?: readonly unknown[]) {
      return (await send(statement, values)).rowCount ?? 0;
    },
    copyIn: (statement, chunks) =>
      alone(runner as Pipelined, async (client) => {
        const stream = client.query(copyFrom(statement));
        await pipeline(Readable.from(chunks), stream);
        return stream.rowCount;
      }),
    copyOut: (statement) => copyOutAlone(runner as Pipelined, statement),
  };
}

/**
 * Wraps a pool of read-only connections: each statement takes one for as long as it runs, a
 * `copyOut` for as long as it is read.
 */
export function pooledDatabase(pool: pg.Pool, named: boolean): Database {
  return {
    ...database({ query: heldQuery(pool) }, named),
    async copyIn(): Promise<never> {
      throw new Error('a read-only unit of work cannot copy rows in');
    },
    copyOut: (statement) => copyOutOf(pool, statement),
  };
}

/** `pool.query`, with the connection held for the caller while the statement runs. */
function heldQuery(pool: pg.Pool): Runner['query'] {
  const query = async (...statement: Parameters<pg.Pool['query']>): Promise<unknown> => {
    const caller = callerHere();
    if (!caller) return pool.query(...statement);
    const client = await pool.connect();
    let failed: Error | undefined;
    try {
      caller.hold(client, pool);
      caller.check();
      return await client.query(...statement);
    } catch (error) {
      failed = error as Error;
      throw error;
    } finally {
      caller.free(client);
      client.release(failed ?? caller.gone);
    }
  };
  return query as unknown as Runner['query'];
}

async function* copyOutOf(pool: pg.Pool, statement: string): AsyncGenerator<Buffer> {
  const client = await pool.connect();
  let whole = false;
  try {
    // Streams run for as long as somebody reads them.
    await client.query('set statement_timeout = 0');
    yield* client.query(copyTo(statement));
    await client.query('reset statement_timeout');
    whole = true;
  } finally {
    // What was not read to its end would still come down this connection: it is closed.
    client.release(!whole);
  }
}

function nameOf(statement: Statement | string): string {
  return typeof statement === 'string' ? statement.slice(0, 60) : statement.name;
}
