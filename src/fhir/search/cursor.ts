/**
 * Cursors: where a page ends, by the values it was sorted by (keyset), so that page 1,000 costs what
 * page 1 does and no row appears twice or is lost while others write. Opaque and signed together
 * with the search they belong to.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { problem } from '../../sdk/index.ts';

/** A place between two rows. */
export interface Cursor {
  /** Which source (stored rows, each projection) the row is of. */
  readonly source: number;
  /** Sort values of the row, as text; null is missing. */
  readonly sort: readonly (string | null)[];
  readonly key: bigint;
  /** The newest internal id when the search began; what is newer stays out of its pages. */
  readonly top?: bigint;
  /** Which way to go on from there. */
  readonly direction: 'next' | 'previous';
}

function sign(key: Buffer, payload: string, search: string): Buffer {
  return createHmac('sha256', key).update(`${payload}\n${search}`).digest().subarray(0, 12);
}

/** The cursor as text; `search` is the canonical text of the search without the cursor. */
export function writeCursor(key: Buffer, cursor: Cursor, search: string): string {
  const payload = Buffer.from(
    JSON.stringify([
      cursor.source,
      cursor.sort,
      cursor.key.toString(),
      cursor.direction === 'next' ? 1 : 0,
      ...(cursor.top === undefined ? [] : [cursor.top.toString()]),
    ]),
  ).toString('base64url');
  return `${payload}.${sign(key, payload, search).toString('base64url')}`;
}

/** @throws Problem when the cursor is not ours or belongs to another search */
export function readCursor(key: Buffer, text: string, search: string): Cursor {
  const [payload = '', signature = ''] = text.split('.');
  const given = Buffer.from(signature, 'base64url');
  const wanted = sign(key, payload, search);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw problem(
      'invalid',
      'search-cursor',
      'This cursor does not belong to this search; follow the links of the first page as they are.',
      '_cursor',
    );
  }
  const [source, sort, row, next, top] = JSON.parse(
    Buffer.from(payload, 'base64url').toString(),
  ) as [number, (string | null)[], string, number, string?];
  return {
    source,
    sort,
    key: BigInt(row),
    direction: next ? 'next' : 'previous',
    ...(top !== undefined && { top: BigInt(top) }),
  };
}
