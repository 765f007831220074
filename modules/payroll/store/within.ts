/**
 * What payrolls pay in some areas: whoever is limited to them is shown these totals, not those of
 * the whole, from which others could be told by subtraction.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** Totals of a payroll, as the columns of `payroll_list_fhir`. */
export interface Totals {
  readonly lines_count: number;
  readonly lines_minor: bigint;
  readonly excluded_count: number;
}

const WITHIN = statement(
  'payroll.totals-within',
  `select p.id,
     l.n::int as lines_count, l.minor::bigint as lines_minor, e.n::int as excluded_count
   from unnest($1::uuid[]) p(id),
     lateral (select count(*) as n, coalesce(sum(amount_minor), 0) as minor from payroll_line
              where payroll_id = p.id and state <> 'cancelled' and area_id = any($2::bigint[])) l,
     lateral (select count(*) as n from payroll_exclusion
              where payroll_id = p.id and area_id = any($2::bigint[])) e`,
);

/** Totals of payrolls in areas (rids), by id of the payroll. */
export async function totalsWithin(
  ctx: Context,
  payrolls: readonly string[],
  areas: readonly bigint[],
): Promise<ReadonlyMap<string, Totals>> {
  const rows = await ctx.db.query<Totals & { id: string }>(WITHIN, [payrolls, areas]);
  return new Map(rows.map((row) => [row.id, row]));
}
