/**
 * The outbox: events written with the work that caused them, handed on to the job queue in batches
 * after it has committed.
 *
 * The dispatcher deletes a batch and adds the jobs of its reactions in one transaction: an event
 * is either still in the outbox or in the queue, whatever crashes when. A reaction gets up to 200
 * events at once, so that an import of a million households is not a million jobs.
 */

import type { App } from '../app.ts';
import { database } from '../database/connect.ts';
import { job } from '../sdk/index.ts';
import { ADD_GATHER, GATHER_SECONDS } from './gather.ts';

/** Events that one job hands to a reaction. */
const EVENTS_PER_JOB = 200;
/** Events taken from the outbox at once. */
const EVENTS_PER_TURN = 2000;

/** Runs one reaction over a batch of events. */
export const react = job<{ reaction: string; events: unknown[] }>(
  'house.react',
  'runs one reaction over a batch of events',
);

interface OutboxRow {
  readonly name: string;
  readonly data: unknown;
}

const TAKE = `
  with taken as (
    delete from outbox where seq in (
      select seq from outbox order by seq limit ${EVENTS_PER_TURN} for update skip locked)
    returning seq, name, data)
  select name, data from taken order by seq`;

const ADD = `
  select graphile_worker.add_jobs((
    select array_agg((
      '${react.name}', j.data::json, null, null, ${react.attemptsMax}, null, null, null
    )::graphile_worker.job_spec order by j.n)
    from unnest($1::text[]) with ordinality as j(data, n)))`;

const GATHER = `
  insert into gathered (reaction, data)
  select * from unnest($1::text[], $2::json[]) as e(reaction, data)`;

/**
 * Moves one batch of events from the outbox to the queue.
 *
 * @param gatherSeconds how long events of gathering reactions wait for others
 * @returns number of events moved
 */
export async function dispatch(app: App, gatherSeconds = 0): Promise<number> {
  const client = await app.pool.connect();
  try {
    await client.query('begin');
    const db = database(client, false);
    const events = await db.query<OutboxRow>(TAKE);
    const jobs = batches(app, events);
    if (jobs.length > 0) await db.query(ADD, [jobs.map((each) => JSON.stringify(each))]);
    const waiting = gatheredOf(app, events);
    if (waiting.length > 0) {
      const reactions = waiting.map(({ reaction }) => reaction);
      await db.query(GATHER, [reactions, waiting.map(({ data }) => JSON.stringify(data))]);
      await db.query(ADD_GATHER, [[...new Set(reactions)], gatherSeconds]);
    }
    await client.query('commit');
    return events.length;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

function batches(
  app: App,
  events: readonly OutboxRow[],
): { reaction: string; events: unknown[] }[] {
  const byName = Map.groupBy(events, (event) => event.name);
  const jobs: { reaction: string; events: unknown[] }[] = [];
  for (const [name, rows] of byName) {
    for (const reaction of app.registers.reactionsByEvent.get(name) ?? []) {
      if (app.registers.reactions.get(reaction)?.gathers) continue;
      for (let from = 0; from < rows.length; from += EVENTS_PER_JOB) {
        jobs.push({
          reaction,
          events: rows.slice(from, from + EVENTS_PER_JOB).map((row) => row.data),
        });
      }
    }
  }
  return jobs;
}

/** Events of gathering reactions, by reaction. */
function gatheredOf(app: App, events: readonly OutboxRow[]): { reaction: string; data: unknown }[] {
  return events.flatMap(({ name, data }) =>
    (app.registers.reactionsByEvent.get(name) ?? [])
      .filter((reaction) => app.registers.reactions.get(reaction)?.gathers)
      .map((reaction) => ({ reaction, data })),
  );
}

/** Keeps dispatching: at once when woken, and each second for events of other processes. */
export function startDispatcher(app: App): { wake(): void; stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  const turn = async (): Promise<void> => {
    do {
      again = false;
      try {
        while (!stopped && (await dispatch(app, GATHER_SECONDS)) > 0);
      } catch (error) {
        app.log.error('outbox could not be dispatched', {}, error);
      }
    } while (again && !stopped);
    running = undefined;
  };
  const wake = (): void => {
    again = true;
    if (!stopped) running ??= turn();
  };
  const timer = setInterval(wake, 1000);
  return {
    wake,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
