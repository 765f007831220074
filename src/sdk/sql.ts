/**
 * SQL as modules write it: named statements and the shape of the database they are given.
 *
 * A statement has a name so that the server prepares it once per connection. Rows are sent as
 * arrays of columns (`unnest`), so that one statement writes any number of rows.
 */

/** A statement that is prepared once per connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Declares a statement. The name is `<room>.<what it does>`, at most 63 bytes. */
export function statement(name: string, text: string): Statement {
  if (Buffer.byteLength(name) > 63) throw new Error(`statement name too long: ${name}`);
  return { name, text };
}

/** One database transaction (or, in a read-only unit of work, one connection). */
export interface Database {
  /** Rows of a statement. bigint columns arrive as bigint, numeric as text, date as text. */
  query<Row extends object>(
    statement: Statement | string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** The only row; an Error (a bug) when there is none or several. */
  one<Row extends object>(statement: Statement | string, values?: readonly unknown[]): Promise<Row>;
  /** The only row or undefined. */
  maybe<Row extends object>(
    statement: Statement | string,
    values?: readonly unknown[],
  ): Promise<Row | undefined>;
  /** Number of rows changed. */
  run(statement: Statement | string, values?: readonly unknown[]): Promise<number>;
  /** Sends rows (already in COPY text or CSV form) into `COPY … FROM STDIN`; returns the count. */
  copyIn(
    statement: string,
    chunks: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  ): Promise<number>;
  /** Streams the text of `COPY … TO STDOUT`. */
  copyOut(statement: string): AsyncIterable<Buffer>;
}

/** Turns rows into one array per named column, ready for `unnest($1::bigint[], $2::text[])`. */
export function columns<Row extends object, Key extends keyof Row>(
  rows: readonly Row[],
  keys: readonly Key[],
): Row[Key][][] {
  return keys.map((key) => rows.map((row) => row[key]));
}

/**
 * Waits for statements that were sent one behind the other without waiting in between.
 *
 * @throws the fault of the first that failed: the others only fail because it did
 */
export async function inOrder(sent: readonly Promise<unknown>[]): Promise<void> {
  const done = await Promise.allSettled(sent);
  const failed = done.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}
