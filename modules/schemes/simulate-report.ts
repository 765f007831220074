/**
 * The answer of a simulation: a MeasureReport with a group for each figure, split by area, sex and
 * age of the recipient, size of the household and reason; the same as a table. Every split of a
 * group comes to the same sums, for all are sums of the same rows.
 *
 * Spec: https://hl7.org/fhir/R4/measurereport.html
 */

import type {
  MeasureReport,
  MeasureReportGroup,
  MeasureReportGroupStratifier,
  Money,
  Parameters,
  ParametersParameter,
} from '@medplum/fhirtypes';
import { CANONICAL_ROOT, codeSystem, formatAmount } from '../../src/sdk/index.ts';
import type { Sheet } from '../indicators/index.ts';
import type { SpendingLimit } from './history.ts';
import type { SchemeRules } from './rules/types.ts';
import type { Scheme } from './store/schemes.ts';
import type { Side, SimulationQuestion, SimulationRow } from './store/simulation-types.ts';

/** What was asked, in words for the answer. */
export interface Simulation {
  readonly scheme: Scheme | undefined;
  readonly question: SimulationQuestion;
  readonly tried: Side;
  readonly now: Side | undefined;
  /** Version of the rules in force. */
  readonly version: number | undefined;
  /** Ceilings that would hold. */
  readonly limits: readonly SpendingLimit[];
}

/** A figure: which rows count, and what is added up of them. */
interface Figure {
  readonly code: string;
  readonly title: string;
  readonly is: (row: SimulationRow) => boolean;
  readonly minor: (row: SimulationRow, basis: Basis) => bigint;
  /** Why, where the figure has reasons. */
  readonly reason?: (row: SimulationRow) => string;
}

interface Basis {
  readonly now: bigint;
  readonly tried: bigint;
}

const difference = (row: SimulationRow, basis: Basis): bigint =>
  row.tried_minor * basis.tried - row.now_minor * basis.now;

const changes = (code: string, title: string, ...kinds: SimulationRow['change'][]): Figure => ({
  code,
  title,
  is: (row) => kinds.includes(row.change),
  minor: difference,
});

const FIGURES: readonly Figure[] = [
  { code: 'judged', title: 'Households looked at', is: () => true, minor: () => 0n },
  {
    code: 'paid-now',
    title: 'Paid by the rules in force',
    is: (row) => row.now_why === 'paid',
    minor: (row) => row.now_minor,
  },
  {
    code: 'paid-tried',
    title: 'Paid by the rules that are tried',
    is: (row) => row.tried_why === 'paid',
    minor: (row) => row.tried_minor,
  },
  changes('winners', 'Paid more than now, or only then', 'enters', 'more'),
  changes('losers', 'Paid less than now, or no more', 'leaves', 'less'),
  changes('entering', 'Paid only then', 'enters'),
  changes('leaving', 'Paid no more', 'leaves'),
  changes('unchanged', 'Paid the same', 'same'),
  {
    code: 'unpaid-tried',
    title: 'Not paid by the rules that are tried',
    is: (row) => row.tried_why !== 'paid',
    minor: () => 0n,
    reason: (row) => row.tried_why,
  },
  {
    code: 'beyond-budget',
    title: 'Paid then, but beyond the budget',
    is: (row) => row.over,
    minor: (row) => row.tried_minor,
  },
];

const SPLITS = ['area', 'sex', 'age', 'size'] as const;

/** Rows of one split. */
const ofSplit = (rows: readonly SimulationRow[], split: string) =>
  rows.filter((row) => row.split === split);

interface Sum {
  readonly n: bigint;
  readonly people: bigint;
  readonly minor: bigint;
}

function sumOf(rows: readonly SimulationRow[], figure: Figure, basis: Basis): Sum {
  return rows.filter(figure.is).reduce(
    (sum, row) => ({
      n: sum.n + row.n,
      people: sum.people + row.people,
      minor: sum.minor + figure.minor(row, basis),
    }),
    { n: 0n, people: 0n, minor: 0n },
  );
}

function basisOf({ question: { factors } }: Simulation): Basis {
  return { now: BigInt(factors.now_), tried: BigInt(factors.tried_) };
}

/** `not-eligible:2` as code, and the name of the criterion. */
function reasonOf(why: string, { criteria }: SchemeRules): readonly [string, string | null] {
  const [code = why, number] = why.split(':');
  return [code, criteria[Number(number) - 1]?.name ?? null];
}

/** All of a simulation as Parameters; `seen` are the households that may be named. */
export function simulationAnswer(
  simulation: Simulation,
  rows: readonly SimulationRow[],
  seen: ReadonlySet<string>,
  now: Date,
): Parameters {
  const { tried, question } = simulation;
  const { currency } = tried.rules;
  const basis = basisOf(simulation);
  const all = ofSplit(rows, 'all');
  const figure = (name: string, code: string): ParametersParameter => {
    const found = FIGURES.find((each) => each.code === code) as Figure;
    const { n, people, minor } = sumOf(all, found, basis);
    return {
      name,
      part: [
        { name: 'households', valueInteger: Number(n) },
        { name: 'people', valueInteger: Number(people) },
        { name: 'amount', valueMoney: moneyOf(minor, currency) },
      ],
    };
  };
  const yearly = basis.tried !== 1n || basis.now !== 1n;
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'period', valueString: tried.period.code },
      { name: 'basis', valueCode: yearly ? 'year' : 'period' },
      ...(simulation.now ? [figure('now', 'paid-now')] : []),
      figure('tried', 'paid-tried'),
      figure('winners', 'winners'),
      figure('losers', 'losers'),
      ...simulation.limits.map(
        ({ per, limitMinor, leftMinor }): ParametersParameter => ({
          name: 'ceiling',
          part: [
            { name: 'per', valueCode: per },
            { name: 'limit', valueMoney: moneyOf(limitMinor, currency) },
            { name: 'left', valueMoney: moneyOf(leftMinor, currency) },
          ],
        }),
      ),
      ...(question.budgetMinor === undefined ? [] : [figure('beyond-budget', 'beyond-budget')]),
      ...rows
        .filter((row) => seen.has(row.value) && (row.split === 'gain' || row.split === 'loss'))
        .map((row) => changeOf(row, currency)),
      { name: 'report', resource: reportOf(simulation, rows, now) },
    ],
  };
}

