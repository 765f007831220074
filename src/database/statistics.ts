/**
 * Statistics for statements over whole tables. A table that was loaded and never analysed makes the
 * planner take a million households for two hundred: it loops where it should hash, and what takes
 * seconds takes hours. Autovacuum comes too late for who pays right after an import.
 *
 * Whoever runs such a statement names the tables (or views over them) that it reads. Those about which
 * PostgreSQL knows nothing, or which have grown by half since, are analysed first: each by itself on a
 * connection of its own, so that no lock outlives it and a unit that is rolled back takes nothing back.
 * Who may not analyse a table, or cannot for a lock, works with what is known.
 */

import type { Pool } from 'pg';
import type { Log } from '../sdk/index.ts';

/** Tables below so many pages (of 8 kB) are read faster than analysed. */
const SMALL_PAGES = 32;

/** How long an ANALYZE waits for another one, or for DDL, in seconds. */
const LOCK_SECONDS = 60;

/** Ordinary tables under the named relations, and whether statistics of them mislead. */
const STALE = `
  with recursive reached(oid) as (
    select to_regclass(name)::oid from unnest($1::text[]) name
    union
    select d.refobjid from reached r
    join pg_rewrite w on w.ev_class = r.oid
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_class'::regclass)
  select c.oid::regclass::text as name, pg_has_role(c.relowner, 'usage') as mine
  from reached join pg_class c using (oid)
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_stat_all_tables s on s.relid = c.oid
  cross join lateral (
    select pg_relation_size(c.oid) / current_setting('block_size')::int as pages) p
  where c.relkind = 'r' and p.pages >= $2
    and (p.pages > c.relpages * 1.5
      or s.n_mod_since_analyze > greatest(c.reltuples, 0) * 0.5
      or (pg_has_role(c.relowner, 'usage') and not exists (
        select from pg_stats t where t.schemaname = n.nspname and t.tablename = c.relname)))
  order by 1`;

/**
 * Analyses what needs it among the tables that the named tables and views read; answers which.
 *
 * @param pool  gives connections that no unit of work holds
 */
export async function refreshStatistics(
  pool: Pool,
  log: Log,
  names: readonly string[],
): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; mine: boolean }>(STALE, [names, SMALL_PAGES]);
  const done: string[] = [];
  for (const { name, mine } of rows) {
    if (mine && (await analyse(pool, log, name))) done.push(name);
    if (!mine) log.warn('statistics are old, and are not ours to refresh', { table: name });
  }
  return done;
}

/** SQLSTATEs of who waited too long for a lock, or was cancelled for another's sake. */
const BUSY = new Set(['55P03', '57014', '40P01', '42P01']);

async function analyse(pool: Pool, log: Log, table: string): Promise<boolean> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`set local lock_timeout = '${LOCK_SECONDS}s'`);
    await client.query(`analyze ${table}`);
    await client.query('commit');
    log.info('statistics refreshed', { table });
    return true;
  } catch (error) {
    await client.query('rollback');
    if (!BUSY.has((error as { code?: string }).code ?? '')) throw error;
    log.warn('statistics could not be refreshed', { table });
    return false;
  } finally {
    client.release();
  }
}
