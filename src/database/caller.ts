/**
 * Who waits for the work in hand. When it goes away before it has its answer, what runs for it in
 * PostgreSQL is cancelled, its unit of work is rolled back, and its connection is closed rather than
 * used again, so that a late cancellation cannot meet the work of somebody else.
 *
 * Work that nobody waits for (jobs, hooks after a commit, callbacks of payment providers, which are
 * kept whether or not the sender hears so) has no caller.
 *
 * Spec: https://www.postgresql.org/docs/current/functions-admin.html (pg_cancel_backend)
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { limitAnswers } from './answer-size.ts';

/** The caller has gone; nobody hears this. */
export class Abandoned extends Error {}

const callers = new AsyncLocalStorage<Caller | undefined>();

/** Somebody who waits for an answer. */
export class Caller {
  readonly #held = new Map<pg.PoolClient, pg.Pool>();
  #gone = false;

  get gone(): boolean {
    return this.#gone;
  }

  /** @throws Abandoned when nobody waits any more */
  check(): void {
    if (this.#gone) throw new Abandoned('The caller has gone.');
  }

  /** From here on `client` works for this caller. */
  hold(client: pg.PoolClient, pool: pg.Pool): void {
    this.#held.set(client, pool);
    limitAnswers(client, true);
  }

  /** What `client` does from here on is done whether or not the caller waits. */
  free(client: pg.PoolClient): void {
    this.#held.delete(client);
    limitAnswers(client, false);
  }

  /** The caller has gone: cancels what runs for it. */
  leave(failed: (error: unknown) => void): void {
    this.#gone = true;
    for (const [client, pool] of this.#held) cancel(client, pool).catch(failed);
  }
}

/** The caller of this call chain; undefined where nobody waits. */
export function callerHere(): Caller | undefined {
  return callers.getStore();
}

/** Runs `work` for a caller, or for nobody. */
export function serving<Result>(caller: Caller | undefined, work: () => Result): Result {
  return callers.run(caller, work);
}

/** Cancels what runs on a connection, over one of its own: the pools may be full of what is to be cancelled. */
export async function cancel(client: pg.PoolClient, pool: pg.Pool): Promise<void> {
  const { processID } = client as unknown as { processID: number | null };
  if (processID === null) return;
  const other = new pg.Client({ ...pool.options, application_name: `amana:${process.pid}:cancel` });
  other.on('error', () => {});
  await other.connect();
  try {
    await other.query('select pg_cancel_backend($1)', [processID]);
  } finally {
    await other.end();
  }
}