function changeOf(row: SimulationRow, currency: string): ParametersParameter {
  return {
    name: row.split,
    part: [
      { name: 'household', valueReference: { reference: `Group/${row.value}` } },
      { name: 'now', valueMoney: moneyOf(row.now_minor, currency) },
      { name: 'tried', valueMoney: moneyOf(row.tried_minor, currency) },
    ],
  };
}

function moneyOf(minor: bigint, currency: string): Money {
  const value = Number(formatAmount({ minor, currency }));
  return { value, currency: currency as 'KES' };
}

function reportOf(
  simulation: Simulation,
  rows: readonly SimulationRow[],
  now: Date,
): MeasureReport {
  const { scheme, tried, question } = simulation;
  const told = FIGURES.filter(
    ({ code }) => code !== 'beyond-budget' || question.budgetMinor !== undefined,
  );
  return {
    resourceType: 'MeasureReport',
    status: 'complete',
    type: 'summary',
    measure: `${CANONICAL_ROOT}/Measure/simulation`,
    date: now.toISOString(),
    period: { start: tried.period.startsOn, end: tried.period.endsOn },
    ...(scheme && {
      evaluatedResource: [{ reference: `InsurancePlan/${scheme.fhir_id}`, display: scheme.name }],
    }),
    group: told.map((figure) => groupOf(figure, simulation, rows)),
  };
}

function groupOf(
  figure: Figure,
  simulation: Simulation,
  rows: readonly SimulationRow[],
): MeasureReportGroup {
  const { rules } = simulation.tried;
  const figures = (part: readonly SimulationRow[]) => figuresOf(figure, part, simulation);
  const splits = SPLITS.map((split) =>
    stratifier(split, ofSplit(rows, split).filter(figure.is), ({ value }) => value, figures),
  );
  const { reason } = figure;
  const reasons = reason
    ? [
        stratifier(
          'reason',
          ofSplit(rows, 'all').filter(figure.is),
          (row) => reasonOf(reason(row), rules).filter(Boolean).join(': '),
          figures,
        ),
      ]
    : [];
  const stratifiers = [...splits, ...reasons].filter((each) => each.stratum?.length);
  return {
    code: {
      coding: [{ system: codeSystem('simulation-figure'), code: figure.code }],
      text: figure.title,
    },
    ...figures(ofSplit(rows, 'all')),
    ...(stratifiers.length > 0 && { stratifier: stratifiers }),
  };
}

function stratifier(
  split: string,
  rows: readonly SimulationRow[],
  value: (row: SimulationRow) => string,
  figures: (rows: readonly SimulationRow[]) => object,
): MeasureReportGroupStratifier {
  return {
    code: [{ coding: [{ system: codeSystem('indicator-dimension'), code: split }], text: split }],
    stratum: [...Map.groupBy(rows, value)].map(([text, part]) => ({
      value: { text },
      ...figures(part),
    })),
  };
}

const POPULATION = 'http://terminology.hl7.org/CodeSystem/measure-population';

function figuresOf(figure: Figure, rows: readonly SimulationRow[], simulation: Simulation) {
  const { n, people, minor } = sumOf(rows, figure, basisOf(simulation));
  const { currency } = simulation.tried.rules;
  const population = (system: string, code: string, count: bigint) => ({
    code: { coding: [{ system, code }] },
    count: Number(count),
  });
  return {
    population: [
      population(POPULATION, 'measure-population', n),
      population(codeSystem('simulation-figure'), 'people', people),
    ],
    measureScore: {
      value: Number(formatAmount({ minor, currency })),
      unit: currency,
      system: 'urn:iso:std:iso:4217',
      code: currency,
    },
  };
}

/** All of a simulation as a table: a row for each split, reason now and then, and change. */
export function simulationSheet(simulation: Simulation, rows: readonly SimulationRow[]): Sheet {
  const { tried, now } = simulation;
  const { currency } = tried.rules;
  const basis = basisOf(simulation);
  const decimal = (minor: bigint) => ({ decimal: formatAmount({ minor, currency }) });
  return {
    name: 'simulation',
    columns: [
      ...['split', 'value', 'name', 'now', 'now criterion', 'tried', 'tried criterion', 'change'],
      ...['beyond budget', 'households', 'people', 'amount now', 'amount tried', 'difference'],
      'currency',
    ],
    rows: rows
      .filter((row) => row.split !== 'gain' && row.split !== 'loss')
      .map((row) => [
        ...[row.split, row.value, row.name],
        ...reasonOf(row.now_why, now?.rules ?? tried.rules),
        ...reasonOf(row.tried_why, tried.rules),
        ...[row.change, row.over ? 'yes' : 'no', Number(row.n), Number(row.people)],
        ...[decimal(row.now_minor), decimal(row.tried_minor), decimal(difference(row, basis))],
        currency,
      ]),
  };
}
