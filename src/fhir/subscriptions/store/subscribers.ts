/**
 * SQL of subscriptions: what each waits for, which events matched, and how far each endpoint has
 * taken them.
 *
 * Numbers of events are drawn under the lock of the subscription's row, so that they have no gap.
 * Whether something is left to send is decided from that row alone (`matched > handled`): an event
 * that comes while another is being sent cannot be overlooked.
 */

import { type Context, columns, type Scope, statement } from '../../../sdk/index.ts';

/** A subscription as it is sent to. */
export interface Subscriber {
  readonly rid: bigint;
  readonly id: string;
  readonly version: number;
  readonly status: 'requested' | 'active' | 'error' | 'off';
  /** Actor id. */
  readonly author: string;
  readonly scopes: readonly Scope[] | null;
  readonly type: string | null;
  readonly query: string | null;
  readonly topic: string | null;
  readonly filters: readonly Filter[] | null;
  readonly endpoint: string;
  /** MIME type of what is sent; null: nothing is. */
  readonly payload: string | null;
  readonly content: 'empty' | 'id-only' | 'full-resource';
  readonly heartbeat_seconds: number | null;
  readonly timeout_seconds: number | null;
  readonly events_max: number;
  readonly ends_at: Date | null;
  readonly matched: bigint;
  readonly handled: bigint;
  readonly failures: number;
  readonly failing_since: Date | null;
  /** When the endpoint last took something. */
  readonly sent_at: Date | null;
}

/** A search that the focus of a topic's event must meet. */
export interface Filter {
  readonly type: string;
  readonly query: string;
}

/** What a Subscription says, in columns; see the migration. */
export type Wanted = Pick<
  Subscriber,
  | 'rid'
  | 'id'
  | 'version'
  | 'status'
  | 'type'
  | 'query'
  | 'topic'
  | 'filters'
  | 'endpoint'
  | 'payload'
  | 'content'
  | 'heartbeat_seconds'
  | 'timeout_seconds'
  | 'events_max'
  | 'ends_at'
> & {
  /** What a resource must have to meet the query, any of it; see `needs.ts`. */
  readonly needs: readonly string[] | null;
};

const WANTED = [
  'rid',
  'id',
  'version',
  'status',
  'type',
  'query',
  'topic',
  'filters',
  'endpoint',
  'payload',
  'content',
  'heartbeat_seconds',
  'timeout_seconds',
  'events_max',
  'ends_at',
  'needs',
] as const;

/** A Subscription that is requested begins anew: what failed before is forgotten, what waits stays. */
const KEEP = statement(
  'subscriptions.keep',
  `insert into subscription as s
     (rid, id, version, status, type, query, topic, filters, endpoint, payload, content,
      heartbeat_seconds, timeout_seconds, events_max, ends_at, needs, author, scopes, due_at)
   select w.rid, w.id, w.version, w.status, w.type, w.query, w.topic, w.filters, w.endpoint,
     w.payload, w.content, w.heartbeat, w.timeout, w.events_max, w.ends_at, w.needs::text[],
     $17, $18::json, case when w.status = 'requested' then $19::timestamptz end
   from unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
     $8::json[], $9::text[], $10::text[], $11::text[], $12::int[], $13::int[], $14::int[],
     $15::timestamptz[], $16::text[])
     w (rid, id, version, status, type, query, topic, filters, endpoint, payload, content,
       heartbeat, timeout, events_max, ends_at, needs)
   on conflict (rid) do update set
     id = excluded.id, version = excluded.version, status = excluded.status,
     type = excluded.type, query = excluded.query, topic = excluded.topic,
     filters = excluded.filters, endpoint = excluded.endpoint, payload = excluded.payload,
     content = excluded.content, heartbeat_seconds = excluded.heartbeat_seconds,
     timeout_seconds = excluded.timeout_seconds, events_max = excluded.events_max,
     ends_at = excluded.ends_at,
     needs = case when $20 then s.needs else excluded.needs end,
     author = case when $20 then s.author else excluded.author end,
     scopes = case when $20 then s.scopes else excluded.scopes end,
     handled = case when s.status = 'off' then s.matched else s.handled end,
     due_at = case excluded.status when 'requested' then excluded.due_at
       when 'active' then s.due_at end,
     failures = case when excluded.status = 'requested' then 0 else s.failures end,
     failing_since = case when excluded.status <> 'requested' then s.failing_since end`,
);

