/**
 * `$simulate`: what rules would cost, whom they would reach, and who would win and lose, over the
 * live registry, beside the rules in force. Nothing is written: PostgreSQL itself refuses to.
 *
 * The rules come with the request (an InsurancePlan of which only `scheme-rules` is read), or are
 * those of another InsurancePlan, of an earlier version, or the ones in force. Whoever is limited to
 * areas is told of these areas; ranking goes over all, for that is how places are given.
 */

import type { InsurancePlan, OperationDefinition, Resource } from '@medplum/fhirtypes';
import {
  type Context,
  dayOf,
  fromFhirMoney,
  inputParameter,
  localId,
  type Operation,
  type OperationInput,
  operationDefinition,
  outputParameter,
  type PaymentPeriod,
  parameterIn,
  parsePeriod,
  periodNear,
  periodsInYear,
  permission,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import {
  AGE_BOUNDS,
  FORMAT_PARAMETER,
  FORMATS,
  fileAnswer,
  formatOf,
  toCsv,
  toXlsx,
} from '../indicators/index.ts';
import { paymentHistory, type SpendingLimit, spendingLimits } from './history.ts';
import { areaOf } from './operations.ts';
import type { SchemeRules } from './rules/types.ts';
import { requireRules } from './scheme.ts';
import { type Simulation, simulationAnswer, simulationSheet } from './simulate-report.ts';
import { findRulesVersion, findScheme, readRulesVersion, type Scheme } from './store/schemes.ts';
import { simulate } from './store/simulation.ts';
import type { Side, SimulationQuestion, SimulationRow } from './store/simulation-types.ts';

/** Tries rules over the registry, in figures only. */
export const SIMULATE = permission('schemes.simulate', 'tries rules of schemes over the registry');

const TOP_MAX = 100;

/** Splits with their values in order, whatever order they were counted in; winners and losers as found. */
function inOrder(rows: readonly SimulationRow[]): SimulationRow[] {
  const key = (row: SimulationRow): string =>
    JSON.stringify([row.value, row.now_why, row.tried_why, row.change, row.over]);
  const isRanked = (split: string): boolean => split === 'gain' || split === 'loss';
  return [...Map.groupBy(rows, (row) => row.split)].flatMap(([split, of]) =>
    isRanked(split) ? of : of.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
  );
}

async function run(ctx: Context, input: OperationInput): Promise<Resource | RawAnswer> {
  const format = formatOf(input, 'json', ['csv', 'xlsx', 'json']);
  const simulation = await simulationOf(ctx, input);
  const { top } = simulation.question;
  // Refused where the roles or the token do not let households be read.
  if (top > 0) await ctx.fhir.search('Group', '_id=0&_count=1&_elements=id');
  const rows = inOrder(await simulate(ctx, simulation.question));
  if (format === 'json') {
    const named = rows.filter((row) => row.split === 'gain' || row.split === 'loss');
    const seen = await withinReach(
      ctx,
      named.map((row) => row.value),
    );
    return simulationAnswer(simulation, rows, seen, ctx.now);
  }
  const sheet = simulationSheet(simulation, rows);
  const content = format === 'csv' ? toCsv(sheet) : await toXlsx([sheet]);
  return fileAnswer(`simulation-${input.id ?? 'draft'}`, format, content);
}

/** Of households, those that the actor may read. */
async function withinReach(ctx: Context, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const query = `_id=${[...new Set(ids)].join(',')}&_elements=id&_count=${2 * TOP_MAX}`;
  const found = await ctx.fhir.search('Group', query);
  return new Set((found.entry ?? []).map((entry) => entry.resource?.id ?? ''));
}

async function simulationOf(ctx: Context, input: OperationInput): Promise<Simulation> {
  const scheme = input.id === undefined ? undefined : await findScheme(ctx, input.id);
  const rules = await draftOf(ctx, input, scheme);
  const tried: Side = { of: 'tried_', rules, period: periodOf(ctx, input, rules, scheme) };
  const { now, version } = await inForce(ctx, scheme, tried, input);
  const [paidCycles] = ctx.parts(paymentHistory);
  const differ = now !== undefined && now.rules.frequency !== rules.frequency;
  const yearly = ({ rules: by, period }: Side) =>
    differ ? periodsInYear(by, period.startsOn.slice(0, 4)) : 1;
  const { reach } = ctx.actor;
  const areaId = await areaOf(ctx, parameterIn(input, 'area'));
  const limits = await limitsOf(ctx, scheme, tried, areaId);
  const question: SimulationQuestion = {
    schemeId: scheme?.scheme_id ?? 0n,
    sides: now ? [now, tried] : [tried],
    scope: scopeOf(input),
    areaId,
    paidCycles,
    areas: reach.areas,
    areaLevel: parameterIn(input, 'area-level')?.valuePositiveInt ?? 1,
    ages: ctx.setting(AGE_BOUNDS),
    budgetMinor: budgetOf(input, rules) ?? lowest(limits),
    top: topOf(input),
    factors: { now_: now ? yearly(now) : 1, tried_: yearly(tried) },
  };
  return { scheme, question, tried, now, version, limits };
}

/** The rules that are tried. */
async function draftOf(
  ctx: Context,
  input: OperationInput,
  scheme: Scheme | undefined,
): Promise<SchemeRules> {
  const plan = parameterIn(input, 'plan')?.resource as InsurancePlan | undefined;
  const draft = parameterIn(input, 'draft')?.valueReference?.reference;
  const version = parameterIn(input, 'version')?.valuePositiveInt;
  if ([plan, draft, version].filter((each) => each !== undefined).length > 1) {
    throw malformed('Give one of plan, draft and version.', 'plan');
  }
  if (plan) return requireRules(ctx, plan);
  if (draft !== undefined) {
    const id = localId(draft, 'InsurancePlan') ?? '';
    return requireRules(ctx, await ctx.fhir.read<InsurancePlan>('InsurancePlan', id));
  }
  if (!scheme) throw malformed('Send an InsurancePlan with scheme-rules as plan.', 'plan');
  const wanted = version ?? scheme.rules_version;
  if (wanted <= scheme.rules_version) return readRulesVersion(ctx, scheme.scheme_id, wanted);
  throw malformed(`${scheme.name} has rules up to version ${scheme.rules_version}.`, 'version');
}

function periodOf(
  ctx: Context,
  input: OperationInput,
  rules: SchemeRules,
  scheme: Scheme | undefined,
): PaymentPeriod {
  const code = parameterIn(input, 'period')?.valueString;
  if (code !== undefined) return parsePeriod(rules, code);
  const day = parameterIn(input, 'as-of')?.valueDate;
  if (day !== undefined) return periodNear(rules, day);
  const today = dayOf(ctx.now, scheme?.time_zone ?? 'UTC');
  return periodNear(
    rules,
    rules.appliesFrom !== null && rules.appliesFrom > today ? rules.appliesFrom : today,
  );
}

/** The rules by which the scheme pays now; none where nothing else than they is tried. */
async function inForce(
  ctx: Context,
  scheme: Scheme | undefined,
  { rules, period }: Side,
  input: OperationInput,
): Promise<{ now: Side | undefined; version: number | undefined }> {
  const alone = ['plan', 'draft', 'version'].every((name) => !parameterIn(input, name));
  const none = { now: undefined, version: undefined };
  if (!scheme?.active || alone) return none;
  const version = await findRulesVersion(ctx, scheme.scheme_id, period);
  if (version === undefined) return none;
  const before = await readRulesVersion(ctx, scheme.scheme_id, version);
  if (before.currency !== rules.currency) {
    throw problem(
      'value',
      'scheme-currencies',
      `${scheme.name} pays ${before.currency}; amounts in ${rules.currency} cannot be compared.`,
      'plan',
    );
  }
  const same = before.frequency === rules.frequency && rules.frequency !== 'calendar';
  const then = same ? period : periodNear(before, period.startsOn);
  return { now: { of: 'now_', rules: before, period: then }, version };
}

function scopeOf(input: OperationInput): SimulationQuestion['scope'] {
  const scope = parameterIn(input, 'scope')?.valueCode ?? 'registry';
  if (scope === 'registry' || scope === 'enrolled') return scope;
  throw malformed('Give scope as registry or enrolled.', 'scope');
}

function budgetOf(input: OperationInput, rules: SchemeRules): bigint | undefined {
  const money = parameterIn(input, 'budget')?.valueMoney;
  if (!money) return undefined;
  const { minor, currency } = fromFhirMoney(money, 'budget');
  if (currency === rules.currency && minor >= 0n) return minor;
  throw malformed(`Give a budget of 0 or more in ${rules.currency}.`, 'budget');
}

/** Ceilings of the scheme, or of the area that is asked for by itself. */
async function limitsOf(
  ctx: Context,
  scheme: Scheme | undefined,
  { rules: { currency }, period }: Side,
  areaId: bigint | undefined,
): Promise<SpendingLimit[]> {
  if (!scheme) return [];
  const asked = { schemeId: scheme.scheme_id, period, areaId, currency };
  const found = await Promise.all(ctx.parts(spendingLimits).map((limits) => limits(ctx, asked)));
  return found.flat();
}

function lowest(limits: readonly SpendingLimit[]): bigint | undefined {
  return limits.map(({ leftMinor }) => leftMinor).toSorted((a, b) => (a < b ? -1 : 1))[0];
}

function topOf(input: OperationInput): number {
  const top = parameterIn(input, 'top')?.valueUnsignedInt ?? 0;
  if (top <= TOP_MAX) return top;
  throw malformed(`At most ${TOP_MAX} households are named.`, 'top');
}

function malformed(diagnostics: string, place: string) {
  return problem('value', 'simulation-malformed', diagnostics, place);
}

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

const FIGURES: Parameter[] = [
  outputParameter('households', 'integer', 1),
  outputParameter('people', 'integer', 1),
  outputParameter('amount', 'Money', 1),
];

const parts = (name: string, part: Parameter[], max = '1'): Parameter => ({
  ...{ name, part, max },
  use: 'out',
  min: 0,
});

const CHANGED: Parameter[] = [
  outputParameter('household', 'Reference', 1),
  outputParameter('now', 'Money', 1),
  outputParameter('tried', 'Money', 1),
];

const LIMIT: Parameter[] = [
  outputParameter('per', 'code', 1),
  outputParameter('limit', 'Money', 1),
  outputParameter('left', 'Money', 1),
];

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('simulate'),
  name: 'Simulate',
  title: 'Try rules over the registry',
  status: 'active',
  kind: 'operation',
  code: 'simulate',
  description:
    'What rules would cost, whom they would reach, and who would win and lose, beside the rules ' +
    'in force; nothing is written. On the type: rules of a scheme that does not exist yet.',
  affectsState: false,
  resource: ['InsurancePlan'],
  system: false,
  type: true,
  instance: true,
  parameter: [
    inputParameter(
      'plan',
      'InsurancePlan',
      'The rules to try; only its extension scheme-rules is read.',
    ),
    inputParameter('draft', 'Reference', 'An InsurancePlan that has the rules to try.'),
    inputParameter('version', 'positiveInt', 'An earlier version of the rules of this scheme.'),
    inputParameter('period', 'string', 'Payment period, by its code; else that of as-of.'),
    inputParameter(
      'as-of',
      'date',
      'A day in the period; else today, or when the rules apply from.',
    ),
    inputParameter(
      'scope',
      'code',
      'registry: with those whom $enrol would enrol; enrolled: without.',
    ),
    inputParameter('area', 'Reference', 'Only households of this area and those below it.'),
    inputParameter('area-level', 'positiveInt', 'Level of areas to split by; 1, the outermost.'),
    inputParameter(
      'budget',
      'Money',
      'What may be spent in the period: who would be beyond it; else the lowest ceiling.',
    ),
    inputParameter('top', 'unsignedInt', 'How many of those who gain or lose most are named; 0.'),
    FORMAT_PARAMETER,
    outputParameter('period', 'string', 1),
    outputParameter('basis', 'code', 1),
    parts('now', FIGURES),
    parts('tried', FIGURES),
    parts('winners', FIGURES),
    parts('losers', FIGURES),
    parts('ceiling', LIMIT, '*'),
    parts('beyond-budget', FIGURES),
    parts('gain', CHANGED, '*'),
    parts('loss', CHANGED, '*'),
    outputParameter('report', 'MeasureReport', 1),
  ],
};

/** The operation. */
export const simulateOperation: Operation = {
  definition,
  permission: SIMULATE,
  rolledBack: true,
  narrowsAreas: true,
  answers: ['csv', 'xlsx', FORMATS.csv, FORMATS.xlsx],
  run,
};
