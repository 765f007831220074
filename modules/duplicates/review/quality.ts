/**
 * `Task/$review-quality`: what reviewers' verdicts say of the matching, as a MeasureReport: of each grade
 * how many were decided, how many were one person, that share with its 95 % interval, and whether it has
 * drifted in the last month; how far two people agree (kappa); and from which probability on a wanted share
 * of pairs is one person, by what was reviewed. Once a day what is not as it should be is told by a Task.
 */

import type {
  Extension,
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupPopulation,
} from '@medplum/fhirtypes';
import {
  CANONICAL_ROOT,
  type Context,
  inputParameter,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  permission,
  problem,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { verdictCounts, verdictsByScore, verdictsOfTwo } from '../store/review.ts';
import {
  type Answers,
  hasDrifted,
  kappa,
  type Share,
  type Threshold,
  thresholdFor,
  wilson,
} from './statistics.ts';

export const REVIEW_QUALITY = permission(
  'duplicates.review-quality',
  'see how right the matching is and how far reviewers agree',
);

const YEAR_MS = 366 * 24 * 3600 * 1000;
const MONTH_MS = 30 * 24 * 3600 * 1000;

/** Shares for which a probability is told, unless the caller names others. */
const PRECISIONS = [0.999, 0.99, 0.95, 0.9, 0.5];
/** What the grades say of themselves. */
const LEAST: Readonly<Record<string, number>> = { certain: 0.999, probable: 0.9, possible: 0.5 };
/** Agreement below which reviewers are looked after ("fair" of Landis and Koch), and from which number of pairs. */
const [AGREEMENT_MIN, AGREEMENT_CASES] = [0.4, 30];

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
    parameter: [
      inputParameter(
        'precision',
        'decimal',
        'Shares that are wanted, for each of which the lowest probability is told; else .999 to .5.',
        '*',
      ),
      outputParameter('return', 'MeasureReport', 1),
    ],
  },
  permission: REVIEW_QUALITY,
  run,
};

async function run(ctx: Context, { parameters }: OperationInput): Promise<MeasureReport> {
  const given = (parameters.parameter ?? []).flatMap(({ name, valueDecimal }) =>
    name === 'precision' && valueDecimal !== undefined ? [Number(valueDecimal)] : [],
  );
  for (const each of given) {
    if (each > 0 && each < 1) continue;
    throw problem(
      'value',
      'review-precision',
      'A share between 0 and 1, such as .95.',
      'precision',
    );
  }
  return (await qualityOf(ctx, given.length > 0 ? given : PRECISIONS)).report;
}

/** The report, and what of it somebody has to look at. */
export async function qualityOf(
  ctx: Context,
  precisions: readonly number[] = PRECISIONS,
): Promise<{ report: MeasureReport; alarms: readonly string[] }> {
  const since = new Date(ctx.now.getTime() - YEAR_MS);
  const recent = new Date(ctx.now.getTime() - MONTH_MS);
  const grades = Map.groupBy(await verdictCounts(ctx, since, recent), (row) => row.grade);
  const judged = [...grades].map(([grade, counts]) => judgedGrade(grade, counts));
  const answers = await verdictsOfTwo(ctx, since);
  const reviewed = await verdictsByScore(ctx, since);
  const report: MeasureReport = {
    resourceType: 'MeasureReport',
    status: 'complete',
    type: 'summary',
    measure: `${CANONICAL_ROOT}/Measure/review-quality`,
    date: ctx.now.toISOString(),
    period: { start: since.toISOString(), end: ctx.now.toISOString() },
    group: [
      ...judged.map(gradeGroup),
      agreementGroup(answers),
      ...precisions.map((wanted) => thresholdGroup(wanted, thresholdFor(wanted, reviewed))),
    ],
  };
  return { report, alarms: [...judged.flatMap(alarmsOf), ...disagreement(answers)] };
}

interface Counts {
  readonly recent: boolean;
  readonly decided: number;
  readonly duplicate: number;
}

/** What was decided of the pairs of a grade. */
interface JudgedGrade {
  readonly grade: string;
  readonly decided: number;
  readonly duplicate: number;
  readonly share: Share;
  readonly before: Share;
  readonly now: Share;
}

function judgedGrade(grade: string, counts: readonly Counts[]): JudgedGrade {
  const of = (rows: readonly Counts[]): { decided: number; duplicate: number; share: Share } => {
    const decided = rows.reduce((sum, row) => sum + row.decided, 0);
    const duplicate = rows.reduce((sum, row) => sum + row.duplicate, 0);
    return { decided, duplicate, share: wilson(duplicate, decided) };
  };
  return {
    grade,
    ...of(counts),
    before: of(counts.filter(({ recent }) => !recent)).share,
    now: of(counts.filter(({ recent }) => recent)).share,
  };
}

/** Surely less right than its grade says, or otherwise than it was. */
function alarmsOf({ grade, share, before, now }: JudgedGrade): string[] {
  const least = LEAST[grade];
  return [
    ...(least !== undefined && share.high < least
      ? [`of pairs graded ${grade} at most ${percent(share.high)} are one person`]
      : []),
    ...(hasDrifted(before, now)
      ? [
          `of pairs graded ${grade} ${percent(now.share)} were one person in the last month, and ` +
            `${percent(before.share)} before`,
        ]
      : []),
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function gradeGroup({
  grade,
  decided,
  duplicate,
  share,
  before,
  now,
}: JudgedGrade): MeasureReportGroup {
  return {
    extension: [
      intervalOf(share),
      { url: structureDefinition('score-drifted'), valueBoolean: hasDrifted(before, now) },
    ],
    code: { text: grade },
    population: [population('decided', decided), population('duplicate', duplicate)],
    measureScore: { value: rounded(share.share) },
  };
}

function intervalOf({ low, high }: Share): Extension {
  return {
    url: structureDefinition('score-interval'),
    extension: [
      { url: 'low', valueDecimal: rounded(low) },
      { url: 'high', valueDecimal: rounded(high) },
    ],
  };
}

function agreementGroup(answers: readonly Answers[]): MeasureReportGroup {
  const value = kappa(answers);
  return {
    code: { text: 'agreement of two reviewers (kappa)' },
    population: [population('decided by two', decidedByTwo(answers))],
    ...(value !== undefined && { measureScore: { value: rounded(value) } }),
  };
}

function decidedByTwo(answers: readonly Answers[]): number {
  return answers.reduce((sum, { n }) => sum + n, 0);
}

function disagreement(answers: readonly Answers[]): string[] {
  const value = kappa(answers);
  if (value === undefined || decidedByTwo(answers) < AGREEMENT_CASES || value >= AGREEMENT_MIN) {
    return [];
  }
  return [`two reviewers agree little beyond chance (kappa ${rounded(value)})`];
}

/** The score is the probability from which on the share is reached; none where none is. */
function thresholdGroup(wanted: number, found: Threshold | undefined): MeasureReportGroup {
  return {
    ...(found && { extension: [intervalOf(found.share)] }),
    code: { text: `probability from which on ${percent(wanted)} are one person` },
    population: [
      population('decided', found?.decided ?? 0),
      population('duplicate', found?.duplicate ?? 0),
    ],
    ...(found && { measureScore: { value: Math.floor(found.p * 10_000) / 10_000 } }),
  };
}

function population(text: string, count: number): MeasureReportGroupPopulation {
  return { code: { text }, count };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
