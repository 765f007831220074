/**
 * Locks between a merge and writes that name the records it is about. What is written while a merge is
 * going on would otherwise be seen by neither: the merge would not lead it over, and the write would not
 * know that the record is being replaced.
 *
 * A merge waits for such writes, and looks around only then. A write does not wait for a merge, which may
 * want a row that the write holds: it is refused, and repeated by its caller. Whoever names many records
 * at once waits, and locks buckets of records, since PostgreSQL holds some thousands of locks in all.
 */

import { hash } from 'node:crypto';
import { type Context, statement } from '../../../src/sdk/index.ts';

/** Classes of these advisory locks, of records and of buckets of them; 130 is that of the matching. */
const [RECORDS, BUCKETS] = [131, 132];
/** Records that one transaction locks one by one. */
const ONE_BY_ONE_MAX = 1_000;

const BUCKETS_OF = `select distinct k & 255 as b from unnest($1::int[]) as t(k) order by b`;
const RECORDS_OF = `select distinct k from unnest($1::int[]) as t(k) order by k`;

const TAKE = statement(
  'duplicates.lock-for-merge',
  `with crowd as materialized (
     select count(pg_advisory_xact_lock(${BUCKETS}, b)) from (${BUCKETS_OF}) as buckets)
   select pg_advisory_xact_lock(${RECORDS}, k) from crowd, (${RECORDS_OF}) as keys`,
);

/** Keeps others from naming these records until the end of the transaction; waits for those who do. */
export async function lockForMerge(ctx: Context, references: readonly string[]): Promise<void> {
  await ctx.db.query(TAKE, [references.map(keyOf)]);
}

const SHARE = statement(
  'duplicates.share-with-merges',
  `select k from (${RECORDS_OF}) as keys where not pg_try_advisory_xact_lock_shared(${RECORDS}, k)`,
);
const SHARE_CROWD = statement(
  'duplicates.share-crowd-with-merges',
  `select count(pg_advisory_xact_lock_shared(${BUCKETS}, b)) from (${BUCKETS_OF}) as buckets`,
);

/**
 * Keeps these records from being merged until the end of the transaction.
 *
 * @returns those of them that are being merged at this moment
 */
export async function shareWithMerges(
  ctx: Context,
  references: readonly string[],
): Promise<ReadonlySet<string>> {
  if (references.length === 0) return new Set();
  const keys = references.map(keyOf);
  if (references.length > ONE_BY_ONE_MAX) {
    await ctx.db.query(SHARE_CROWD, [keys]);
    return new Set();
  }
  const rows = await ctx.db.query<{ k: number }>(SHARE, [keys]);
  const taken = new Set(rows.map(({ k }) => k));
  return new Set(references.filter((_, at) => taken.has(keys[at]!)));
}

/** A number of 31 bits for `Type/id`. */
function keyOf(reference: string): number {
  return Number.parseInt(hash('sha256', reference, 'hex').slice(0, 8), 16) >>> 1;
}
