/**
 * Test cases of rules, computed by the SQL that a payroll runs, over rows that stand in for the
 * tables: no household is touched.
 */

import type { Context, PaymentPeriod } from '../../../src/sdk/index.ts';
import { compileRules } from '../rules/compiled.ts';
import { type Example, exampleTables } from '../rules/example.ts';
import type { SchemeRules } from '../rules/types.ts';
import { layered } from './model.ts';

/** What SQL says of an example. */
export interface ExampleAnswer {
  readonly criteria: readonly (boolean | null)[];
  /** Minor units. */
  readonly steps: readonly (bigint | null)[];
  readonly amount_minor: bigint | null;
}

/** Computes an example by rules for a period. */
export async function computeExample(
  ctx: Pick<Context, 'db'>,
  rules: SchemeRules,
  period: PaymentPeriod,
  asOf: string,
  example: Example,
): Promise<ExampleAnswer> {
  const compiled = compileRules(rules, period, asOf);
  const ground = {
    plan: compiled.plan,
    asOf,
    schemeId: 0n,
    columns: ['h.household_id'],
    from: `from households_household h
      left join schemes_enrolment e on e.household_id = h.household_id and e.scheme_id = 0`,
    where: 'true',
    among: undefined,
    paidCycles: `${example.enrolment?.paidCycles ?? 'null'}`,
  };
  const text = layered(ground, compiled.at, [
    `array[${compiled.criteria.join(', ')}]::boolean[] as criteria`,
    `array[${compiled.steps.map(({ minor }) => minor).join(', ')}]::bigint[] as steps`,
    `${compiled.amountMinor} as amount_minor`,
  ]);
  const row = await ctx.db.one<{
    criteria: (boolean | null)[];
    steps: (string | null)[];
    amount_minor: bigint | null;
  }>(`${exampleTables(example)}\n${text}`);
  return { ...row, steps: row.steps.map((step) => (step === null ? null : BigInt(step))) };
}
