/**
 * From figures to DHIS2's data values: the one table from which JSON, XML, CSV and ADX are written.
 *
 * Every mapped cell has a value, zero included. A figure that is not zero and has no place in the
 * mapping stops the rendering, and all such places are named: otherwise people or money would vanish
 * silently. Pure.
 *
 * Source: DHIS2 developer guide, data values; IHE mADX.
 */

import { type Issue, Problem } from '../../../src/sdk/index.ts';
import { byCurrency, codeOf, type Frame, total } from '../cells.ts';
import { type Dimension, stratumOf } from '../dimensions.ts';
import type { Indicator } from '../indicator.ts';
import { dimensionCode, scoreText } from '../measure-report.ts';
import type { AreaRow, FigureRow } from '../store/figures.ts';
import type { DataSetRow, MappingRow } from '../store/mappings.ts';
import type { Dhis2Period } from './period.ts';

/** One data value. */
export interface DataValue {
  readonly dataElement: string;
  readonly categoryOptionCombo: string | undefined;
  /** Decimal text. */
  readonly value: string;
}

/** Values of one data set, period and org unit. */
export interface DataValueSet {
  readonly set: DataSetRow;
  readonly period: Dhis2Period;
  readonly orgUnit: string;
  readonly completeDate: string | undefined;
  /** In the order of data element and option combo. */
  readonly values: readonly DataValue[];
}

/** Id of an area in DHIS2, by the data set's scheme. @throws Problem dhis2-unmapped */
export function orgUnitOf(set: DataSetRow, area: AreaRow): string {
  const id = set.orgUnitScheme === 'uid' ? area.dhis2_uid : area.code;
  if (id) return id;
  throw new Problem([unmapped(`Location/${area.fhir_id} has no ${set.orgUnitScheme} of DHIS2`)]);
}

/**
 * Values of a report.
 *
 * @throws Problem dhis2-unmapped with an issue for each place that is missing
 */
export function dataValues(
  set: DataSetRow,
  mappings: readonly MappingRow[],
  indicators: readonly Indicator[],
  rows: readonly FigureRow[],
  frame: Frame,
): DataValue[] {
  const issues: Issue[] = [];
  const values: DataValue[] = [];
  for (const indicator of indicators) {
    const own = mappings.filter((row) => row.indicator === indicator.code);
    const currencies = [...byCurrency(indicator, rows)];
    if (own.length === 0) issues.push(unmapped(`${indicator.code} is not mapped`));
    if (currencies.length > 1) {
      const names = currencies.map(([currency]) => currency).join(', ');
      issues.push(unmapped(`${indicator.code} is in several currencies (${names})`));
    }
    const [[currency, figures] = [undefined, []]] = currencies;
    values.push(...valuesOf(indicator, own, figures, currency, frame, issues));
  }
  if (issues.length > 0) {
    throw new Problem([
      ...issues,
      {
        severity: 'information',
        kind: 'informational',
        diagnostics: `Complete ConceptMap/${set.fhirId}; nothing was rendered.`,
      },
    ]);
  }
  return values.sort((a, b) => compare(keyOf(a), keyOf(b)));
}

function valuesOf(
  indicator: Indicator,
  mappings: readonly MappingRow[],
  rows: readonly FigureRow[],
  currency: string | undefined,
  frame: Frame,
  issues: Issue[],
): DataValue[] {
  const [first] = mappings;
  if (!first) return [];
  const wanted =
    first.stratum === '' ? [] : first.stratum.split(',').map((each) => each.split('=')[0]);
  const dimensions = [...new Set(indicator.splits.flat())].filter((each) =>
    wanted.includes(dimensionCode(indicator, each)),
  );
  const cells = Map.groupBy(rows, (row) => stratumOfRow(indicator, dimensions, row, frame));
  const mapped = new Set(mappings.map((each) => each.stratum));
  for (const [stratum, figures] of cells) {
    const sum = total(figures);
    if (mapped.has(stratum) || (sum.count === 0n && sum.value === 0n)) continue;
    issues.push(unmapped(`${indicator.code} ${stratum || '(total)'} is not mapped`));
  }
  return mappings.flatMap(({ stratum, dataElement, categoryOptionCombo }) => {
    if (dataElement === null) return [];
    const { value } = total(cells.get(stratum) ?? []);
    return [
      {
        dataElement,
        categoryOptionCombo: categoryOptionCombo ?? undefined,
        value: scoreText(indicator, value, currency),
      },
    ];
  });
}

function stratumOfRow(
  indicator: Indicator,
  dimensions: readonly Dimension[],
  row: FigureRow,
  frame: Frame,
): string {
  return stratumOf(
    Object.fromEntries(
      dimensions.map((each) => [dimensionCode(indicator, each), codeOf(row, each, frame)]),
    ),
  );
}

function unmapped(what: string): Issue {
  return {
    severity: 'error',
    kind: 'business-rule',
    code: 'dhis2-unmapped',
    diagnostics: `${what}.`,
  };
}

function keyOf(value: DataValue): string {
  return `${value.dataElement} ${value.categoryOptionCombo ?? ''}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
