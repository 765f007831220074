/**
 * Jobs of a process that was killed are taken up again within seconds.
 *
 * The queue marks a job with the pool of workers that has it and would wait four hours before it
 * believes that the pool is gone; a batch of payments must not wait so long. So each pool holds an
 * advisory lock under its name on a connection of its process: PostgreSQL lets go of it when the
 * process dies, and any other process then frees the jobs of pools whose lock nobody holds.
 * Should a living process lose that connection at the wrong moment, a job of it may run twice,
 * which jobs bear.
 */

import { EventEmitter } from 'node:events';
import type { WorkerEvents } from 'graphile-worker';
import type { PoolClient } from 'pg';
import type { App } from '../app.ts';

/** A pool may have a job before its lock is seen, but not for longer than this. */
const GRACE_SECONDS = 10;
const LOOK_EVERY_SECONDS = 10;

const HOLD = `select pg_advisory_lock_shared(hashtextextended('amana.worker.' || $1, 0))`;

/** Frees what pools hold that are not alive; a bigint lock stands in pg_locks in two halves. */
const FREE = `
  with held as (
    select locked_by, locked_at from graphile_worker._private_jobs where locked_by is not null
    union all
    select locked_by, locked_at from graphile_worker._private_job_queues
    where locked_by is not null
  ), lost as (
    select locked_by from held
    where not exists (
      select 1 from pg_locks l
      where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.database = (select oid from pg_database where datname = current_database())
        and ((l.classid::bigint << 32) | l.objid::bigint)
            = hashtextextended('amana.worker.' || held.locked_by, 0))
    group by locked_by
    having max(locked_at) < clock_timestamp() - make_interval(secs => $1)
  )
  select count(*)::int as lost, graphile_worker.force_unlock_workers(array_agg(locked_by))
  from lost having count(*) > 0`;

/**
 * Frees jobs of workers that are gone with their process.
 *
 * @param graceSeconds  jobs that were taken within this time are left alone
 * @returns number of pools whose jobs were freed
 */
export async function freeLostJobs(app: App, graceSeconds = GRACE_SECONDS): Promise<number> {
  const { rows } = await app.queuePool.query<{ lost: number }>(FREE, [graceSeconds]);
  return rows[0]?.lost ?? 0;
}

/** The life of this process's workers. */
export interface Life {
  /** Where the queue tells of a new pool. */
  readonly events: WorkerEvents;
  stop(): Promise<void>;
}

/** Holds a lock for each pool that the queue makes, and looks after lost jobs. */
export function showLife(app: App): Life {
  const events = new EventEmitter() as WorkerEvents;
  const pools: string[] = [];
  let client: PoolClient | undefined;
  let stopped = false;
  let turn = Promise.resolve();
  const hold = async (): Promise<void> => {
    if (client) return;
    const fresh = await app.queuePool.connect();
    fresh.once('end', () => {
      client = undefined;
    });
    client = fresh;
    for (const id of pools) await fresh.query(HOLD, [id]);
  };
  const look = async (): Promise<void> => {
    if (stopped) return;
    try {
      await hold();
      const lost = await freeLostJobs(app);
      if (lost > 0) app.log.warn('freed the jobs of workers that are gone', { pools: lost });
    } catch (error) {
      app.log.error('lost jobs could not be looked after', {}, error);
    }
  };
  const next = (work: () => Promise<void>): void => {
    turn = turn.then(work);
  };
  events.on('pool:create', ({ workerPool }) => {
    pools.push(workerPool.id);
    next(async () => {
      if (client) await client.query(HOLD, [workerPool.id]).catch(() => {});
      else await look();
    });
  });
  const timer = setInterval(() => next(look), LOOK_EVERY_SECONDS * 1000);
  return {
    events,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await turn;
      // The locks go with the connection.
      client?.release(true);
    },
  };
}
