/**
 * `List/[id]/$recompute`: lines of a payroll, however old, computed again from the version of the rules
 * that they were drafted by and the facts that were recorded when they were drafted, by another engine
 * than the one that granted them; of each line whether it comes out to the cent, or what differs.
 *
 * What stands in the registry now has no part in it, so deaths, moves, merges, new rules and rates, and
 * deleted people change no answer; a line that was changed in the books does.
 */

import type { Parameters, ParametersParameter, Resource } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  inputParameter,
  instanceOperation,
  isUuid,
  localId,
  type Operation,
  type OperationInput,
  parameterIn,
  permission,
  problem,
  type RawAnswer,
} from '../../src/sdk/index.ts';
import {
  FORMAT_PARAMETER,
  FORMATS,
  fileAnswer,
  formatOf,
  type Sheet,
  toCsv,
} from '../indicators/index.ts';
import { type Recomputed, recompute } from '../schemes/index.ts';
import { type PayrollRow, readPayroll } from './store/decide.ts';
import { type FrozenLine, frozenLines, type LineChoice, paidCyclesBy } from './store/recompute.ts';

/** Has lines computed again. */
export const RECOMPUTE = permission(
  'payroll.recompute',
  'has lines of payrolls computed again from the facts recorded then',
);

const COUNT = 100;
const COUNT_MAX = 1000;

/** A line and what came of it. */
interface Found {
  readonly line: FrozenLine;
  /** Undefined: the amount was not computed by rules. */
  readonly result: Recomputed | undefined;
}

const OUTCOMES = ['equal', 'differs', 'facts-missing', 'not-computed'] as const;

const outcomeOf = ({ result }: Found): (typeof OUTCOMES)[number] =>
  result?.outcome ?? 'not-computed';

async function run(ctx: Context, input: OperationInput): Promise<Resource | RawAnswer> {
  // Refused where the roles or the token do not let lines be read.
  await ctx.fhir.search('Claim', '_id=0&_count=1&_elements=id');
  refuseMasked(ctx);
  const payroll = await readPayroll(ctx, input.id!);
  if (!payroll) throw problem('not-found', 'payroll-unknown', `There is no payroll ${input.id}.`);
  const format = formatOf(input, 'json', ['csv', 'json']);
  const choice = choiceOf(ctx, input);
  const { reach, breakGlass } = ctx.actor;
  const areas = reach.areas === 'all' || breakGlass !== undefined ? null : reach.areas;
  const lines = await frozenLines(ctx, payroll.payroll_id, areas, choice);
  if ('named' in choice && lines.length < choice.named.length) throw unknownLine();
  const found = await recomputed(ctx, payroll, lines);
  if (format === 'csv') {
    return fileAnswer(`recompute-${input.id}`, format, toCsv(sheetOf(found, payroll.currency)));
  }
  return answer(found, choice, payroll.currency);
}

/** Amounts and their parts are elements of Claims; to whom some are kept from, all of this is. */
function refuseMasked({ actor }: Context): void {
  const isKept = actor.masks?.some((mask) => mask.split('.')[0] === 'Claim') ?? false;
  if (!isKept || actor.breakGlass !== undefined) return;
  throw problem(
    'forbidden',
    'recompute-masked',
    'Elements of Claim are kept from your roles, and this answer is made of them; have it asked for by ' +
      'somebody who sees all of a line.',
  );
}

function choiceOf(ctx: Context, input: OperationInput): LineChoice {
  const named = (input.parameters.parameter ?? [])
    .filter((each) => each.name === 'line')
    .map((each) => localId(each.valueReference?.reference, 'Claim') ?? '');
  const sample = parameterIn(input, 'sample')?.valuePositiveInt;
  const after = parameterIn(input, 'after')?.valueString;
  const count = parameterIn(input, '_count')?.valuePositiveInt ?? COUNT;
  const ways = [named.length > 0, sample !== undefined, after !== undefined].filter(Boolean).length;
  const most = Math.max(count, sample ?? 0, named.length);
  const wrong =
    ways > 1
      ? 'Name lines, or ask for a sample, or go on after a page; not several of these.'
      : most > COUNT_MAX
        ? `One answer has ${COUNT_MAX} lines at most.`
        : after !== undefined && !/^\d{1,18}$/.test(after)
          ? 'Give after as the page before named it.'
          : undefined;
  if (wrong) throw problem('value', 'recompute-malformed', wrong, 'line');
  if (named.length > 0) {
    if (!named.every(isUuid)) throw unknownLine();
    return { named: [...new Set(named)] };
  }
  if (sample === undefined) return { after: BigInt(after ?? '0'), limit: count };
  return { seed: parameterIn(input, 'seed')?.valueString ?? ctx.newId(), limit: sample };
}

function unknownLine() {
  return problem(
    'not-found',
    'line-unknown',
    'A line that you name is not on this payroll, or beyond your reach; name lines as Claim/[id].',
    'line',
  );
}