/**
 * Keeps what Subscriptions say.
 *
 * @param byServer  the server itself writes: the author stays
 */
export async function keepWanted(
  ctx: Context,
  wanted: readonly Wanted[],
  byServer: boolean,
): Promise<void> {
  const { id, scopes } = ctx.actor;
  const plain = wanted.map((each) => ({
    ...each,
    filters: each.filters && JSON.stringify(each.filters),
    // Needs have no character that an array's text would have to quote.
    needs: each.needs && `{${each.needs.join(',')}}`,
  }));
  await ctx.db.run(KEEP, [
    ...columns(plain, WANTED),
    ...[id, scopes ? JSON.stringify(scopes) : null, ctx.now, byServer],
  ]);
}

/** Forgets deleted Subscriptions with their events and secrets. */
export async function forget(ctx: Context, rids: readonly bigint[], ids: readonly string[]) {
  await ctx.db.run('delete from subscription where rid = any($1::bigint[])', [rids]);
  await ctx.db.run('delete from subscription_secret where id = any($1::text[])', [ids]);
}

/** The actor who wrote a Subscription last; undefined when there is none of this id. */
export async function authorOf(ctx: Context, id: string): Promise<string | undefined> {
  const row = await ctx.db.maybe<{ author: string }>(
    'select author from subscription where id = $1',
    [id],
  );
  return row?.author;
}

const COLUMNS = `s.rid, s.id, s.version, s.status, s.author, s.scopes, s.type, s.query, s.topic,
  s.filters, s.endpoint, s.payload, s.content, s.heartbeat_seconds, s.timeout_seconds, s.events_max,
  s.ends_at, s.matched, s.handled, s.failures, s.failing_since, s.sent_at`;

/**
 * Subscriptions to searches of a type that collect events and may be met by what has been written.
 *
 * @param offered  what the written resources have; see `needs.ts`
 */
export function listening(
  ctx: Context,
  type: string,
  offered: readonly string[],
): Promise<Subscriber[]> {
  return ctx.db.query<Subscriber>(
    statement(
      'subscriptions.listening',
      `select ${COLUMNS} from subscription s
       where s.type = $1 and s.status <> 'off' and (s.ends_at is null or s.ends_at > $2)
         and (s.needs is null or s.needs && $3::text[])
       order by s.rid`,
    ),
    [type, ctx.now, offered],
  );
}

/** Subscriptions to a topic that collect events. */
export function listeningToTopic(ctx: Context, url: string): Promise<Subscriber[]> {
  return ctx.db.query<Subscriber>(
    statement(
      'subscriptions.listening-topic',
      `select ${COLUMNS} from subscription s
       where s.topic = $1 and s.status <> 'off' and (s.ends_at is null or s.ends_at > $2)
       order by s.rid`,
    ),
    [url, ctx.now],
  );
}

/** Gives subscriptions a turn although nothing has matched. */
export async function wake(ctx: Context, rids: readonly bigint[]): Promise<void> {
  await ctx.db.run(
    `update subscription set due_at = least(due_at, $2)
     where rid = any($1::bigint[]) and status = 'active'`,
    [rids, ctx.now],
  );
}

/** An event that matched a subscription. */
export interface Matched {
  readonly rid: bigint;
  /** The same for the same event, however often its job runs. */
  readonly cause: string;
  readonly type: string;
  /** FHIR id of what the event is about. */
  readonly focus: string;
  readonly version: number | null;
  readonly action: 'create' | 'update';
}

const LOCK = statement(
  'subscriptions.lock',
  'select rid from subscription where rid = any($1::bigint[]) order by rid for update',
);

const NOTE = statement(
  'subscriptions.note',
  `with fresh as (
     select e.*, row_number() over (partition by e.rid order by e.n) as place
     from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[])
       with ordinality as e(rid, cause, type, focus, version, action, n)
     where not exists (
       select from subscription_event o where o.rid = e.rid and o.cause = e.cause)),
   counted as (
     update subscription s set matched = s.matched + f.many,
       due_at = case when s.status = 'active' then least(s.due_at, $7) else s.due_at end
     from (select rid, count(*) as many from fresh group by rid) f
     where s.rid = f.rid returning s.rid, s.matched - f.many as before)
   insert into subscription_event (rid, number, at, cause, type, focus, version, action)
   select f.rid, c.before + f.place, $7, f.cause, f.type, f.focus, f.version, f.action
   from fresh f join counted c using (rid)`,
);

