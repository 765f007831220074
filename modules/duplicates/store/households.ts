/**
 * Households as matching sees them: id and size.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A registered household. */
export interface HouseholdRow {
  readonly household_id: bigint;
  readonly fhir_id: string;
  /** Members who are in it now. */
  readonly members_count: number;
}

const READ = statement(
  'duplicates.households',
  `select household_id, fhir_id, members_count::int from households_household
   where household_id = any($1::bigint[])`,
);

/** Households of these internal ids. */
export async function householdsOf(
  ctx: Context,
  householdIds: readonly bigint[],
): Promise<HouseholdRow[]> {
  if (householdIds.length === 0) return [];
  return ctx.db.query<HouseholdRow>(READ, [householdIds]);
}