async function recomputed(
  ctx: Context,
  payroll: PayrollRow,
  lines: readonly FrozenLine[],
): Promise<Found[]> {
  const { scheme_id: schemeId, rules_version: rulesVersion, drafted_at: at } = payroll;
  const { facts_on: factsOn } = payroll;
  const period = {
    code: payroll.period_code,
    startsOn: payroll.starts_on,
    endsOn: payroll.ends_on,
  };
  const byRules = lines.filter((line) => line.slot === '');
  const paidCycles = (households: readonly bigint[]) =>
    paidCyclesBy(ctx, payroll.payroll_id, households);
  const results = await recompute(
    ctx,
    { schemeId, rulesVersion, period, at, factsOn, paidCycles },
    byRules.map((line) => ({
      householdId: line.household_id,
      enrolmentId: line.enrolment_id,
      householdVersion: line.household_version,
      amountMinor: line.amount_minor,
      stepMinor: line.step_minor?.map(BigInt) ?? null,
    })),
  );
  const byLine = new Map(byRules.map((line, at) => [line.line_id, results[at]]));
  return lines.map((line) => ({ line, result: byLine.get(line.line_id) }));
}

// ── answers ──────────────────────────────────────────────────────────────────────────────────

function answer(found: readonly Found[], choice: LineChoice, currency: string): Parameters {
  const count = (name: string, n: number): ParametersParameter => ({ name, valueInteger: n });
  const last = found.at(-1);
  const more = 'after' in choice && last !== undefined && found.length === choice.limit;
  return {
    resourceType: 'Parameters',
    parameter: [
      count('lines', found.length),
      ...OUTCOMES.map((outcome) =>
        count(outcome, found.filter((each) => outcomeOf(each) === outcome).length),
      ),
      ...('seed' in choice ? [{ name: 'seed', valueString: choice.seed }] : []),
      ...found.map((each) => ({ name: 'line', part: lineParts(each, currency) })),
      ...(more ? [{ name: 'next', valueString: String(last.line.key) }] : []),
    ],
  };
}

function moneyPart(name: string, minor: bigint | null, currency: string): ParametersParameter[] {
  if (minor === null) return [];
  const value = Number(formatAmount({ minor, currency }));
  return [{ name, valueMoney: { value, currency: currency as 'KES' } }];
}

function lineParts(found: Found, currency: string): ParametersParameter[] {
  const { line, result } = found;
  return [
    { name: 'claim', valueReference: { reference: `Claim/${line.line_id}` } },
    { name: 'outcome', valueCode: outcomeOf(found) },
    ...(result?.engine ? [{ name: 'engine', valueCode: result.engine }] : []),
    ...moneyPart('then', line.amount_minor, currency),
    ...moneyPart('now', result?.amountMinor ?? null, currency),
    ...(result?.criteria ?? []).map((name) => ({ name: 'criterion', valueString: name })),
    ...(result?.steps ?? []).map((step) => ({
      name: 'step',
      part: [
        { name: 'name', valueString: step.name },
        ...moneyPart('then', step.thenMinor, currency),
        ...moneyPart('now', step.nowMinor, currency),
      ],
    })),
    ...(line.corrects_id === null
      ? []
      : [{ name: 'adds-to', valueReference: { reference: `Claim/${line.corrects_id}` } }]),
  ];
}

function sheetOf(found: readonly Found[], currency: string): Sheet {
  const amount = (minor: bigint | null | undefined) =>
    minor === null || minor === undefined ? null : { decimal: formatAmount({ minor, currency }) };
  return {
    name: 'recompute',
    columns: ['line', 'outcome', 'engine', 'step', 'then', 'now', 'currency', 'criteria'],
    rows: found.flatMap((each) => {
      const { line, result } = each;
      const outcome = outcomeOf(each);
      const engine = result?.engine ?? '';
      const criteria = (result?.criteria ?? []).join('; ');
      const now = amount(result?.amountMinor);
      return [
        [line.line_id, outcome, engine, '', amount(line.amount_minor), now, currency, criteria],
        ...(result?.steps ?? []).map((step) => [
          ...[line.line_id, outcome, engine, step.name],
          ...[amount(step.thenMinor), amount(step.nowMinor), currency, ''],
        ]),
      ];
    }),
  };
}

/** `$recompute`. */
export const recomputeOperation: Operation = {
  permission: RECOMPUTE,
  narrowsAreas: true,
  answers: ['csv', FORMATS.csv],
  definition: instanceOperation(
    'recompute',
    'List',
    'Lines of a payroll computed again from the rules and facts that it was drafted by: of each line ' +
      'whether it comes out to the cent, or what differs. In pages, by name, or a sample.',
    [
      { name: 'line', use: 'in', min: 0, max: '*', type: 'Reference' },
      inputParameter('_count', 'positiveInt', `Lines of a page; ${COUNT}, at most ${COUNT_MAX}.`),
      inputParameter('after', 'string', 'What the page before called next.'),
      inputParameter('sample', 'positiveInt', 'So many lines drawn from all.'),
      inputParameter('seed', 'string', 'Draws the same sample again.'),
      FORMAT_PARAMETER,
    ],
    false,
  ),
  run,
};
