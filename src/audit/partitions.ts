/**
 * Partitions of the trail: one a month of UTC, made ahead when the house starts and by a job, so
 * that an old month can be moved to cheap storage and indexes of the present one stay small.
 *
 * Nothing is ever lost for want of a partition: what has none goes to `audit_event_rest`, and is
 * moved, unchanged, when its month is made. A partition is made beside the trail and then attached,
 * because CREATE TABLE … PARTITION OF would lock all of it; attaching lets writers go on. Only
 * writers into the rest wait, for the time of moving, and readers for as long; who does not get that
 * lock soon gives up and tries again with the next run of the job.
 */

import { type Context, type Database, job } from '../sdk/index.ts';

/** Makes the partitions of the coming months. */
export const makeTrailPartitions = job<Record<string, never>>(
  'house.make-trail-partitions',
  'makes the partitions of the trail for the coming months',
);

/** Months that are made before they begin. */
const MONTHS_AHEAD = 2;
/** Months of the rest that one run makes at most: wrong clocks must not make a thousand tables. */
const MONTHS_OF_REST_MAX = 24;

/** Months, as first days, that should have a partition and have none. */
const MISSING = `
  select to_char(m, 'YYYY-MM-DD') as first, to_char(m + interval '1 month', 'YYYY-MM-DD') as next,
         'audit_event_' || to_char(m, 'YYYY_MM') as name,
         exists (select 1 from audit_event_rest
                 where at >= m at time zone 'UTC'
                   and at < (m + interval '1 month') at time zone 'UTC') as in_rest
  from (
    select generate_series(date_trunc('month', $1::timestamptz at time zone 'UTC'),
                           date_trunc('month', $1::timestamptz at time zone 'UTC')
                             + interval '${MONTHS_AHEAD} months', interval '1 month')
    union
    (select distinct date_trunc('month', at at time zone 'UTC') from audit_event_rest
     order by 1 limit ${MONTHS_OF_REST_MAX})) as wanted(m)
  where to_regclass('audit_event_' || to_char(m, 'YYYY_MM')) is null
  order by m`;

interface Month {
  readonly first: string;
  readonly next: string;
  readonly name: string;
  readonly in_rest: boolean;
}

/**
 * Makes what is missing of the present and the coming months, inside the open transaction.
 *
 * @returns names of the partitions made
 */
export async function makePartitions(ctx: Pick<Context, 'db' | 'now'>): Promise<string[]> {
  const { db, now } = ctx;
  await db.query("set local lock_timeout = '5s'");
  // Before anything is read: two who both hold a lock on the rest could not both get the strong one.
  await db.query("select pg_advisory_xact_lock(hashtextextended('audit.partitions', 0))");
  const missing = await db.query<Month>(MISSING, [now]);
  if (missing.some((month) => month.in_rest)) {
    await db.query('lock table audit_event_rest in access exclusive mode');
  }
  for (const month of missing) await makePartition(db, month);
  return missing.map((month) => month.name);
}

async function makePartition(db: Database, { name, first, next }: Month): Promise<void> {
  const from = `'${first} 00:00:00+00'`;
  const to = `'${next} 00:00:00+00'`;
  await db.query(
    `create table ${name} (like audit_event including defaults including constraints)`,
  );
  await db.query(
    `with moved as (
       delete from audit_event_rest where at >= ${from} and at < ${to} returning *)
     insert into ${name} select * from moved`,
  );
  await db.query(
    `alter table audit_event attach partition ${name} for values from (${from}) to (${to})`,
  );
}
