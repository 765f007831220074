/**
 * Programmes as rules with their cases, for the tests: read as the server reads them, computed as a
 * payroll computes them.
 */

import type { Extension } from '@medplum/fhirtypes';
import { runCase } from '../../../../modules/schemes/rules/cases.ts';
import { readRules } from '../../../../modules/schemes/rules/read.ts';
import type { SchemeRules } from '../../../../modules/schemes/rules/types.ts';
import { formatAmount } from '../../../../src/sdk/index.ts';
import { scheme } from '../../support/people.ts';
import type { Stage } from '../../support/stage.ts';

/** Rules from the parts of `scheme-rules`. */
export function rulesOf(parts: readonly Extension[]): SchemeRules {
  return readRules(scheme('programme', parts)).rules;
}

/** What a household comes to: a decision and amounts as decimal text. */
export interface Outcome {
  readonly decision: string;
  readonly amount: string | null;
  readonly parts: Readonly<Record<string, string | null>>;
}

/** Computes a household both ways; fails where SQL and FHIRPath differ. */
export async function outcome(
  stage: Stage,
  rules: SchemeRules,
  household: object,
  period: string | null = null,
): Promise<Outcome> {
  const result = await stage.work((ctx) =>
    runCase(ctx, rules, { period, household: JSON.stringify(household) }),
  );
  if (result.differences.length > 0) throw new Error(result.differences.join('; '));
  if (!result.confirmed) throw new Error('FHIRPath could not decide what SQL decided');
  const text = (minor: bigint | null) =>
    minor === null
      ? null
      : formatAmount({ minor, currency: rules.currency }).replace(/\.?0+$/, (zeros) =>
          zeros.startsWith('.') ? '' : zeros,
        );
  return {
    decision: result.decision,
    amount: text(result.amountMinor),
    parts: Object.fromEntries([...result.components].map(([name, minor]) => [name, text(minor)])),
  };
}
