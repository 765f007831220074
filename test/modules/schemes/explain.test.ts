/** Explanations of amounts: the row of a table that gave one, and members beyond what is kept. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { explainSteps, type SchemeRules } from '../../../modules/schemes/index.ts';

const rules = (amount: string, filter: string | null = null): SchemeRules => ({
  currency: 'KES',
  frequency: 'monthly',
  appliesFrom: null,
  firstCycle: null,
  tables: [{ name: 'rate', rows: 'size -> monthly, once\n1..3 -> 1700, 50\n4.. -> 2200.50, 50' }],
  memberVariables: [],
  variables: [],
  criteria: [],
  components: [
    {
      ...{ name: 'base', description: 'Base', amount, filter },
      ...{ condition: null, maximum: null, order: null, times: null },
    },
  ],
  adjustments: [],
  roundingUnitMinor: '1',
  roundingMode: 'half-up',
  minimumMinor: null,
  ageOn: 'period-start',
  delivery: 'any',
  ranking: null,
  cases: [],
});
const textOf = (of: SchemeRules, minor: bigint, count: number | null = null, members = 0n) =>
  explainSteps(of, {
    amount_minor: minor,
    step_minor: [minor],
    step_counts: [count],
    step_members: [members],
  })[0]!.text;

describe('the explanation of an amount', () => {
  it('shows the row of the table that gave it, and none where two rows could have', () => {
    const monthly = rules("lookup('rate.monthly', size)");
    expect(textOf(monthly, 220_050n)).to.equal('Base: 2200.50 KES (rate: 4.. -> 2200.50, 50)');
    expect(textOf(rules("lookup('rate.once', size)"), 5000n)).to.equal('Base: 50.00 KES');
    expect(textOf(rules("lookup('rate.monthly', size) * 2"), 170_000n)).to.equal(
      'Base: 1700.00 KES',
    );
  });

  it('counts members beyond the places that are kept', () => {
    const each = rules('10', 'age < 5');
    expect(textOf(each, 64_000n, 64, (1n << 63n) - 1n)).to.contain(
      '64 members × 10.00 = 640.00 KES (1 of them beyond place 63 of the household)',
    );
    expect(textOf(each, 2000n, 2, 3n)).to.equal('Base: 2 members × 10.00 = 20.00 KES');
  });
});
