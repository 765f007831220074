/**
 * `Task/$review-quality`: what reviewers' verdicts say of the matching, as a MeasureReport: of each grade
 * how many were decided, how many were one person, that share with its 95 % interval, and whether it has
 * drifted in the last month; and how far two people agree (kappa).
 */

import type {
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupPopulation,
} from '@medplum/fhirtypes';
import {
  CANONICAL_ROOT,
  type Context,
  type Operation,
  operationDefinition,
  outputParameter,
  permission,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { verdictCounts, verdictsOfTwo } from '../store/review.ts';
import { hasDrifted, kappa, type Share, wilson } from './statistics.ts';

export const REVIEW_QUALITY = permission(
  'duplicates.review-quality',
  'see how right the matching is and how far reviewers agree',
);

const YEAR_MS = 366 * 24 * 3600 * 1000;
const MONTH_MS = 30 * 24 * 3600 * 1000;

export const qualityOperation: Operation = {
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('review-quality'),
    name: 'ReviewQuality',
    title: 'How right the matching is',
    status: 'active',
    kind: 'operation',
    code: 'review-quality',
    description:
      'A MeasureReport over the verdicts of a year: by grade the decided ones, the share that was one ' +
      'person with its interval, and whether it has drifted in a month; and the agreement of reviewers.',
    affectsState: false,
    resource: ['Task'],
    system: false,
    type: true,
    instance: false,
    parameter: [outputParameter('return', 'MeasureReport', 1)],
  },
  permission: REVIEW_QUALITY,
  run: report,
};

async function report(ctx: Context): Promise<MeasureReport> {
  const since = new Date(ctx.now.getTime() - YEAR_MS);
  const recent = new Date(ctx.now.getTime() - MONTH_MS);
  const rows = await verdictCounts(ctx, since, recent);
  const grades = [...Map.groupBy(rows, (row) => row.grade)];
  const answers = await verdictsOfTwo(ctx, since);
  return {
    resourceType: 'MeasureReport',
    status: 'complete',
    type: 'summary',
    measure: `${CANONICAL_ROOT}/Measure/review-quality`,
    date: ctx.now.toISOString(),
    period: { start: since.toISOString(), end: ctx.now.toISOString() },
    group: [...grades.map(([grade, counts]) => gradeGroup(grade, counts)), agreementGroup(answers)],
  };
}

interface Counts {
  readonly recent: boolean;
  readonly decided: number;
  readonly duplicate: number;
}

function gradeGroup(grade: string, counts: readonly Counts[]): MeasureReportGroup {
  const of = (rows: readonly Counts[]): { decided: number; duplicate: number; share: Share } => {
    const decided = rows.reduce((sum, row) => sum + row.decided, 0);
    const duplicate = rows.reduce((sum, row) => sum + row.duplicate, 0);
    return { decided, duplicate, share: wilson(duplicate, decided) };
  };
  const all = of(counts);
  const drifted = hasDrifted(
    of(counts.filter(({ recent }) => !recent)).share,
    of(counts.filter(({ recent }) => recent)).share,
  );
  return {
    extension: [
      {
        url: structureDefinition('score-interval'),
        extension: [
          { url: 'low', valueDecimal: rounded(all.share.low) },
          { url: 'high', valueDecimal: rounded(all.share.high) },
        ],
      },
      { url: structureDefinition('score-drifted'), valueBoolean: drifted },
    ],
    code: { text: grade },
    population: [population('decided', all.decided), population('duplicate', all.duplicate)],
    measureScore: { value: rounded(all.share.share) },
  };
}

function agreementGroup(
  answers: readonly { one: string; other: string; n: number }[],
): MeasureReportGroup {
  const value = kappa(answers);
  const decided = answers.reduce((sum, { n }) => sum + n, 0);
  return {
    code: { text: 'agreement of two reviewers (kappa)' },
    population: [population('decided by two', decided)],
    ...(value !== undefined && { measureScore: { value: rounded(value) } }),
  };
}

function population(text: string, count: number): MeasureReportGroupPopulation {
  return { code: { text }, count };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
