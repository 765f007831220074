/**
 * Published programmes, entered as data only: their worked examples come out to the cent, by the
 * SQL of a payroll and by the fhirpath library alike.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../../modules/households/index.ts';
import { payPoints } from '../../../../modules/pay-points/index.ts';
import { providers } from '../../../../modules/providers/index.ts';
import { schemes } from '../../../../modules/schemes/index.ts';
import type { SchemeRules } from '../../../../modules/schemes/rules/types.ts';
import { openStage, type Stage } from '../../support/stage.ts';
import { outcome, rulesOf } from './case.ts';
import { BOLSA_FAMILIA, CGP, childSupport, essn, HSNP, INUA_JAMII, SCTP } from './rules.ts';

describe('published programmes', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage([households, payPoints, providers, schemes]);
  });
  after(() => stage.close());

  const amountOf = async (rules: SchemeRules, household: object, period?: string) => {
    const found = await outcome(stage, rules, household, period);
    return found.decision === 'eligible' ? Number(found.amount) : 0;
  };
  const people = (...ages: number[]) => ages.map((age) => ({ age }));

  it('Bolsa Família pays the published table, and its parts', async () => {
    const rules = rulesOf(BOLSA_FAMILIA);
    const poor = { 'per-capita-income': 100 };
    const table = [600, 600, 600, 600, 710, 852, 994, 1136, 1278, 1420];
    for (const [index, amount] of table.entries()) {
      const family = { characteristics: poor, members: [{ age: 30, count: index + 1 }] };
      expect(await amountOf(rules, family), `${index + 1} adults`).to.equal(amount);
    }
    const adults = people(35, 33);
    const cases: [object[], string, string, string, string, string, string][] = [
      [[...adults, { age: 4 }], '426', '174', '150', '0', '0', '750'],
      [
        [{ age: 35 }, { age: 33, characteristics: { pregnant: true } }, { age: 4 }, { age: 15 }],
        ...(['568', '32', '150', '100', '0', '850'] as const),
      ],
      [
        [{ age: 30 }, { ageInMonths: 3 }, ...people(3, 8, 12, 15, 17)],
        ...(['994', '0', '300', '200', '50', '1544'] as const),
      ],
      [[...adults, ...people(7, 10, 14, 17)], '852', '0', '0', '200', '0', '1052'],
      [[...adults, { age: 7 }], '426', '174', '0', '50', '0', '650'],
      [[...adults, { ageInMonths: 83 }], '426', '174', '150', '0', '0', '750'],
      [[...adults, { age: 18 }], '426', '174', '0', '0', '0', '600'],
    ];
    for (const [members, BRC, BCO, BPI, BVF, BVN, amount] of cases) {
      const found = await outcome(stage, rules, { characteristics: poor, members });
      expect(found).to.deep.include({ amount, parts: { BRC, BCO, BPI, BVF, BVN } });
    }
  });

  it('Bolsa Família halves the grant under the protection rule, for who is enrolled', async () => {
    const rules = rulesOf(BOLSA_FAMILIA);
    const family = (income: number, enrolled: boolean) => ({
      characteristics: { 'per-capita-income': income },
      members: people(35, 33, 4),
      ...(enrolled && { enrolment: { startedOn: '2024-01-01' } }),
    });
    expect(await amountOf(rules, family(300, true))).to.equal(375);
    expect((await outcome(stage, rules, family(218.01, false))).decision).to.equal('ineligible');
    expect((await outcome(stage, rules, family(660.01, true))).decision).to.equal('ineligible');
    expect((await outcome(stage, rules, { members: people(40) })).decision).to.equal(
      'undetermined',
    );
  });

  it('ESSN judges the ratio at exact equality, and tops up by size each quarter', async () => {
    const rules = rulesOf(essn());
    const man = (age: number) => ({ age, sex: 'male' });
    const woman = (age: number) => ({ age, sex: 'female' });
    const children = (count: number) => ({ age: 10, sex: 'female', count });
    const cases: [object[], number, number][] = [
      [[man(35), woman(32), children(3)], 2500, 2800],
      [[man(40), man(20), woman(38), children(2)], 0, 0],
      [[man(40), man(20), woman(38), children(3)], 3000, 3300],
      [[woman(30), woman(50), children(4)], 3000, 3300],
      [[woman(30), woman(50), children(5)], 0, 0],
      [[woman(25), woman(30), woman(50)], 0, 0],
      [[man(66), woman(64)], 1000, 1600],
      [[man(45), woman(40), children(8)], 5000, 5100],
    ];
    for (const [members, monthly, withTopUp] of cases) {
      const label = JSON.stringify(members);
      expect(await amountOf(rules, { members }, '2026-02'), label).to.equal(monthly);
      expect(await amountOf(rules, { members }, '2026-03'), label).to.equal(withTopUp);
    }
    const family = { members: [man(35), woman(32), children(3)] };
    expect(await amountOf(rulesOf(essn(500, 'man.not()')), family, '2026-02')).to.equal(2000);
    expect(await amountOf(rulesOf(essn(450)), family, '2026-02')).to.equal(2250);
  });

  it('HSNP adds up to the published totals, arrears at the rate of their own month', async () => {
    const rules = rulesOf(HSNP);
    const rate = async (period: string) => amountOf(rules, { members: people(40) }, period);
    const [july, august] = [await rate('2025-07'), await rate('2025-08')];
    expect(132_779 * august).to.equal(358_503_300);
    expect((6833 + 6751 + 6351 + 3752) * july).to.equal(63_954_900);
    expect(132_779 * august + 23_687 * july).to.equal(422_458_200);
    const counties = [
      [37_445, 1687, 105_656_400],
      [20_407, 448, 56_308_500],
      [19_174, 407, 52_868_700],
      [18_122, 341, 49_850_100],
      [7346, 1761, 24_588_900],
      [4614, 322, 13_327_200],
      [6287, 504, 18_335_700],
      [6011, 539, 17_685_000],
    ] as const;
    for (const [listed, arrears, paid] of counties) {
      expect(listed * august + arrears * july).to.equal(paid);
    }
    expect(await rate('2024-12'), 'before the first cycle of the new rate').to.equal(2500);
  });

  it('Inua Jamii pays four missed cycles at once', async () => {
    const rules = rulesOf(INUA_JAMII);
    const cycles = ['2025-B1', '2025-B2', '2025-B3', '2025-B4'];
    const amounts = await Promise.all(
      cycles.map((cycle) => amountOf(rules, { members: people(71, 40) }, cycle)),
    );
    expect(amounts).to.eql([4000, 4000, 4000, 4000]);
  });

  it('SCTP pays by size and by pupils, for households without labour', async () => {
    const rules = rulesOf(SCTP);
    for (const [size, primary, secondary, amount] of [
      [1, 0, 0, 3400],
      [2, 0, 0, 4400],
      [3, 1, 0, 6800],
      [4, 2, 0, 9400],
      [6, 3, 1, 12_400],
      [9, 4, 2, 15_400],
    ] as const) {
      const members = [
        { age: 70, count: size - primary - secondary },
        { age: 9, count: primary, characteristics: { school: 'primary' } },
        { age: 15, count: secondary, characteristics: { school: 'secondary' } },
      ];
      expect(await amountOf(rules, { members }), `${size} people`).to.equal(amount);
    }
    const judged = async (...members: object[]) =>
      (await outcome(stage, rules, { members })).decision;
    expect(await judged(...people(40, 10, 8, 70)), 'three for one').to.equal('eligible');
    expect(await judged(...people(40, 10, 8))).to.equal('ineligible');
    expect(await judged({ age: 20, characteristics: { 'in-school': true } })).to.equal('eligible');
  });

  it('CGP pays by the number of children', async () => {
    const rules = rulesOf(CGP);
    for (const [count, amount] of [0, 360, 360, 600, 600, 750, 750, 750].entries()) {
      const members = [{ age: 40 }, { age: 9, count }];
      expect(await amountOf(rules, { members })).to.equal(amount);
    }
  });

  it('the Child Support Grant has an income limit that follows the grant', async () => {
    for (const [rate, income, married, own, others, amount] of [
      [530, 5300, false, 2, 0, 1060],
      [530, 5301, false, 2, 0, 0],
      [530, 10_600, true, 1, 7, 3710],
      [450, 4500, false, 3, 0, 1350],
    ] as const) {
      const household = {
        characteristics: { income, married },
        members: [
          { age: 30 },
          { age: 6, count: own },
          { age: 6, count: others, characteristics: { biological: false } },
        ],
      };
      expect(await amountOf(rulesOf(childSupport(rate)), household)).to.equal(amount);
    }
  });
});
