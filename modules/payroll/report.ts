/**
 * The report of one payroll: planned against paid, by area, sex and age of the recipient, and reason, as
 * MeasureReport and as a table. Totals of every split are the same: they are sums of the same rows.
 *
 * Spec: https://hl7.org/fhir/R4/measurereport.html
 */

import type {
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupStratifier,
} from '@medplum/fhirtypes';
import { CANONICAL_ROOT, codeSystem, formatAmount } from '../../src/sdk/index.ts';
import type { Sheet } from '../indicators/index.ts';
import type { PayrollTitle } from './store/decide.ts';
import type { ReportRow } from './store/paper.ts';

type Measure = 'planned' | 'paid' | 'waiting' | 'not-paid' | 'excluded';

const MEASURES: readonly (readonly [Measure, string])[] = [
  ['planned', 'Lines of the payroll'],
  ['paid', 'Confirmed as paid'],
  ['waiting', 'Not decided yet'],
  ['not-paid', 'Definitively not paid'],
  ['excluded', 'Left out of the payroll'],
];

const isOf = (row: ReportRow, measure: Measure): boolean =>
  measure === 'planned' ? row.what !== 'excluded' : row.what === measure;

const SPLITS: readonly (readonly [string, (row: ReportRow) => string])[] = [
  ['area', (row) => row.area_fhir_id ?? 'unknown'],
  ['sex', (row) => row.sex],
  ['age', (row) => row.age_band],
  ['reason', (row) => row.reason],
];

interface Sum {
  readonly n: bigint;
  readonly minor: bigint;
}

function sumOf(rows: readonly ReportRow[]): Sum {
  return rows.reduce((sum, row) => ({ n: sum.n + row.n, minor: sum.minor + row.minor }), {
    n: 0n,
    minor: 0n,
  });
}

/** The report as MeasureReport: a group each of planned, paid, waiting, not paid and left out. */
export function payrollReport(
  payrollId: string,
  payroll: PayrollTitle,
  rows: readonly ReportRow[],
  now: Date,
): MeasureReport {
  return {
    resourceType: 'MeasureReport',
    status: payroll.state === 'closed' ? 'complete' : 'pending',
    type: 'summary',
    measure: `${CANONICAL_ROOT}/Measure/payroll`,
    date: now.toISOString(),
    period: { start: payroll.starts_on, end: payroll.ends_on },
    evaluatedResource: [{ reference: `List/${payrollId}`, display: payroll.title }],
    group: MEASURES.map(([measure, title]) => groupOf(measure, title, payroll, rows)),
  };
}

function groupOf(
  measure: Measure,
  text: string,
  { currency }: PayrollTitle,
  all: readonly ReportRow[],
): MeasureReportGroup {
  const rows = all.filter((row) => isOf(row, measure));
  const stratifiers = SPLITS.flatMap(([split, value]): MeasureReportGroupStratifier[] => {
    const code =
      split !== 'reason' ? split : measure === 'excluded' ? 'exclusion-reason' : 'unpaid-reason';
    const groups = [...Map.groupBy(rows, value)].filter(([key]) => key !== '');
    if (groups.length === 0) return [];
    return [
      {
        code: [{ coding: [{ system: codeSystem('indicator-dimension'), code }], text: split }],
        stratum: groups.map(([key, part]) => ({
          value: { text: key },
          ...figures(part, currency),
        })),
      },
    ];
  });
  return {
    code: { coding: [{ system: codeSystem('payroll-figure'), code: measure }], text },
    ...figures(rows, currency),
    ...(stratifiers.length > 0 && { stratifier: stratifiers }),
  };
}

function figures(rows: readonly ReportRow[], currency: string) {
  const { n, minor } = sumOf(rows);
  return {
    population: [
      {
        code: {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/measure-population',
              code: 'measure-population',
            },
          ],
        },
        count: Number(n),
      },
    ],
    measureScore: {
      value: Number(formatAmount({ minor, currency })),
      unit: currency,
      system: 'urn:iso:std:iso:4217',
      code: currency,
    },
  };
}

/** The report as a table, a row for each split of everything. */
export function reportSheet({ currency }: PayrollTitle, rows: readonly ReportRow[]): Sheet {
  return {
    name: 'report',
    columns: ['area', 'area name', 'sex', 'age', 'what', 'reason', 'count', 'amount', 'currency'],
    rows: rows.map((row) => [
      row.area_fhir_id,
      row.area,
      row.sex,
      row.age_band,
      row.what,
      row.reason,
      Number(row.n),
      { decimal: formatAmount({ minor: row.minor, currency }) },
      currency,
    ]),
  };
}
