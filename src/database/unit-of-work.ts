/**
 * Unit of work: one actor, one instant, one transaction, one Context.
 *
 * Events, jobs and the trail are collected and written by one statement before COMMIT, so that they
 * exist exactly when the work does. A unit of work holds one connection and never takes a second:
 * a pool of n would hang for ever under n units that each wait for another. A unit that is opened
 * inside another is therefore refused, which also keeps it from reading what the outer one has not
 * yet committed as if it were not there.
 *
 * What only reads has no transaction: its statements go to connections on which PostgreSQL refuses
 * to write. That costs no round trip; BEGIN and COMMIT around a read would cost two.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { App, UnitOfWork, UnitOptions } from '../app.ts';
import {
  type Actor,
  type AuditAct,
  type Context,
  type EventToken,
  type ExtensionPoint,
  type JobToken,
  newUuid,
  type Permission,
  problem,
} from '../sdk/index.ts';
import { NAMED_STATEMENTS } from '../settings.ts';
import { Abandoned, callerHere, serving } from './caller.ts';
import { database, pooledDatabase, sentTogether } from './connect.ts';
import { flush, type Leavings } from './flush.ts';
import { withReaders } from './readers.ts';
import { refreshStatistics } from './statistics.ts';

/** The commit's answer was lost: the work may or may not have happened. */
export class CommitUnknown extends Error {}

/** The actor of jobs, the clock and start-up. */
export const SYSTEM: Actor = {
  id: 'system',
  name: 'System',
  kind: 'system',
  permissions: new Set(['*']),
  reach: { areas: 'all', schemes: 'all' },
};

/** A unit of work was opened inside another: a bug of the caller, who has one already. */
export class UnitInsideUnit extends Error {}

/** The unit of work of this call chain; what outlives it (a timer, a hook) is free again. */
const chain = new AsyncLocalStorage<{ readonly requestId: string | undefined; open: boolean }>();

/**
 * Runs `work` as one unit of work and answers what it answers.
 *
 * @throws whatever `work` throws, after rolling back; CommitUnknown when COMMIT got no answer;
 *   UnitInsideUnit when this call chain is in a unit of work already
 */
export async function runUnitOfWork<Result>(
  app: App,
  actor: Actor,
  options: UnitOptions,
  work: (unit: UnitOfWork) => Promise<Result>,
): Promise<Result> {
  const outer = chain.getStore();
  if (outer?.open) {
    throw new UnitInsideUnit(
      `A unit of work (request ${outer.requestId ?? 'unnamed'}) is open here: use its Context. ` +
        'A second one would need a second connection while the first holds one.',
    );
  }
  const link = { requestId: options.requestId, open: true };
  const done = (): void => {
    link.open = false;
  };
  return chain.run(link, async () => {
    try {
      if (options.readOnly) return await work(readOnlyUnit(app, actor, options));
      return await onConnection(app, actor, options, work, done);
    } finally {
      done();
    }
  });
}

async function onConnection<Result>(
  app: App,
  actor: Actor,
  options: UnitOptions,
  work: (unit: UnitOfWork) => Promise<Result>,
  done: () => void,
): Promise<Result> {
  const client = await app.pool.connect();
  const caller = callerHere();
  const leavings: Leavings = { events: [], jobs: [], acts: [], afterCommit: [] };
  let broken: Error | undefined;
  let result: Result;
  try {
    caller?.hold(client, app.pool);
    caller?.check();
    result = await inTransaction(app, actor, options, client, leavings, work);
  } catch (error) {
    if (error instanceof CommitUnknown) broken = error;
    else if (caller?.gone) broken = new Abandoned('The caller has gone.');
    throw error;
  } finally {
    caller?.free(client);
    client.release(broken);
    done();
  }
  if (!options.rolledBack) serving(undefined, () => afterwards(app, leavings));
  return result;
}

async function inTransaction<Result>(
  app: App,
  actor: Actor,
  options: UnitOptions,
  client: PoolClient,
  leavings: Leavings,
  work: (unit: UnitOfWork) => Promise<Result>,
): Promise<Result> {
  sentTogether(client);
  const begun = client.query('begin');
  // Awaited below; what fails before that must not go unheard.
  begun.catch(() => {});
  let result: Result;
  let left: Promise<unknown>;
  try {
    const unit = makeUnit(app, actor, options, client, leavings);
    result = await work(unit);
    await begun;
    const caller = callerHere();
    caller?.check();
    // What is being committed stands, whoever waits.
    caller?.free(client);
    sentTogether(client);
    left = flush(unit, leavings);
    if (options.rolledBack) await left;
  } catch (error) {
    // The connection of a caller who has gone is closed, which rolls back as well.
    if (!callerHere()?.gone) await rollBack(client);
    throw error;
  }
  if (options.rolledBack) await rollBack(client);
  else await commit(client, left);
  return result;
}

