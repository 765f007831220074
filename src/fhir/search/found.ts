/** What the sources of a search give, stored and projected alike. */

import type { Cursor } from './cursor.ts';

/** A row of a page. */
export interface Found {
  readonly type: string;
  readonly id: string;
  readonly key: bigint;
  readonly sort: readonly (string | null)[];
  readonly content: string;
  readonly source: number;
  /** Internal id of a stored resource. */
  readonly rid?: bigint;
  /** The newest internal id when the page was read. */
  readonly top?: bigint;
}

/** Something that can be searched. */
export interface Source {
  /** Rows from the cursor on, at most `limit`, in page order (reversed when going back). */
  fetch(cursor: Cursor | undefined, back: boolean, limit: number): Promise<Found[]>;
  count(): Promise<number>;
  /** About how many, by statistics. */
  estimate(): Promise<number>;
}
