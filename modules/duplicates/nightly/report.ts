/**
 * What a run over everybody did, as a MeasureReport that officers can read: how many people were compared,
 * what was found, and who could not be compared, by rule. A crowd of namesakes costs no time, but nobody
 * looks for duplicates in it: that must be seen somewhere.
 *
 * Spec: https://hl7.org/fhir/R4/measurereport.html
 */

import type {
  MeasureReport,
  MeasureReportGroupPopulation,
  MeasureReportGroupStratifier,
} from '@medplum/fhirtypes';
import { CANONICAL_ROOT } from '../../../src/sdk/index.ts';
import type { Unseen } from '../matching/blocks.ts';
import type { RunReportRow } from '../store/everybody.ts';
import type { Findings } from './everybody.ts';

/** Canonical of the reports. */
export const RUN_MEASURE = `${CANONICAL_ROOT}/Measure/duplicates-run`;

/** What was not compared, as the row of a run keeps it. */
export interface NotCompared extends Unseen {
  readonly rules: Findings['skipped'];
}

/** The report of a run that has ended. */
export function runReport(row: RunReportRow, now: Date): MeasureReport {
  const { people, compared, pairs, raised, refused } = row;
  const left = JSON.parse(row.skipped) as NotCompared;
  const groups = [
    {
      code: { text: 'compared' },
      population: counts({ people, 'pairs compared': compared, 'pairs kept': pairs, raised }),
    },
    {
      code: { text: 'not compared' },
      population: counts({
        'people of whom too little is known': left.unknown,
        'people of whom too many share everything': left.crowded,
      }),
      ...(left.rules.length > 0 && { stratifier: [byRule(left)] }),
    },
  ];
  return {
    resourceType: 'MeasureReport',
    text: { status: 'generated', div: narrative(row, left, refused) },
    status: 'complete',
    type: 'summary',
    measure: RUN_MEASURE,
    date: now.toISOString(),
    period: { start: row.started_at.toISOString(), end: now.toISOString() },
    group: groups,
  };
}

function byRule({ rules }: NotCompared): MeasureReportGroupStratifier {
  const stratum = rules.map(({ rule, keys, people }) => ({
    value: { text: rule },
    population: counts({ people, keys }),
  }));
  return { code: [{ text: 'rule' }], stratum };
}

function counts(of: Readonly<Record<string, number | null>>): MeasureReportGroupPopulation[] {
  return Object.entries(of).flatMap(([text, count]) =>
    count === null ? [] : [{ code: { text }, count }],
  );
}

function narrative({ people, raised }: RunReportRow, left: NotCompared, refused: string | null) {
  const lines = [
    `${people} people were compared; ${raised ?? 0} suspicions were raised.`,
    `${left.unknown} could not be compared because too little is known of them, ` +
      `${left.crowded} because too many share everything that is known of them.`,
    ...left.rules.map(
      ({ rule, keys, people: of }) =>
        `By ${rule}: ${of} people who share ${keys} values with too many others were not compared.`,
    ),
    ...(refused === null ? [] : [`The weights learnt were not used: ${refused}.`]),
  ];
  const said = lines.map((line) => `<p>${line.replaceAll('&', 'and').replaceAll('<', '')}</p>`);
  return `<div xmlns="http://www.w3.org/1999/xhtml">${said.join('')}</div>`;
}
