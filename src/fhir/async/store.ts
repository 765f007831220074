/** The table of requests that are answered later. Answers stay for their callers only. */

import type { Actor, Database, Reach } from '../../sdk/index.ts';
import { parseJson, writeJson } from '../formats/json.ts';
import type { FhirRequest } from '../types.ts';

/** A request that is answered later. */
export interface AsyncRequest {
  readonly state: 'waiting' | 'running' | 'done';
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** A batch-response, once it is done. */
  readonly answer: string | undefined;
}

/** What is to be run, and for whom. */
export interface AsyncWork {
  readonly actor: Actor;
  readonly requestId: string;
  readonly request: FhirRequest;
  /** True when an earlier run was broken off before its answer was kept. */
  readonly again: boolean;
}

interface Row {
  readonly state: AsyncRequest['state'];
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly answer: string | null;
}

/** Keeps a request; false when the actor has `most` waiting already. */
export async function keepRequest(
  db: Database,
  id: string,
  work: Omit<AsyncWork, 'again'>,
  now: Date,
  most: number,
): Promise<boolean> {
  const { actor, requestId, request } = work;
  const kept = await db.run(
    `insert into fhir_async (id, actor_id, actor, request_id, request, created_at)
     select $1, $2, $3, $4, $5, $6
     where (select count(*) from fhir_async where actor_id = $2 and state <> 'done') < $7`,
    [id, actor.id, actorText(actor), requestId, requestText(request), now, most],
  );
  return kept === 1;
}

/** A request of an actor; undefined when there is none, or it is another's. */
export async function findRequest(
  db: Database,
  id: string,
  actorId: string,
): Promise<AsyncRequest | undefined> {
  const row = await db.maybe<Row>(
    `select state, created_at, started_at, finished_at, answer
     from fhir_async where id = $1 and actor_id = $2`,
    [id, actorId],
  );
  return (
    row && {
      state: row.state,
      createdAt: row.created_at,
      startedAt: row.started_at ?? undefined,
      finishedAt: row.finished_at ?? undefined,
      answer: row.answer ?? undefined,
    }
  );
}

/** Takes a request up; undefined when it is cancelled or done. */
export async function startRequest(
  db: Database,
  id: string,
  now: Date,
): Promise<AsyncWork | undefined> {
  const row = await db.maybe<{
    actor: StoredActor;
    request_id: string;
    request: string;
    again: boolean;
  }>(
    `with found as (
       select id, state = 'running' as again from fhir_async
       where id = $1 and state <> 'done' for update)
     update fhir_async a set state = 'running', started_at = $2 from found f
     where a.id = f.id returning a.actor, a.request_id, a.request, f.again`,
    [id, now],
  );
  return (
    row && {
      actor: actorOf(row.actor),
      requestId: row.request_id,
      request: requestOf(row.request),
      again: row.again,
    }
  );
}

/** Keeps the answer; nothing happens when the request has been cancelled meanwhile. */
export async function keepAnswer(
  db: Database,
  id: string,
  answer: string,
  now: Date,
): Promise<void> {
  await db.run(
    `update fhir_async set state = 'done', answer = $2, finished_at = $3 where id = $1`,
    [id, answer, now],
  );
}

/** Forgets a request of an actor; false when there is none. */
export async function forgetRequest(db: Database, id: string, actorId: string): Promise<boolean> {
  const gone = await db.run('delete from fhir_async where id = $1 and actor_id = $2', [
    id,
    actorId,
  ]);
  return gone === 1;
}

/** Forgets what was finished, or never taken up, before an instant. */
export async function forgetOld(db: Database, before: Date): Promise<number> {
  return db.run(
    `delete from fhir_async where created_at < $1 and coalesce(finished_at, created_at) < $1`,
    [before],
  );
}

interface StoredActor extends Omit<Actor, 'permissions' | 'reach'> {
  readonly permissions: readonly string[];
  readonly reach: Record<keyof Reach, 'all' | readonly string[]>;
}

function actorText({ permissions, reach, ...actor }: Actor): string {
  const texts = (rids: 'all' | readonly bigint[]) => (rids === 'all' ? rids : rids.map(String));
  return JSON.stringify({
    ...actor,
    permissions: [...permissions],
    reach: { areas: texts(reach.areas), schemes: texts(reach.schemes) },
  });
}

function actorOf({ permissions, reach, ...actor }: StoredActor): Actor {
  const rids = (texts: 'all' | readonly string[]) => (texts === 'all' ? texts : texts.map(BigInt));
  return {
    ...actor,
    permissions: new Set(permissions),
    reach: { areas: rids(reach.areas), schemes: rids(reach.schemes) },
  };
}

/** Headers that an interaction reads. */
const HEADERS = [
  'content-type',
  'prefer',
  'if-match',
  'if-none-match',
  'if-none-exist',
  'if-modified-since',
];

function requestText({ method, path, query, headers, body }: FhirRequest): string {
  const kept = HEADERS.flatMap((name) => (headers[name] ? [[name, headers[name]]] : []));
  return writeJson({
    method,
    path,
    query: query.toString(),
    headers: Object.fromEntries(kept),
    body,
  });
}

function requestOf(text: string): FhirRequest {
  const { query, ...rest } = parseJson(text) as Omit<FhirRequest, 'query'> & { query: string };
  return { ...rest, query: new URLSearchParams(query) };
}
