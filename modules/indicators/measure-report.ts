/**
 * Figures as FHIR MeasureReport, shaped as IHE mADX asks: a group per indicator (per currency, for
 * money), a stratifier per split, components that name dimension and code, zeros written out.
 *
 * Counts stand in `population.count` and in `measureScore`; money and days stand in `measureScore`
 * only, with the number of payments in the count. Pure.
 *
 * Spec: https://hl7.org/fhir/R4/measurereport.html, https://profiles.ihe.net/QRPH/mADX/
 */

import type {
  CodeableConcept,
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupPopulation,
  MeasureReportGroupStratifier,
  MeasureReportGroupStratifierStratumComponent,
  Quantity,
} from '@medplum/fhirtypes';
import { CANONICAL_ROOT, codeSystem, formatAmount, identifierSystem } from '../../src/sdk/index.ts';
import { byCurrency, type Cell, cellsOf, type Frame, type Sum, total } from './cells.ts';
import { AGE_BANDS, DIMENSIONS, type Dimension, SEX_SYSTEM } from './dimensions.ts';
import type { Indicator } from './indicator.ts';
import type { ReportingPeriod } from './period.ts';
import type { AreaRow, FigureRow } from './store/figures.ts';

/** System of the codes of indicators. */
export const INDICATORS = codeSystem('indicator');

/** What a report is about. */
export interface ReportHead {
  readonly measureId: string;
  readonly period: ReportingPeriod;
  /** The area; undefined for the whole. */
  readonly area: AreaRow | undefined;
  readonly status: 'complete' | 'pending';
  readonly date: Date;
}

/** Canonical URL of a Measure. */
export function measureUrl(id: string): string {
  return `${CANONICAL_ROOT}/Measure/${id}`;
}

/** Builds the report. */
export function measureReport(
  head: ReportHead,
  indicators: readonly Indicator[],
  rows: readonly FigureRow[],
  frame: Frame,
): MeasureReport {
  return {
    resourceType: 'MeasureReport',
    status: head.status,
    type: 'summary',
    measure: measureUrl(head.measureId),
    ...(head.area && {
      subject: { reference: `Location/${head.area.fhir_id}`, display: head.area.name },
    }),
    date: head.date.toISOString(),
    period: { start: head.period.startsOn, end: head.period.endsOn },
    group: indicators.flatMap((indicator) =>
      [...byCurrency(indicator, rows)].map(([currency, own]) =>
        group(indicator, currency, own, frame),
      ),
    ),
  };
}

function group(
  indicator: Indicator,
  currency: string | undefined,
  rows: readonly FigureRow[],
  frame: Frame,
): MeasureReportGroup {
  const sum = total(rows);
  return {
    code: { coding: [{ system: INDICATORS, code: indicator.code, display: indicator.title }] },
    population: [population(sum)],
    measureScore: score(indicator, sum, currency),
    stratifier: indicator.splits.map((split) =>
      stratifier(indicator, split, cellsOf(indicator, split, rows, frame), currency),
    ),
  };
}

function stratifier(
  indicator: Indicator,
  split: readonly Dimension[],
  cells: readonly Cell[],
  currency: string | undefined,
): MeasureReportGroupStratifier {
  return {
    code: split.map((dimension) => dimensionConcept(indicator, dimension)),
    ...(cells.length > 0 && {
      stratum: cells.map((cell) => ({
        component: split.map((dimension) => component(indicator, dimension, cell)),
        population: [population(cell)],
        measureScore: score(indicator, cell, currency),
      })),
    }),
  };
}

function component(
  indicator: Indicator,
  dimension: Dimension,
  cell: Cell,
): MeasureReportGroupStratifierStratumComponent {
  const code = cell.coordinates[dimension] ?? '';
  return {
    code: dimensionConcept(indicator, dimension),
    value: { coding: [{ system: systemOf(indicator, dimension), code }] },
  };
}

/** Code of a dimension; the category has a name of the indicator's own. */
export function dimensionCode(indicator: Indicator, dimension: Dimension): string {
  return dimension === 'category' ? (indicator.category?.code ?? 'category') : dimension;
}

function dimensionConcept(indicator: Indicator, dimension: Dimension): CodeableConcept {
  return { coding: [{ system: DIMENSIONS, code: dimensionCode(indicator, dimension) }] };
}

function systemOf(indicator: Indicator, dimension: Dimension): string {
  switch (dimension) {
    case 'sex':
      return SEX_SYSTEM;
    case 'age':
      return AGE_BANDS;
    case 'area':
      return identifierSystem('location');
    case 'scheme':
      return identifierSystem('scheme');
    case 'category':
      return indicator.category?.system ?? DIMENSIONS;
  }
}

function population({ count }: Sum): MeasureReportGroupPopulation {
  return {
    code: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/measure-population',
          code: 'initial-population',
        },
      ],
    },
    count: Number(count),
  };
}

function score(indicator: Indicator, { value }: Sum, currency: string | undefined): Quantity {
  const number = Number(scoreText(indicator, value, currency));
  if (indicator.unit === 'days') {
    return { value: number, unit: 'd', system: 'http://unitsofmeasure.org', code: 'd' };
  }
  if (indicator.unit === 'amount' && currency) {
    return { value: number, unit: currency, system: 'urn:iso:std:iso:4217', code: currency };
  }
  return { value: number };
}

/** A figure as decimal text: an amount with all the places of its currency. */
export function scoreText(indicator: Indicator, value: bigint, currency?: string): string {
  if (indicator.unit !== 'amount' || currency === undefined) return value.toString();
  return formatAmount({ minor: value, currency });
}
