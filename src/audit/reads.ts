/**
 * The trail of reads and refusals. A read must not wait for its note: notes are collected and
 * appended in batches, at the latest a quarter of a second after the read, and before the process
 * ends. What a crash loses is that quarter of a second; writes are noted in their own transaction.
 *
 * Shape: IHE BALP (https://profiles.ihe.net/ITI/BALP), rendered by the room `audit`.
 */

import type { Pool } from 'pg';
import { parameter } from '../database/arrays.ts';
import type { Actor, Log } from '../sdk/index.ts';
import { trailList } from './key.ts';

/** A note of something read, asked, or refused. */
export interface ReadNote {
  readonly at: Date;
  readonly actor: Actor;
  readonly requestId: string;
  readonly action: 'R' | 'E' | 'C' | 'U' | 'D';
  /** FHIR interaction or operation: `read`, `search-type`, `$everything`. */
  readonly interaction: string;
  readonly type?: string;
  readonly id?: string;
  /** Query, status of a refusal, reason of a break-glass. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** Collects notes. */
export interface ReadTrail {
  /** Takes a note; resolves at once unless too many are waiting. */
  note(note: ReadNote): Promise<void> | undefined;
  /** Appends what is waiting. */
  flush(): Promise<void>;
}

const EVERY_MS = 250;
const BATCH_MAX = 2000;
/** Beyond this many waiting notes readers wait for the database. */
const WAITING_MAX = 20_000;

const APPEND = `
  insert into audit_event
    (at, actor_id, actor_kind, request_id, action, interaction, type, resource_id, detail)
  select a.at, a.actor_id, a.actor_kind, a.request_id, a.action, a.interaction, a.type,
         a.resource_id, a.detail
  from unnest($1::timestamptz[], $2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[],
              $7::text[], $8::bytea[], $9::text[])
    as a(at, actor_id, actor_kind, request_id, action, interaction, type, resource_id, detail)
  -- The transaction gets its id before a number is drawn: the seal relies on it.
  where pg_current_xact_id() is not null`;

/** Makes the trail of reads of a process. */
export function createReadTrail(pool: Pool, log: Log): ReadTrail {
  let waiting: ReadNote[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX);
      waiting = waiting.slice(batch.length);
      try {
        await pool.query({
          name: 'audit.append-reads',
          text: APPEND,
          values: columnsOf(batch).map(parameter),
        });
      } catch (error) {
        // Kept for the next turn: the database is away, and so are the reads.
        waiting = [...batch, ...waiting];
        log.error('the trail of reads could not be written', { waiting: waiting.length }, error);
        timer ??= setTimeout(flushSoon, 4 * EVERY_MS).unref();
        return;
      }
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  function flushSoon(): void {
    void flush();
  }

  return {
    note(note) {
      waiting.push(note);
      if (waiting.length >= WAITING_MAX) return flush();
      if (waiting.length === BATCH_MAX) flushSoon();
      timer ??= setTimeout(flushSoon, EVERY_MS).unref();
      return undefined;
    },
    flush,
  };
}

function columnsOf(batch: readonly ReadNote[]): unknown[] {
  return [
    batch.map((each) => each.at.toISOString()),
    trailList(batch.map((each) => each.actor.id)),
    batch.map((each) => each.actor.kind),
    trailList(batch.map((each) => each.requestId)),
    batch.map((each) => each.action),
    batch.map((each) => each.interaction),
    batch.map((each) => each.type ?? null),
    trailList(batch.map((each) => each.id)),
    batch.map((each) => (each.detail ? JSON.stringify(each.detail) : null)),
  ];
}