/** The work is done whatever becomes of a hook: a hook that throws is logged, not told the caller. */
function afterwards(app: App, leavings: Leavings): void {
  for (const run of leavings.afterCommit) {
    try {
      run();
    } catch (error) {
      app.log.error('a hook after the commit failed', {}, error);
    }
  }
  if (leavings.jobs.length > 0 || leavings.events.some(({ name }) => isAwaited(app, name))) {
    app.wake();
  }
}

/** Whether anybody waits for an event: the dispatcher finds the others by its own clock. */
function isAwaited(app: App, name: string): boolean {
  const { reactions, reactionsByEvent } = app.registers;
  return (reactionsByEvent.get(name) ?? []).some((key) => !reactions.get(key)?.gathers);
}

async function rollBack(client: PoolClient): Promise<void> {
  // A connection that is already gone has rolled back by itself.
  await client.query('rollback').catch(() => {});
}

/**
 * Commits, with the leavings sent just before. When one of those fails, PostgreSQL answers the
 * commit with a rollback.
 */
async function commit(client: PoolClient, left: Promise<unknown>): Promise<void> {
  left.catch(() => {});
  let tag: string | undefined;
  try {
    tag = (await client.query('commit')).command;
  } catch (error) {
    throw new CommitUnknown('The database did not answer the commit.', { cause: error });
  }
  await left;
  // PostgreSQL answers ROLLBACK to a COMMIT of a transaction in which a statement had failed.
  if (tag !== 'COMMIT') throw new Error('The transaction had failed and was rolled back.');
}

function readOnlyUnit(app: App, actor: Actor, options: UnitOptions): UnitOfWork {
  const leavings: Leavings = { events: [], jobs: [], acts: [], afterCommit: [] };
  const unit = makeUnit(app, actor, options, undefined, leavings);
  const refuse = (): never => {
    throw new Error('a read-only unit of work cannot emit, enqueue or audit');
  };
  return Object.assign(unit, {
    emit: refuse,
    enqueue: refuse,
    audit: refuse,
    afterCommit: refuse,
  });
}

function makeUnit(
  app: App,
  actor: Actor,
  options: UnitOptions,
  client: PoolClient | undefined,
  leavings: Leavings,
): UnitOfWork {
  const now = app.clock.now();
  const named = app.settings.get(NAMED_STATEMENTS) === 'on';
  const may = (permission: Permission): boolean =>
    actor.permissions.has('*') || actor.permissions.has(permission.name);
  const context: Omit<UnitOfWork, 'fhir'> = {
    app,
    client,
    readOnly: options.readOnly ?? false,
    actor,
    now,
    requestId: options.requestId ?? randomUUID(),
    db: client ? database(client, named) : pooledDatabase(app.readPool, named),
    log: app.log,
    newId: () => newUuid(now),
    may,
    demand(permission) {
      if (!may(permission)) throw lacking(permission);
    },
    emit<Data>(event: EventToken<Data>, data: Data) {
      if (app.registers.reactionsByEvent.has(event.name)) {
        leavings.events.push({ name: event.name, data });
      }
    },
    enqueue<Data>(job: JobToken<Data>, data: Data, how: Parameters<Context['enqueue']>[2] = {}) {
      leavings.jobs.push({ job: job as JobToken<unknown>, data, ...how });
    },
    parts: <Part>(point: ExtensionPoint<Part>) =>
      (app.registers.contributions.get(point.name) ?? []) as readonly Part[],
    setting: (wanted) => app.settings.get(wanted),
    audit(act: AuditAct) {
      leavings.acts.push(act);
    },
    afterCommit(run) {
      leavings.afterCommit.push(run);
    },
    async freshStatistics(relations) {
      await refreshStatistics(app.queuePool, app.log, relations);
    },
    readers: (count, work) => (client ? withReaders(app.pool, context.db, count, work) : work([])),
  };
  const unit = context as UnitOfWork;
  let fhir: UnitOfWork['fhir'] | undefined;
  Object.defineProperty(unit, 'fhir', {
    get: () => {
      fhir ??= app.fhirAccess(unit);
      return fhir;
    },
  });
  return unit;
}

function lacking(permission: Permission) {
  return problem(
    'forbidden',
    'permission-missing',
    `This needs the permission "${permission.name}" (${permission.allows}); ask an administrator.`,
  );
}
