/**
 * Rows of holds, kept in step with Flags.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A Flag about to be written as a hold. */
export interface HoldWrite {
  readonly rid: bigint;
  readonly id: string;
  readonly version: number;
  readonly householdId: bigint | null;
  readonly memberId: bigint | null;
  readonly code: string;
  readonly policy: 'soft' | 'hard';
  readonly active: boolean;
}

/** What a hold was before and is now; `before` is null for a new one. */
export interface HoldChange {
  readonly hold_id: bigint;
  readonly before: boolean | null;
}

const BEFORE = statement(
  'households.holds-before',
  'select hold_id, active as before from hold where hold_id = any($1::bigint[]) for update',
);

const WRITE = statement(
  'households.write-holds',
  `insert into hold (hold_id, fhir_id, household_id, member_id, code, policy, active, version,
     raised_at, released_at)
   select w.*, $9, case when not w.active then $9::timestamptz end
   from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
     $7::boolean[], $8::int[])
     as w(hold_id, fhir_id, household_id, member_id, code, policy, active, version)
   on conflict (hold_id) do update set
     household_id = excluded.household_id, member_id = excluded.member_id, code = excluded.code,
     policy = excluded.policy, active = excluded.active, version = excluded.version,
     released_at = case when excluded.active then null
       else coalesce(hold.released_at, excluded.released_at) end`,
);

/** Writes holds; answers by internal id whether each stood before (absent: it is new). */
export async function writeHolds(
  ctx: Context,
  writes: readonly HoldWrite[],
): Promise<Map<bigint, boolean | null>> {
  if (writes.length === 0) return new Map();
  const rids = writes.map((write) => write.rid);
  const before = await ctx.db.query<HoldChange>(BEFORE, [rids]);
  await ctx.db.run(WRITE, [
    rids,
    writes.map((write) => write.id),
    writes.map((write) => write.householdId),
    writes.map((write) => write.memberId),
    writes.map((write) => write.code),
    writes.map((write) => write.policy),
    writes.map((write) => write.active),
    writes.map((write) => write.version),
    ctx.now,
  ]);
  return new Map(before.map((row) => [row.hold_id, row.before]));
}

const REMOVE = statement(
  'households.remove-holds',
  'delete from hold where hold_id = any($1::bigint[])',
);

/** Forgets Flags that were deleted or are holds no longer. */
export async function removeHolds(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length > 0) await ctx.db.run(REMOVE, [rids]);
}
