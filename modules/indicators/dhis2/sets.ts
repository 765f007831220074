/**
 * From reports of closed periods to data value sets: finds mapping, period, org unit and figures.
 */

import { type Context, dayOf, problem } from '../../../src/sdk/index.ts';
import { frameOf, treeOf } from '../evaluate.ts';
import { indicatorsOf } from '../measure.ts';
import { TIME_ZONE } from '../settings.ts';
import { type ReportRow, readReport, reportsOf } from '../store/closings.ts';
import { areaByUnit, areasOf, keptFigures } from '../store/figures.ts';
import { type DataSetRow, findDataSets, mappingsOf } from '../store/mappings.ts';
import { type Dhis2Period, parsePeriodId, periodHolding } from './period.ts';
import { type DataValueSet, dataValues, orgUnitOf } from './values.ts';

/**
 * The set of one report; `dataSet` chooses where a Measure goes to several.
 *
 * @throws Problem report-unknown, dhis2-unmapped, dhis2-period
 */
export async function setOfReport(
  ctx: Context,
  reportId: string,
  dataSet: string | undefined,
): Promise<{ sets: DataValueSet[]; closedAt: Date }> {
  const report = await readReport(ctx, reportId);
  if (!report) {
    throw problem('not-found', 'report-unknown', `There is no MeasureReport/${reportId}.`);
  }
  const found = await findDataSets(ctx, {
    measureId: report.measure_id,
    ...(dataSet && { dataSet }),
  });
  if (found.length !== 1) throw noSet(report.measure_id, found);
  const set = found[0]!;
  const period = periodHolding(set.periodType, report.starts_on);
  checkPeriod(set, period, report);
  return { sets: await setsOf(ctx, set, period!, [report]), closedAt: report.updated_at };
}

/**
 * The sets of an org unit in a period, by DHIS2's own names; with `children` those of the areas
 * directly below it instead, for DHIS2 adds up by itself.
 *
 * @throws Problem dhis2-unmapped, dhis2-period, report-unknown, area-unknown
 */
export async function setsByName(
  ctx: Context,
  asked: { dataSet: string; period: string; orgUnit: string; children: boolean },
): Promise<{ sets: DataValueSet[]; closedAt: Date }> {
  const [set, ...more] = await findDataSets(ctx, { dataSet: asked.dataSet });
  if (!set || more.length > 0) throw noSet(asked.dataSet, set ? [set, ...more] : []);
  const period = parsePeriodId(asked.period);
  checkPeriod(set, period, undefined);
  const area = await areaByUnit(ctx, treeOf(ctx), asked.orgUnit, set.orgUnitScheme === 'uid');
  if (!area) {
    throw problem('value', 'area-unknown', `No area has the org unit ${asked.orgUnit}.`, 'orgUnit');
  }
  const all = await reportsOf(ctx, set.measureId, period!, area.area_id, asked.children);
  const reports = all.filter((each) => (each.area_id === area.area_id) !== asked.children);
  if (reports.length === 0) {
    throw problem(
      'not-found',
      'report-unknown',
      `${asked.period} is not closed for ${asked.orgUnit}; only closed periods are given to DHIS2.`,
      'period',
    );
  }
  const closedAt = reports[0]!.updated_at;
  return { sets: await setsOf(ctx, set, period!, reports), closedAt };
}

async function setsOf(
  ctx: Context,
  set: DataSetRow,
  period: Dhis2Period,
  reports: readonly ReportRow[],
): Promise<DataValueSet[]> {
  const mappings = await mappingsOf(ctx, set.mapId);
  const figures = await keptFigures(
    ctx,
    reports.map((each) => each.report_id),
  );
  const frame = await frameOf(ctx, [...figures.values()].flat(), []);
  const ids = reports.map((each) => each.area_id).filter((id) => id !== null);
  const areas = await areasOf(ctx, treeOf(ctx), ids);
  const indicators = indicatorsOf(ctx, set.measureId);
  return reports.map((report) => {
    const area = report.area_id === null ? undefined : areas.get(report.area_id);
    if (!area) {
      throw problem(
        'business-rule',
        'dhis2-unmapped',
        'A report of the whole has no org unit; take that of an area.',
      );
    }
    const rows = figures.get(report.report_id) ?? [];
    return {
      set,
      period,
      orgUnit: orgUnitOf(set, area),
      completeDate: dayOf(report.updated_at, ctx.setting(TIME_ZONE)),
      values: dataValues(set, mappings, indicators, rows, frame),
    };
  });
}

function checkPeriod(
  set: DataSetRow,
  period: Dhis2Period | undefined,
  report: ReportRow | undefined,
): void {
  const fits =
    period?.type === set.periodType &&
    (!report || (period.startsOn === report.starts_on && period.endsOn === report.ends_on));
  if (fits) return;
  throw problem(
    'value',
    'dhis2-period',
    `The data set ${set.dataSet} takes periods of type ${set.periodType}.`,
    'period',
  );
}

function noSet(what: string, found: readonly DataSetRow[]) {
  return problem(
    'business-rule',
    'dhis2-unmapped',
    found.length === 0
      ? `No active ConceptMap maps ${what}; write one with the profile dhis2-mapping.`
      : `${what} stands in several mappings; name dataSet: ${found.map((each) => each.dataSet).join(', ')}.`,
    'dataSet',
  );
}
