/**
 * Figures: counted live by the sources' SELECTs, or kept by a closing.
 *
 * Both give the same rows for a report: figures of the area asked for with all areas below it, each
 * with the child area it comes from, so that a report's children sum to it.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { AreaTree, IndicatorQuestion, IndicatorSource } from '../indicator.ts';

/** A figure in the finest split that a report needs. */
export interface FigureRow {
  readonly indicator: string;
  /** rid of the child area it comes from; null: the area itself, or no known area. */
  readonly child_id: bigint | null;
  readonly scheme_id: bigint | null;
  readonly sex: string;
  readonly age_band: string;
  readonly category: string;
  readonly currency: string | null;
  readonly count: bigint;
  readonly value: bigint;
}

/** An area as reports need it. */
export interface AreaRow {
  readonly area_id: bigint;
  readonly fhir_id: string;
  readonly name: string;
  readonly code: string | null;
  readonly dhis2_uid: string | null;
}

const SPLIT = 'f.indicator, f.scheme_id, f.sex, f.age_band, f.category, f.currency';

/** The area below `subject` through which a path leads; for the whole, the outermost. */
function childOf(path: string, subject: string): string {
  return `${path}[coalesce(array_position(${path}, ${subject}), 0) + 1]`;
}

/** Rids of an area and all below it; undefined when there is no such area. */
export async function areasBelow(
  ctx: Context,
  tree: AreaTree,
  areaId: bigint,
): Promise<bigint[] | undefined> {
  const rows = await ctx.db.query<{ area_id: bigint }>(
    `select t.area_id from (${tree.text}) t where t.path @> array[$1::bigint]`,
    [areaId],
  );
  return rows.length > 0 ? rows.map((row) => row.area_id) : undefined;
}

/** Counts now. `subject` is the area of the report, null for the whole. */
export async function countNow(
  ctx: Context,
  tree: AreaTree,
  source: IndicatorSource,
  question: IndicatorQuestion,
  subject: bigint | null,
): Promise<FigureRow[]> {
  const { text, values } = source.select(question);
  const at = `$${values.length + 1}::bigint`;
  return ctx.db.query<FigureRow>(
    `select ${SPLIT}, ${childOf('t.path', at)} as child_id,
       sum(f.count)::bigint as count, sum(f.value)::bigint as value
     from (${text}) f left join (${tree.text}) t on t.area_id = f.area_id
     group by ${SPLIT}, child_id`,
    [...values, subject],
  );
}

/** Active areas directly below each subject (null: the outermost areas), by name. */
export async function childrenOf(
  ctx: Context,
  tree: AreaTree,
  subjects: readonly (bigint | null)[],
): Promise<Map<bigint | null, AreaRow[]>> {
  const rows = await ctx.db.query<AreaRow & { subject: bigint | null }>(
    `select distinct s.subject, t.area_id, t.fhir_id, t.name, t.code, t.dhis2_uid
     from unnest($1::bigint[]) s(subject)
     join (${tree.text}) t
       on t.path[cardinality(t.path) - 1] is not distinct from s.subject
     where t.active order by t.name, t.fhir_id`,
    [subjects],
  );
  return Map.groupBy(rows, (row) => row.subject);
}

/** Areas by rid. */
export async function areasOf(
  ctx: Context,
  tree: AreaTree,
  ids: readonly bigint[],
): Promise<Map<bigint, AreaRow>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db.query<AreaRow>(
    `select t.area_id, t.fhir_id, t.name, t.code, t.dhis2_uid from (${tree.text}) t
     where t.area_id = any($1::bigint[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.area_id, row]));
}

const KEPT = statement(
  'indicators.kept',
  `select r.report_id::text as report_id, ${SPLIT}, ${childOf('a.area_path', 'r.area_id')} as child_id,
     sum(f.count)::bigint as count, sum(f.value)::bigint as value
   from indicator_report r
   join indicator_figure f using (measure_id, starts_on, ends_on, version)
   left join indicator_report a on a.measure_id = r.measure_id and a.starts_on = r.starts_on
     and a.ends_on = r.ends_on and a.area_id = f.area_id
   where r.report_id = any($1::uuid[])
     and (r.area_id is null or a.area_path @> array[r.area_id])
   group by r.report_id, ${SPLIT}, child_id`,
);

/** Kept figures of reports, by report id. */
export async function keptFigures(
  ctx: Context,
  reports: readonly string[],
): Promise<Map<string, FigureRow[]>> {
  const rows = await ctx.db.query<FigureRow & { report_id: string }>(KEPT, [reports]);
  return Map.groupBy(rows, (row) => row.report_id);
}

/** Keeps the figures of a closing's version. */
export async function keepFigures(
  ctx: Context,
  source: IndicatorSource,
  question: IndicatorQuestion,
  version: number,
): Promise<number> {
  const { text, values } = source.select(question);
  const [measure, starts, ends, number] = [1, 2, 3, 4].map((n) => `$${values.length + n}`);
  return ctx.db.run(
    `insert into indicator_figure (measure_id, starts_on, ends_on, version, indicator, area_id,
       scheme_id, sex, age_band, category, currency, count, value)
     select ${measure}::text, ${starts}::date, ${ends}::date, ${number}::int, f.indicator, f.area_id,
       f.scheme_id, f.sex, f.age_band, f.category, f.currency, sum(f.count)::bigint,
       sum(f.value)::bigint
     from (${text}) f group by ${SPLIT}, f.area_id`,
    [...values, source.measure, question.startsOn, question.endsOn, version],
  );
}

/** The area of a DHIS2 uid or code. */
export function areaByUnit(
  ctx: Context,
  tree: AreaTree,
  unit: string,
  byUid: boolean,
): Promise<AreaRow | undefined> {
  return ctx.db.maybe<AreaRow>(
    `select t.area_id, t.fhir_id, t.name, t.code, t.dhis2_uid from (${tree.text}) t
     where ${byUid ? 't.dhis2_uid' : 't.code'} = $1 order by t.active desc, t.area_id limit 1`,
    [unit],
  );
}
