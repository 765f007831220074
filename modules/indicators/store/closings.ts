/**
 * Closings of periods and the reports that stand on them.
 *
 * Two who close the same period at once take turns by the row of the Measure; the second then finds
 * the same figures and makes no version.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { ReportingPeriod } from '../period.ts';

/** A Measure that exists. */
export interface MeasureRow {
  readonly measure_id: string;
  readonly title: string;
  readonly version: number;
}

const MEASURE = statement(
  'indicators.measure',
  'select measure_id, title, version from indicator_measure where measure_id = $1',
);
const MEASURE_LOCKED = statement(
  'indicators.measure-locked',
  'select measure_id, title, version from indicator_measure where measure_id = $1 for update',
);

/** A Measure by id; `locked` makes others who close it wait. */
export function readMeasure(
  ctx: Context,
  id: string,
  locked = false,
): Promise<MeasureRow | undefined> {
  return ctx.db.maybe<MeasureRow>(locked ? MEASURE_LOCKED : MEASURE, [id]);
}

const MEASURES = statement(
  'indicators.measures',
  'select measure_id, title, version from indicator_measure order by measure_id',
);

/** All Measures. */
export function listMeasures(ctx: Context): Promise<MeasureRow[]> {
  return ctx.db.query<MeasureRow>(MEASURES, []);
}

const LAST_MONTH = statement(
  'indicators.last-month',
  `select max(ends_on)::text as ends_on from indicator_closing
   where measure_id = $1 and starts_on = date_trunc('month', ends_on)::date
     and ends_on = (date_trunc('month', ends_on) + interval '1 month - 1 day')::date`,
);

/** Last day of the newest closed month of a Measure. */
export async function lastClosedMonth(
  ctx: Context,
  measureId: string,
): Promise<string | undefined> {
  const row = await ctx.db.one<{ ends_on: string | null }>(LAST_MONTH, [measureId]);
  return row.ends_on ?? undefined;
}

type Key = readonly [measureId: string, startsOn: string, endsOn: string];

function keyOf(measureId: string, { startsOn, endsOn }: ReportingPeriod): Key {
  return [measureId, startsOn, endsOn];
}

/** A closing. */
export interface ClosingRow {
  readonly version: number;
  readonly figures_hash: Buffer;
  readonly closed_at: Date;
}

const LATEST = statement(
  'indicators.latest-closing',
  `select version, figures_hash, closed_at from indicator_closing
   where measure_id = $1 and starts_on = $2 and ends_on = $3 order by version desc limit 1`,
);

/** The newest closing of a period. */
export function latestClosing(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
): Promise<ClosingRow | undefined> {
  return ctx.db.maybe<ClosingRow>(LATEST, keyOf(measureId, period));
}

const OPEN = statement(
  'indicators.begin-closing',
  `insert into indicator_closing
     (measure_id, starts_on, ends_on, version, measure_version, closed_at, closed_by)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);

/** Begins a version of a closing, before its figures. */
export async function beginClosing(
  ctx: Context,
  measure: MeasureRow,
  period: ReportingPeriod,
  version: number,
): Promise<void> {
  const key = keyOf(measure.measure_id, period);
  await ctx.db.run(OPEN, [...key, version, measure.version, ctx.now, ctx.actor.id]);
}

const SEAL = statement(
  'indicators.hash-closing',
  `update indicator_closing c set figures_hash = sha256(convert_to(coalesce((
     select string_agg(l.line, E'\\n' order by l.line collate "C") from (
       select concat_ws('|', indicator, coalesce(area_id::text, '-'),
         coalesce(scheme_id::text, '-'), sex, age_band, category, coalesce(currency, '-'), count,
         value) as line
       from indicator_figure f where f.measure_id = c.measure_id and f.starts_on = c.starts_on
         and f.ends_on = c.ends_on and f.version = c.version) l), ''), 'UTF8'))
   where measure_id = $1 and starts_on = $2 and ends_on = $3 and version = $4
   returning figures_hash`,
);

/** Hash over the figures of a version, in order; kept with the closing. */
export async function hashClosing(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
  version: number,
): Promise<Buffer> {
  const key = keyOf(measureId, period);
  const row = await ctx.db.one<{ figures_hash: Buffer }>(SEAL, [...key, version]);
  return row.figures_hash;
}

const DROP_FIGURES = statement(
  'indicators.drop-figures',
  `delete from indicator_figure
   where measure_id = $1 and starts_on = $2 and ends_on = $3 and version = $4`,
);
const DROP_CLOSING = statement(
  'indicators.drop-closing',
  `delete from indicator_closing
   where measure_id = $1 and starts_on = $2 and ends_on = $3 and version = $4`,
);

/** Takes back a version that found nothing new, in the transaction that began it. */
export async function dropClosing(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
  version: number,
): Promise<void> {
  const key = [...keyOf(measureId, period), version];
  await ctx.db.run(DROP_FIGURES, key);
  await ctx.db.run(DROP_CLOSING, key);
}

/** Points the reports of a period at a version; makes those of areas that are new. */
export async function writeReports(
  ctx: Context,
  areas: { readonly text: string },
  measureId: string,
  period: ReportingPeriod,
  version: number,
): Promise<number> {
  const key = keyOf(measureId, period);
  return ctx.db.run(
    `insert into indicator_report
       (measure_id, starts_on, ends_on, area_id, area_path, version, updated_at)
     select $1::text, $2::date, $3::date, t.area_id, t.path, $4::int, $5::timestamptz
     from (select area_id, path from (${areas.text}) a union all select null, null) t
     order by t.area_id
     on conflict (measure_id, starts_on, ends_on, area_id)
       do update set version = excluded.version, updated_at = excluded.updated_at,
         area_path = excluded.area_path`,
    [...key, version, ctx.now],
  );
}

/** A report of a closed period. */
export interface ReportRow {
  readonly report_id: string;
  readonly measure_id: string;
  readonly starts_on: string;
  readonly ends_on: string;
  readonly area_id: bigint | null;
  readonly version: number;
  readonly updated_at: Date;
}

const REPORT = statement(
  'indicators.report',
  `select report_id::text, measure_id, starts_on, ends_on, area_id, version, updated_at
   from indicator_report where report_id = $1::uuid`,
);

/** A report by id. */
export function readReport(ctx: Context, id: string): Promise<ReportRow | undefined> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return Promise.resolve(undefined);
  return ctx.db.maybe<ReportRow>(REPORT, [id]);
}

const REPORTS_OF = statement(
  'indicators.reports-of',
  `select report_id::text, measure_id, starts_on, ends_on, area_id, version, updated_at
   from indicator_report
   where measure_id = $1 and starts_on = $2 and ends_on = $3
     and (area_id = $4::bigint
       or ($4::bigint is null and area_id is null)
       or ($5 and ($4::bigint is null or area_path[cardinality(area_path) - 1] = $4::bigint)
           and area_id is not null))
   order by area_id`,
);

/** The report of an area in a period; with `children` also those of the areas directly below. */
export function reportsOf(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
  areaId: bigint | null,
  children = false,
): Promise<ReportRow[]> {
  return ctx.db.query<ReportRow>(REPORTS_OF, [...keyOf(measureId, period), areaId, children]);
}
