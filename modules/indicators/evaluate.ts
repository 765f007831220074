/**
 * Evaluation: a report for a period and an area, kept where the period is closed, else counted now
 * and marked pending.
 */

import type { InsurancePlan, MeasureReport } from '@medplum/fhirtypes';
import {
  type Context,
  type ProjectedBinding,
  type ProjectedRow,
  problem,
  structureDefinition,
} from '../../src/sdk/index.ts';
import type { Frame } from './cells.ts';
import { type AreaTree, areaTree, type IndicatorSource, indicatorSource } from './indicator.ts';
import { indicatorsOf } from './measure.ts';
import { measureReport } from './measure-report.ts';
import type { ReportingPeriod } from './period.ts';
import { AGE_BOUNDS } from './settings.ts';
import { readMeasure, reportsOf } from './store/closings.ts';
import {
  type AreaRow,
  areasBelow,
  areasOf,
  childrenOf,
  countNow,
  type FigureRow,
  keptFigures,
} from './store/figures.ts';

/** The tree of areas; an Error (a bug) when no room brings one. */
export function treeOf(ctx: Context): AreaTree {
  const [tree] = ctx.parts(areaTree);
  if (!tree) throw new Error('no room brings the tree of areas');
  return tree;
}

/** Sources of a Measure. */
export function sourcesOf(ctx: Context, measureId: string): IndicatorSource[] {
  return ctx.parts(indicatorSource).filter((source) => source.measure === measureId);
}

/** @throws Problem measure-unknown */
export async function knownMeasure(ctx: Context, id: string, locked = false) {
  const measure = await readMeasure(ctx, id, locked);
  if (measure) return measure;
  throw problem('not-found', 'measure-unknown', `There is no Measure/${id} here.`);
}

/**
 * The report of a Measure for a period and an area (undefined: the whole).
 *
 * @throws Problem measure-unknown, area-unknown
 */
export async function evaluate(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
  areaId: bigint | undefined,
): Promise<MeasureReport> {
  const measure = await knownMeasure(ctx, measureId);
  const tree = treeOf(ctx);
  const areas = areaId === undefined ? undefined : await areasBelow(ctx, tree, areaId);
  if (areaId !== undefined && !areas) {
    throw problem('value', 'area-unknown', 'The subject is no area; name one.', 'subject');
  }
  const [kept] = await reportsOf(ctx, measureId, period, areaId ?? null);
  if (kept) return ctx.fhir.read<MeasureReport>('MeasureReport', kept.report_id);
  const question = { ...period, areas: areas ?? null, ageBounds: ctx.setting(AGE_BOUNDS) };
  const rows: FigureRow[] = [];
  for (const source of sourcesOf(ctx, measureId)) {
    rows.push(...(await countNow(ctx, tree, source, question, areaId ?? null)));
  }
  const children = await childrenOf(ctx, tree, [areaId ?? null]);
  const area = areaId === undefined ? undefined : (await areasOf(ctx, tree, [areaId])).get(areaId);
  return measureReport(
    { measureId: measure.measure_id, period, area, status: 'pending', date: ctx.now },
    indicatorsOf(ctx, measureId),
    rows,
    await frameOf(ctx, rows, children.get(areaId ?? null) ?? []),
  );
}

/** What figures need to be shown. */
export async function frameOf(
  ctx: Context,
  rows: readonly FigureRow[],
  children: readonly AreaRow[],
): Promise<Frame> {
  const ids = [...new Set(rows.map((row) => row.scheme_id))].filter((id) => id !== null);
  const plans = await ctx.fhir.readByRid<InsurancePlan>('InsurancePlan', ids);
  return {
    ageBounds: ctx.setting(AGE_BOUNDS),
    children,
    schemes: new Map([...plans].map(([rid, plan]) => [rid, plan.id ?? ''])),
  };
}

/** Reports of closed periods. */
export const reportBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'MeasureReport',
  profile: structureDefinition('indicator-report'),
  view: 'indicator_report_fhir',
  search: {
    measure: {
      type: 'reference',
      column: 'measure_id',
      target: 'Measure',
      holds: 'id',
      canonical: 'measure',
    },
    subject: { type: 'reference', column: 'area_id', target: 'Location', holds: 'rid' },
    period: { type: 'date', column: 'starts_on', end: 'ends_on' },
    date: { type: 'date', column: 'updated_at' },
    status: {
      type: 'token',
      column: 'status',
      system: 'http://hl7.org/fhir/measure-report-status',
    },
  },
  render: renderReports,
};

async function renderReports(
  ctx: Context,
  rows: readonly ProjectedRow[],
): Promise<MeasureReport[]> {
  const tree = treeOf(ctx);
  const figures = await keptFigures(
    ctx,
    rows.map((row) => row.id),
  );
  const subjects = rows.map((row) => row.area_id as bigint | null);
  const children = await childrenOf(ctx, tree, [...new Set(subjects)]);
  const areas = await areasOf(
    ctx,
    tree,
    subjects.filter((id) => id !== null),
  );
  const all = await frameOf(ctx, [...figures.values()].flat(), []);
  return rows.map((row) => {
    const areaId = row.area_id as bigint | null;
    return measureReport(
      {
        measureId: row.measure_id as string,
        period: { startsOn: row.starts_on as string, endsOn: row.ends_on as string },
        area: areaId === null ? undefined : areas.get(areaId),
        status: 'complete',
        date: row.updated_at,
      },
      indicatorsOf(ctx, row.measure_id as string),
      figures.get(row.id) ?? [],
      { ...all, children: children.get(areaId) ?? [] },
    );
  });
}
