/**
 * What a statement over all households needs to be planned and run well: statistics of the tables it
 * reads, and memory by the number of households, so that its hashes are not written to files.
 */

import { type Context, type Database, statement } from '../../../src/sdk/index.ts';

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

const MIDDLE = statement(
  'schemes.middle',
  `select (s.bounds)[(1 + cardinality(s.bounds)) / 2] as middle
   from pg_class c
   cross join lateral (
     select histogram_bounds::text::bigint[] as bounds from pg_stats
     where schemaname = c.relnamespace::regnamespace::text and tablename = c.relname
       and attname = 'household_id') s
   where c.oid = 'household'::regclass and c.reltuples >= $1
     and pg_current_xact_id_if_assigned() is null`,
);

/** From so many households on, half of the work is worth another connection (20 ms). */
const HALVED_FROM = 50_000;

/**
 * Asks about all households in two halves at once, on two connections that see the same instant, where
 * they are many, connections can be spared and this unit has written nothing; else in one piece.
 *
 * @param text  the statement over the households whose household_id fulfils a condition
 * @param whole  asks about all of them
 * @returns the rows of both halves
 */
export async function inHalves<Row extends object>(
  ctx: Context,
  text: (among: string) => string,
  whole: () => Promise<Row[]>,
): Promise<Row[]> {
  const row = await ctx.db.maybe<{ middle: bigint | null }>(MIDDLE, [HALVED_FROM]);
  const middle = row?.middle ?? undefined;
  if (middle === undefined) return whole();
  return ctx.readers(2, async (readers) => {
    const [first, second] = readers;
    if (!first || !second) return whole();
    const rows = await Promise.all([
      prepareReader(first).then(() => first.query<Row>(text(`< ${middle}`))),
      prepareReader(second).then(() => second.query<Row>(text(`>= ${middle}`))),
    ]);
    return rows.flat();
  });
}

/** Gives a reader the memory that a statement over all households needs. */
export async function prepareReader(reader: Database): Promise<void> {
  await reader.query(MEMORY.text);
}

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
