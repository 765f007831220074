/**
 * What a unit of work leaves behind, written in one statement just before COMMIT: rows of the
 * trail, events for the outbox, jobs for the queue.
 */

import type { UnitOfWork } from '../app.ts';
import { trailBytes } from '../audit/key.ts';
import {
  type AuditAct,
  type JobToken,
  resourceAwaited,
  type Statement,
  statement,
} from '../sdk/index.ts';

/** Collected while the work runs. */
export interface Leavings {
  readonly events: { name: string; data: unknown }[];
  readonly jobs: {
    job: JobToken<unknown>;
    data: unknown;
    runAt?: Date;
    key?: string;
    queue?: string;
  }[];
  readonly acts: AuditAct[];
  readonly afterCommit: (() => void)[];
}

/** How the acts of a trail are handed over: as lists, or one by its values. */
interface Acts {
  readonly name: string;
  readonly rows: string;
  /** The values $6 to $9 as lists. */
  readonly lists: string;
  readonly isAwaited: string;
}

const MANY: Acts = {
  name: 'audit.append',
  rows: `a.action, a.interaction, a.type, a.resource_id, a.version, a.detail
     from unnest($5::text[], $6::text[], $7::text[], $8::bytea[], $9::int[], $10::text[])
       as a(action, interaction, type, resource_id, version, detail)`,
  lists: '$6, $7, $8, $9',
  isAwaited: 's.type = any($7)',
};

/** Reading a row out of lists costs PostgreSQL as much as writing it. */
const ONE: Acts = {
  name: 'audit.append-one',
  rows: '$5::text, $6::text, $7::text, $8::bytea, $9::int, $10::text',
  lists: 'array[$6::text], array[$7::text], array[$8::bytea], array[$9::int]',
  isAwaited: 's.type = $7::text',
};

/** Events that go along with the trail. */
const TOLD = `,
   told as (
     insert into outbox (name, data, at)
     select e.name, e.data::json, $1
     from unnest($11::text[], $12::text[]) with ordinality as e(name, data, n) order by e.n)`;

/**
 * Writes of a type that a Subscription waits for become events, by a function that is called for
 * those only: naming the outbox here would cost each write as much as a row. Where there are events
 * anyhow, they go along.
 */
function trailOf({ name, rows, lists, isAwaited }: Acts, told: boolean): Statement {
  return statement(
    `${name}${told ? '-telling' : ''}`,
    `with trail as (
     insert into audit_event
       (at, actor_id, actor_kind, request_id, action, interaction, type, resource_id, version, detail)
     select $1, $2::bytea, $3, $4::bytea, ${rows}
     -- The transaction gets its id before a number is drawn: the seal relies on it.
     where pg_current_xact_id() is not null)${told ? TOLD : ''}
   select case when exists (
       select from subscription s where ${isAwaited} and s.status <> 'off')
     then subscription_await('${resourceAwaited.name}', $1, ${lists})
     else false end as awaited`,
  );
}

const [TRAIL, TRAIL_TELLING] = [trailOf(MANY, false), trailOf(MANY, true)];
const [TRAIL_ONE, TRAIL_ONE_TELLING] = [trailOf(ONE, false), trailOf(ONE, true)];

const OUTBOX = statement(
  'jobs.emit',
  `insert into outbox (name, data, at)
   select e.name, e.data::json, $3
   from unnest($1::text[], $2::text[]) with ordinality as e(name, data, n) order by e.n`,
);

/** `after` is the pause in seconds: the queue runs on the database's clock, not on ours. */
const QUEUE = statement(
  'jobs.enqueue',
  `select graphile_worker.add_jobs((
     select array_agg((j.name, j.data::json, j.queue,
       case when j.after > 0 then clock_timestamp() + make_interval(secs => j.after) end,
       j.attempts_max, j.key, null, null)::graphile_worker.job_spec order by j.n)
     from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::int[], $6::text[])
       with ordinality as j(name, data, queue, after, attempts_max, key, n)))`,
);

/** Writes the leavings inside the open transaction, without waiting in between. */
export function flush(unit: UnitOfWork, leavings: Leavings): Promise<unknown> {
  const { acts, events, jobs } = leavings;
  const sent: Promise<unknown>[] = [];
  const told = [events.map(({ name }) => name), events.map(({ data }) => toJson(data))];
  const isTold = events.length > 0;
  if (acts.length > 0) {
    const [one, many] = isTold ? [TRAIL_ONE_TELLING, TRAIL_TELLING] : [TRAIL_ONE, TRAIL];
    const lists = trailValues(unit, acts);
    const values = acts.length > 1 ? lists : lists.map((each) => (isList(each) ? each[0] : each));
    const written = unit.db.one<{ awaited: boolean }>(acts.length > 1 ? many : one, [
      ...values,
      ...(isTold ? told : []),
    ]);
    sent.push(written.then(({ awaited }) => awaited && leavings.afterCommit.push(unit.app.wake)));
  } else if (isTold) sent.push(unit.db.run(OUTBOX, [...told, unit.now]));
  if (jobs.length > 0) sent.push(unit.db.query(QUEUE, queueValues(unit, jobs)));
  return Promise.all(sent);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function trailValues(unit: UnitOfWork, acts: Leavings['acts']): unknown[] {
  return [
    unit.now,
    trailBytes(unit.actor.id),
    unit.actor.kind,
    trailBytes(unit.requestId),
    acts.map((act) => act.action),
    acts.map((act) => act.interaction),
    acts.map((act) => act.type ?? null),
    acts.map((act) => (act.id === undefined ? null : trailBytes(act.id))),
    acts.map((act) => act.version ?? null),
    acts.map((act) => (act.detail ? JSON.stringify(act.detail) : null)),
  ];
}

/** A job replaces an earlier one of its key; the queue cannot take both in one statement. */
function lastOfEachKey(jobs: Leavings['jobs']): Leavings['jobs'] {
  const last = new Map(jobs.map((each) => [each.key, each]));
  return jobs.filter((each) => each.key === undefined || last.get(each.key) === each);
}

function queueValues(unit: UnitOfWork, added: Leavings['jobs']): unknown[] {
  const jobs = lastOfEachKey(added);
  return [
    jobs.map((each) => each.job.name),
    jobs.map((each) => toJson(each.data)),
    jobs.map((each) => each.queue ?? null),
    jobs.map((each) => (each.runAt ? (each.runAt.getTime() - unit.now.getTime()) / 1000 : 0)),
    jobs.map((each) => each.job.attemptsMax),
    jobs.map((each) => each.key ?? null),
  ];
}

/** JSON in which internal ids (bigint) are written as decimal text. */
function toJson(data: unknown): string {
  return JSON.stringify(data, (_key, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}
