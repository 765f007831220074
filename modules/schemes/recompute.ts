/**
 * Entitlements computed again, however old: by the version of the rules and the facts that were
 * recorded when they were computed first, household by household with the `fhirpath` library, which
 * is another engine than the SQL that granted them. What the library leaves open (a birth year
 * without a day) is computed by the compiled SQL over the recalled facts, and said to be.
 */

import {
  type Context,
  formatAmount,
  type PaymentPeriod,
  parseAmount,
} from '../../src/sdk/index.ts';
import { roundDecimal } from './language/decimal.ts';
import { type Recalled, recallHouseholds } from './recall.ts';
import { ageDay, type CompiledRules, compileRules } from './rules/compiled.ts';
import type { Example } from './rules/example.ts';
import { judging } from './rules/judge.ts';
import type { SchemeRules } from './rules/types.ts';
import { computeExample } from './store/cases.ts';
import { readRulesVersion } from './store/schemes.ts';

/** What was granted. */
export interface Granted extends Recalled {
  readonly amountMinor: bigint;
  /** Of each component and adjustment, in the order of the rules; null: not kept. */
  readonly stepMinor: readonly bigint[] | null;
}

/** By what it was computed. */
export interface RecomputeQuestion {
  readonly schemeId: bigint;
  readonly rulesVersion: number;
  readonly period: PaymentPeriod;
  /** When it was computed. */
  readonly at: Date;
  /** The day on which households were looked at; null: as they stood at that instant. */
  readonly factsOn: string | null;
  /** Cycles paid to these households by then; asked where the rules do. */
  paidCycles(households: readonly bigint[]): Promise<ReadonlyMap<bigint, number>>;
}

/** A component or adjustment, then and now, in minor units; null: not kept, or undetermined. */
export interface RecomputedStep {
  readonly name: string;
  readonly thenMinor: bigint | null;
  readonly nowMinor: bigint | null;
}

/** What came of it. */
export interface Recomputed {
  readonly outcome: 'equal' | 'differs' | 'facts-missing';
  /** Which engine decided. */
  readonly engine: 'fhirpath' | 'sql' | null;
  /** Null: undetermined. */
  readonly amountMinor: bigint | null;
  /** Names of criteria that do not hold, or of which that cannot be told. */
  readonly criteria: readonly string[];
  /** Those that differ. */
  readonly steps: readonly RecomputedStep[];
}

interface Verdict {
  readonly engine: 'fhirpath' | 'sql';
  readonly criteria: readonly (boolean | null)[];
  readonly steps: readonly (bigint | null)[];
  readonly amountMinor: bigint | null;
}

/** Computes entitlements again; answers in the order given. */
export async function recompute(
  ctx: Context,
  question: RecomputeQuestion,
  granted: readonly Granted[],
): Promise<Recomputed[]> {
  const { schemeId, rulesVersion, period, at, factsOn } = question;
  const rules = await readRulesVersion(ctx, schemeId, rulesVersion);
  const asOf = ageDay(rules, period);
  const compiled = compileRules(rules, period, asOf);
  const { plan } = compiled;
  const paidCycles = plan.base.some(({ sql }) => sql.includes('paid_cycles'))
    ? await question.paidCycles(granted.map((each) => each.householdId))
    : new Map<bigint, number>();
  const recall = { schemeId, at, factsOn, asOf, plan, paidCycles };
  const examples = await recallHouseholds(ctx, recall, granted);
  const judge = judgeBy(ctx, rules, period, asOf);
  const found: Recomputed[] = [];
  for (const each of granted) {
    const example = examples.get(each.householdId);
    found.push(example ? compared(rules, compiled, each, await judge(example)) : MISSING);
  }
  return found;
}

const MISSING: Recomputed = {
  outcome: 'facts-missing',
  engine: null,
  amountMinor: null,
  criteria: [],
  steps: [],
};

/** The library's verdict; SQL's, where the library leaves anything open. */
function judgeBy(ctx: Context, rules: SchemeRules, period: PaymentPeriod, asOf: string) {
  const byLibrary = judging(rules, period, asOf);
  const cent = formatAmount({ minor: 1n, currency: rules.currency });
  const minor = (text: string) =>
    parseAmount(roundDecimal(text, cent, 'half-up'), rules.currency).minor;
  return async (example: Example): Promise<Verdict> => {
    const { criteria, steps, amountMinor } = byLibrary(example);
    const open = [...criteria, ...steps, amountMinor].includes(undefined);
    if (!open) {
      return {
        engine: 'fhirpath',
        criteria: criteria.map((met) => met ?? null),
        steps: steps.map((text) => (text === undefined ? null : minor(text))),
        amountMinor: amountMinor ?? null,
      };
    }
    const sql = await computeExample(ctx, rules, period, asOf, example);
    return { engine: 'sql', ...sql, amountMinor: sql.amount_minor };
  };
}

function compared(
  rules: SchemeRules,
  { steps }: CompiledRules,
  { amountMinor: then, stepMinor }: Granted,
  verdict: Verdict,
): Recomputed {
  const named = [...rules.components, ...rules.adjustments];
  const unmet = rules.criteria.filter((_, at) => verdict.criteria[at] !== true);
  const least = BigInt(rules.minimumMinor ?? '0');
  const due =
    verdict.amountMinor !== null && verdict.amountMinor < least ? 0n : verdict.amountMinor;
  const amountMinor = verdict.criteria.includes(false) ? 0n : unmet.length > 0 ? null : due;
  const differing = steps
    .map((_, at) => ({
      name: named[at]?.name ?? '',
      thenMinor: stepMinor?.[at] ?? null,
      nowMinor: verdict.steps[at] ?? null,
    }))
    .filter(({ thenMinor, nowMinor }) => stepMinor !== null && thenMinor !== nowMinor);
  const isEqual = amountMinor === then && differing.length === 0;
  return {
    outcome: isEqual ? 'equal' : 'differs',
    engine: verdict.engine,
    amountMinor,
    criteria: unmet.map(({ name }) => name),
    steps: differing,
  };
}
