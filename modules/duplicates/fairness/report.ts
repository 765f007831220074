/**
 * How the matching treats groups of people, as a MeasureReport: recall, wrong holds and waiting, by
 * sex, age, area, script, and by what is known of people. Those with least (no document, a guessed
 * birth date) are the ones whom matching fails first, and nobody sees it in a total.
 *
 * Pure. Spec: https://hl7.org/fhir/R4/measurereport.html
 */

import type {
  CodeableConcept,
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupPopulation,
  MeasureReportGroupStratifierStratum,
} from '@medplum/fhirtypes';
import { CANONICAL_ROOT, structureDefinition } from '../../../src/sdk/index.ts';
import { isHeldMore } from '../matching/fairness.ts';
import { EVERYBODY, type GroupRow } from '../store/fairness.ts';

/** Canonical of the reports. */
export const FAIRNESS_MEASURE = `${CANONICAL_ROOT}/Measure/duplicates-fairness`;

const FLAGGED = structureDefinition('held-disproportionately');
const POPULATIONS = 'http://terminology.hl7.org/CodeSystem/measure-population';

/** A figure: what is divided by what, and in which unit. */
interface Figure {
  readonly text: string;
  readonly over: (row: GroupRow) => readonly [part: number, whole: number];
  readonly unit?: string;
}

const FIGURES: readonly Figure[] = [
  { text: 'recall', over: ({ found, pairs }) => [found, pairs] },
  { text: 'false-hold-rate', over: ({ held_wrongly, people }) => [held_wrongly, people] },
  {
    text: 'waiting days',
    over: ({ waited_days, waiting }) => [waited_days, waiting],
    unit: 'd',
  },
];

/** The groups that are held wrongly more often than everybody, beyond chance. */
export function flaggedGroups(rows: readonly GroupRow[]): GroupRow[] {
  const all = rows.find(({ dimension }) => dimension === EVERYBODY);
  const average = all ? all.held_wrongly / all.people : 0;
  return rows.filter((row) => isHeldMore(row.held_wrongly, row.people, average));
}

/**
 * The report.
 *
 * @param period  from when on decisions and holds count, until now
 */
export function fairnessReport(
  rows: readonly GroupRow[],
  period: { readonly since: Date; readonly now: Date },
): MeasureReport {
  const flagged = new Set(flaggedGroups(rows));
  return {
    resourceType: 'MeasureReport',
    status: 'complete',
    type: 'summary',
    measure: FAIRNESS_MEASURE,
    date: period.now.toISOString(),
    period: { start: period.since.toISOString(), end: period.now.toISOString() },
    extension: [{ url: FLAGGED, valueBoolean: flagged.size > 0 }],
    group: FIGURES.map((figure) => groupOf(figure, rows, flagged)),
  };
}

function groupOf(
  figure: Figure,
  rows: readonly GroupRow[],
  flagged: ReadonlySet<GroupRow>,
): MeasureReportGroup {
  const [[all], others] = [
    rows.filter(({ dimension }) => dimension === EVERYBODY),
    rows.filter(({ dimension }) => dimension !== EVERYBODY),
  ];
  return {
    code: { text: figure.text },
    ...(all && { population: populationsOf(figure, all), ...scoreOf(figure, all) }),
    stratifier: [...Map.groupBy(others, ({ dimension }) => dimension)].map(([dimension, of]) => ({
      code: [{ text: dimension }],
      stratum: of.map((row) => stratumOf(figure, row, flagged.has(row))),
    })),
  };
}

function stratumOf(
  figure: Figure,
  row: GroupRow,
  isFlagged: boolean,
): MeasureReportGroupStratifierStratum {
  return {
    ...(isFlagged &&
      figure.text === 'false-hold-rate' && {
        extension: [{ url: FLAGGED, valueBoolean: true }],
      }),
    value: { text: row.grp },
    population: populationsOf(figure, row),
    ...scoreOf(figure, row),
  };
}

/** All people of the group, numerator and denominator. Expected numbers are rounded. */
function populationsOf(figure: Figure, row: GroupRow): MeasureReportGroupPopulation[] {
  const [part, whole] = figure.over(row);
  return [
    population('initial-population', row.people),
    population('numerator', part),
    population('denominator', whole),
  ];
}

function population(code: string, count: number): MeasureReportGroupPopulation {
  const concept: CodeableConcept = { coding: [{ system: POPULATIONS, code }] };
  return { code: concept, count: Math.round(count) };
}

function scoreOf(figure: Figure, row: GroupRow): Pick<MeasureReportGroup, 'measureScore'> {
  const [part, whole] = figure.over(row);
  if (!(whole > 0)) return {};
  const value = Math.round((part / whole) * 1e6) / 1e6;
  const { unit } = figure;
  const measure = unit ? { unit, system: 'http://unitsofmeasure.org', code: unit } : {};
  return { measureScore: { value, ...measure } };
}
