/**
 * What a statement over all households needs to be planned and run well: statistics of the tables it
 * reads, and memory by the number of households, so that its hashes are not written to files.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** Published views that the compiled rules read. */
const READ = [
  'households_household',
  'households_member',
  'households_characteristic',
  'households_account',
  'households_hold',
  'schemes_enrolment',
  'schemes_compliance',
  'schemes_validation',
  'pay_points_link',
  'pay_points_area',
  'providers_provider',
];

// 128 bytes a household: members grouped for a dozen rules; at most 256 MB for each step of the plan.
const MEMORY = statement(
  'schemes.bulk-memory',
  `select set_config('work_mem', least(greatest(reltuples / 8, 65536), 262144)::int || 'kB', true) as kb
   from pg_class where oid = 'household'::regclass`,
);

/**
 * Prepares this unit of work for statements over all households. Call it before the statement is
 * made; it costs two short questions where statistics are good.
 *
 * @param besides  tables and views that the statement reads besides those of the rules
 */
export async function prepareBulk(ctx: Context, besides: readonly string[] = []): Promise<void> {
  await ctx.freshStatistics([...READ, ...besides]);
  await ctx.db.query(MEMORY);
}