/** Numbers events and keeps them; those that are kept already are passed over. */
export async function noteMatched(ctx: Context, events: readonly Matched[]): Promise<number> {
  if (events.length === 0) return 0;
  await ctx.db.query(LOCK, [events.map((each) => each.rid)]);
  return ctx.db.run(NOTE, [
    ...columns(events, ['rid', 'cause', 'type', 'focus', 'version', 'action']),
    ctx.now,
  ]);
}

/** An event as it is sent. */
export interface SentEvent extends Omit<Matched, 'rid' | 'cause'> {
  readonly number: bigint;
  readonly at: Date;
}

/** Events of a subscription by number, both ends included. */
export function eventsBetween(
  ctx: Context,
  rid: bigint,
  from: bigint,
  to: bigint,
  limit: number,
): Promise<SentEvent[]> {
  return ctx.db.query<SentEvent>(
    statement(
      'subscriptions.events',
      `select number, at, type, focus, version, action from subscription_event
       where rid = $1 and number between $2 and $3 order by number limit $4`,
    ),
    [rid, from, to, limit],
  );
}

const CLAIM = statement(
  'subscriptions.claim',
  `update subscription s set leased_until = $2, lease = $3
   from (select rid from subscription
         where due_at <= $1 and (leased_until is null or leased_until <= $1)
         order by due_at limit $4 for update skip locked) d
   where s.rid = d.rid
   returning ${COLUMNS}`,
);

/** Takes subscriptions to which something is to be sent, for nobody else until `until`. */
export function claim(
  ctx: Context,
  lease: string,
  until: Date,
  limit: number,
): Promise<Subscriber[]> {
  return ctx.db.query<Subscriber>(CLAIM, [ctx.now, until, lease, limit]);
}

const TAKEN = statement(
  'subscriptions.taken',
  `update subscription set handled = greatest(handled, $3), failures = 0, failing_since = null,
     sent_at = $4
   where rid = $1 and lease = $2`,
);

/** The endpoint has taken everything up to `number`. */
export async function noteTaken(ctx: Context, rid: bigint, lease: string, number: bigint) {
  await ctx.db.run(TAKEN, [rid, lease, number, ctx.now]);
}

const FAILED = statement(
  'subscriptions.failed',
  `update subscription set failures = failures + 1, failing_since = coalesce(failing_since, $3),
     due_at = $4, lease = null, leased_until = null
   where rid = $1 and lease = $2`,
);

/** The endpoint did not take it; to be tried again at `due`. */
export async function noteFailed(ctx: Context, rid: bigint, lease: string, due: Date) {
  await ctx.db.run(FAILED, [rid, lease, ctx.now, due]);
}

const RELEASE = statement(
  'subscriptions.release',
  `update subscription set lease = null, leased_until = null,
     due_at = case when status = 'requested' then due_at
       when status <> 'active' then null
       when matched > handled then $3
       else least(coalesce(sent_at, $3) + make_interval(secs => heartbeat_seconds), ends_at) end
   where rid = $1 and lease = $2`,
);

/** Ends a turn: due again at once when events are left, else at the next heartbeat or the end. */
export async function release(ctx: Context, rid: bigint, lease: string) {
  await ctx.db.run(RELEASE, [rid, lease, ctx.now]);
}

/** Events older than `before`, at most `limit`. */
export function removeEvents(ctx: Context, before: Date, limit: number): Promise<number> {
  return ctx.db.run(
    `delete from subscription_event where (rid, number) in (
       select rid, number from subscription_event where at < $1 limit $2)`,
    [before, limit],
  );
}

/** When something is due next; undefined when nothing is. */
export async function nextDue(ctx: Context): Promise<Date | undefined> {
  const { due } = await ctx.db.one<{ due: Date | null }>(
    'select min(greatest(due_at, leased_until)) as due from subscription where due_at is not null',
  );
  return due ?? undefined;
}
