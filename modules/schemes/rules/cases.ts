/**
 * Test cases beside rules: each is computed by the SQL that a payroll runs and by the `fhirpath`
 * library, and rules whose cases do not come out, or on which the two differ, are refused.
 */

import {
  type Context,
  formatAmount,
  type Issue,
  type PaymentPeriod,
  Problem,
  parseAmount,
  parsePeriod,
  periodNear,
} from '../../../src/sdk/index.ts';
import { roundDecimal } from '../language/decimal.ts';
import { computeExample, type ExampleAnswer } from '../store/cases.ts';
import { ageDay } from './compiled.ts';
import { ExampleFault, readExample } from './example.ts';
import { type Judgement, judge } from './judge.ts';
import type { RuleCase, SchemeRules } from './types.ts';

/** What a case came to. */
export interface CaseResult {
  readonly decision: 'eligible' | 'ineligible' | 'undetermined';
  /** Minor units; what is below the least amount is 0; null while undetermined. */
  readonly amountMinor: bigint | null;
  /** Name of each component and what it adds; minor units. */
  readonly components: ReadonlyMap<string, bigint | null>;
  /** Where SQL and the library differ; empty: nowhere. */
  readonly differences: readonly string[];
  /** The library decided all that SQL decided. */
  readonly confirmed: boolean;
}

/** Runs one case both ways. */
export async function runCase(
  ctx: Pick<Context, 'db'>,
  rules: SchemeRules,
  each: Pick<RuleCase, 'period' | 'household'>,
): Promise<CaseResult> {
  const period = periodOf(rules, each.period);
  const asOf = ageDay(rules, period);
  const example = readExample(each.household, asOf);
  const answer = await computeExample(ctx, rules, period, asOf, example);
  const { differences, confirmed } = compareBoth(
    judge(rules, period, asOf, example),
    rules,
    answer,
  );
  const decision = answer.criteria.includes(false)
    ? 'ineligible'
    : answer.criteria.includes(null)
      ? 'undetermined'
      : 'eligible';
  const components = new Map(
    rules.components.map(({ name }, index) => [name, answer.steps[index] ?? null]),
  );
  const least = BigInt(rules.minimumMinor ?? '0');
  const amount = answer.amount_minor;
  const amountMinor = amount !== null && amount < least ? 0n : amount;
  return { decision, amountMinor, components, differences, confirmed };
}

function periodOf(rules: SchemeRules, code: string | null): PaymentPeriod {
  if (code !== null) return parsePeriod(rules, code);
  return periodNear(rules, rules.appliesFrom ?? rules.firstCycle ?? '2026-01-01');
}

function compareBoth(
  other: Judgement,
  rules: SchemeRules,
  answer: ExampleAnswer,
): Pick<CaseResult, 'differences' | 'confirmed'> {
  const { currency } = rules;
  const cent = formatAmount({ minor: 1n, currency });
  const minor = (text: string | undefined) =>
    text === undefined
      ? undefined
      : parseAmount(roundDecimal(text, cent, 'half-up'), currency).minor;
  const names = [...rules.components, ...rules.adjustments].map(({ name }) => name);
  const pairs = [
    ...other.criteria.map((value, at) => [rules.criteria[at]?.name, answer.criteria[at], value]),
    ...other.steps.map((text, at) => [names[at], answer.steps[at], minor(text)]),
    ['amount', answer.amount_minor, other.amountMinor],
  ] as const;
  return {
    differences: pairs
      .filter(([, sql, library]) => library !== undefined && library !== sql)
      .map(([name, sql, library]) => `${name}: ${sql} and ${library}`),
    confirmed: pairs.every(([, sql, library]) => library !== undefined || sql === null),
  };
}

/**
 * Runs all cases of rules.
 *
 * @throws Problem `scheme-case-failed` with an issue for each case that does not come out
 */
export async function requireCases(ctx: Context, rules: SchemeRules, place: string): Promise<void> {
  const issues: Issue[] = [];
  for (const [index, each] of rules.cases.entries()) {
    const wrong = await failure(ctx, rules, each);
    if (wrong !== undefined) {
      issues.push({
        severity: 'error',
        kind: 'business-rule',
        code: 'scheme-case-failed',
        expression: `${place}.test-case[${index}]`,
        diagnostics: `"${each.name}": ${wrong}.`,
      });
    }
  }
  if (issues.length > 0) throw new Problem(issues);
}

async function failure(
  ctx: Context,
  rules: SchemeRules,
  each: RuleCase,
): Promise<string | undefined> {
  try {
    const result = await runCase(ctx, rules, each);
    return mismatch(rules, each, result);
  } catch (error) {
    if (error instanceof ExampleFault) return error.message;
    if (error instanceof Problem) return error.issues[0]?.diagnostics ?? 'it cannot be read';
    throw error;
  }
}

/** How a result is not what a case expects; undefined: it is. */
export function mismatch(
  rules: SchemeRules,
  each: RuleCase,
  result: CaseResult,
): string | undefined {
  const shown = (minor: bigint | null) =>
    minor === null ? 'undetermined' : formatAmount({ minor, currency: rules.currency });
  if (result.differences.length > 0) {
    return `SQL and FHIRPath differ (${result.differences.join('; ')}); please report this rule`;
  }
  if (each.decision !== null && each.decision !== result.decision) {
    return `it is ${result.decision}, not ${each.decision}`;
  }
  for (const { name, amountMinor } of each.components) {
    const found = result.components.get(name);
    if (found === undefined) return `there is no component "${name}"`;
    if (found !== BigInt(amountMinor)) {
      return `${name} is ${shown(found)}, not ${shown(BigInt(amountMinor))}`;
    }
  }
  if (each.amountMinor !== null && result.amountMinor !== BigInt(each.amountMinor)) {
    return `the amount is ${shown(result.amountMinor)}, not ${shown(BigInt(each.amountMinor))}`;
  }
  return undefined;
}
