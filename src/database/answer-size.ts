/**
 * What one statement may bring into this process for a caller: a page of a thousand resources of
 * ten megabytes each would otherwise end it. What comes beyond is not read: the connection is
 * closed, and PostgreSQL ends the statement.
 *
 * Jobs and streams, which nobody waits for or which are passed on as they come, are not limited.
 */

import type pg from 'pg';

const BYTES_MAX = 64 * 1024 * 1024;

/** A statement of a caller gives more than is held in memory. */
export class AnswerTooLarge extends Error {}

interface Watch {
  limited: boolean;
  bytes: number;
}

interface Wire {
  on(event: string, listener: (message: { readonly length: number }) => void): void;
  readonly stream: { destroy(error: Error): void };
}

const watches = new WeakMap<pg.PoolClient, Watch>();

/** From here on, or no longer, the statements of a connection are limited. */
export function limitAnswers(client: pg.PoolClient, limited: boolean): void {
  const watch = watches.get(client) ?? watchOf(client);
  watch.limited = limited;
  watch.bytes = 0;
}

function watchOf(client: pg.PoolClient): Watch {
  const watch: Watch = { limited: false, bytes: 0 };
  watches.set(client, watch);
  const { connection } = client as unknown as { connection?: Wire };
  connection?.on('commandComplete', () => {
    watch.bytes = 0;
  });
  connection?.on('dataRow', ({ length }) => {
    watch.bytes += length;
    if (!watch.limited || watch.bytes <= BYTES_MAX) return;
    watch.limited = false;
    connection.stream.destroy(new AnswerTooLarge('more than is held in memory'));
  });
  return watch;
}
