/**
 * Two engines, one meaning: random rules over random households, facts missing here and there. The
 * compiled SQL and the fhirpath library agree wherever both decide, and where all facts are known
 * the library decides all that SQL decides.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { schemes } from '../../../modules/schemes/index.ts';
import { runCase } from '../../../modules/schemes/rules/cases.ts';
import { component, criterion, expression, table } from '../support/people.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { rulesOf } from './programmes/case.ts';

const words = (...options: string[]) => fc.constantFrom(...options);
const joined = (parts: readonly fc.Arbitrary<string>[]) =>
  fc.tuple(...parts).map((found) => found.join(''));

/** A number of a member. */
const ofMember = fc.oneof(
  words('age', 'ageInMonths', "characteristic('grade')", 'ageOn(%period.end)', '0.1', '7', '250.5'),
  words("lookup('grants', sex, age)", "iif(sex = 'male', 3, age)", 'age * 2 - 1.5'),
);
const test = fc.oneof(
  words('age < 18', 'age >= 60', 'ageInMonths < 84', "sex = 'female'", 'disability', 'minor'),
  words("answer('f', 'm') < 4", "answer('f', 'works')", "answer('f', 'm').exists()"),
  words("characteristic('grade') >= 3", "characteristic('pupil')", 'age mod 2 = 0', 'age = 18'),
  words('birthDate < @2010-06-30', "role in ('head' | 'spouse')", 'age > %limit'),
  words("ifMissing(characteristic('pupil'), false) and age < 20", 'disability.not() or minor'),
);
/** A number of the household. */
const leaf = fc.oneof(
  words('size', '0', '1', '3', '12.5', '0.001', "characteristic('income')", '%limit', '%poor'),
  words("answer('https://forms/a', '1.2')", "members.where(answer('f', 'm') > 2).count()"),
  words("lookup('bands.low', characteristic('income'))", "lookup('bands.high', size)"),
  words(
    '%period.dayCount',
    '%period.number',
    'enrolment.dayCount',
    "members.where(role = 'head').age",
  ),
  joined([words('members.where('), test, words(').count()')]),
  joined([
    words('members.where('),
    test,
    words(').select('),
    ofMember,
    words(').sum()', ').min()', ').max()'),
  ]),
);
const deeper = (inner: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 3, arbitrary: inner },
    joined([
      words('('),
      inner,
      words(' + ', ' - ', ' * ', ' / ', ' div ', ' mod '),
      inner,
      words(')'),
    ]),
    joined([words('least(', 'greatest('), inner, words(', '), inner, words(')')]),
    joined([words('('), inner, words(').floor()', ').truncate()', ').round(2)', ').abs()')]),
    joined([words('roundTo('), inner, words(", 5, 'up')", ", 0.5, 'half-even')", ", 10, 'down')")]),
    joined([words('ifMissing('), inner, words(', 4)')]),
    joined([words('('), inner, words(').sqrt()', ').ln()', ').log(10)', ').power(2)')]),
    joined([words('least('), inner, words(', 9).exp()', ', 9).power(1.5)', ', 9).power(-3)')]),
  );
const number = deeper(deeper(leaf));
const condition = fc.oneof(
  joined([number, words(' < ', ' <= ', ' = ', ' != ', ' > '), number]),
  joined([words('members.exists(', 'members.all('), test, words(')')]),
  words(
    "characteristic('zone') = 'urban'",
    "characteristic('zone') in ('rural' | 'camp')",
    '%urban',
  ),
  words(
    "areaAt(1) = 'north'",
    "livesIn('n-1').not()",
    "enrolledIn('other')",
    'enrolment.startedOn.exists()',
  ),
);
const chosen = fc
  .tuple(condition, number, number)
  .map(([when, a, b]) => `iif(${when}, ${a}, ${b})`);

const rulesArbitrary = fc.record({
  variable: fc.oneof(number, chosen),
  criterion: fc.oneof(
    condition,
    joined([condition, words(' and ', ' or ', ' implies '), condition]),
  ),
  household: fc.oneof(number, chosen),
  member: fc.tuple(test, ofMember),
  maximum: fc.constantFrom(undefined, 1, 2),
  order: fc.constantFrom(undefined, 'highest-amount', 'lowest-amount', 'youngest', 'oldest'),
  when: fc.option(condition, { nil: undefined }),
  adjustment: words(
    '%total',
    'least(%total, 100)',
    '%total * 0.5',
    '%total - %first / 3',
    '%v + %total',
  ),
});

const fact = <Kind>(arbitrary: fc.Arbitrary<Kind>, known: boolean) =>
  known ? arbitrary : fc.option(arbitrary, { nil: undefined, freq: 4 });

const householdArbitrary = (known: boolean) =>
  fc.record({
    members: fc.array(
      fc.record({
        birthDate: fact(
          fc.constantFrom(
            '1950-01-01',
            '2008-01-01',
            '2008-01-02',
            '1984-02-29',
            '2020-12-31',
            '2025-06-15',
          ),
          known,
        ),
        sex: fact(fc.constantFrom('male', 'female'), known),
        role: fc.constantFrom('head', 'spouse', 'child'),
        disability: fact(fc.boolean(), known),
        answers: fc.record({
          f: fc.record({
            m: fact(fc.integer({ min: 0, max: 6 }), known),
            works: fact(fc.boolean(), known),
          }),
        }),
        characteristics: fc.record({
          grade: fact(fc.constantFrom(1, 3, 7.5), known),
          pupil: fact(fc.boolean(), known),
        }),
      }),
      { maxLength: 4 },
    ),
    answers: fc.record({
      'https://forms/a': fc.record({ '1.2': fact(fc.integer({ min: -3, max: 300 }), known) }),
    }),
    characteristics: fc.record({
      income: fact(fc.constantFrom(0, 99.99, 100, 1234.567), known),
      zone: fact(fc.constantFrom('urban', 'rural', 'camp'), known),
    }),
    area: fc.constant(['north', 'n-1']),
    enrolment: fc.constant({ startedOn: '2026-01-10', paidCycles: 2 }),
  });

describe('compiled rules and FHIRPath', function () {
  this.timeout(120_000);
  let stage: Stage;
  before(async () => {
    stage = await openStage([households, payPoints, providers, schemes]);
  });
  after(() => stage.close());

  /** How often the library decided all that SQL decided. */
  let confirmed = 0;

  const agree = (known: boolean, seed: number) =>
    fc.assert(
      fc.asyncProperty(rulesArbitrary, householdArbitrary(known), async (made, household) => {
        const rules = rulesOf([
          { url: 'frequency', valueCode: 'monthly' },
          { url: 'currency', valueCode: 'KES' },
          { url: 'first-cycle', valueDate: '2025-11-01' },
          table(
            'grants',
            'sex, age -> amount\nmale, ..17 -> 10\nfemale, ..17 -> 12.25\n*, 18.. -> 1',
          ),
          table('bands', 'n -> low, high\n..<100 -> 1, 10\n100..2000 -> 2, 20.5'),
          expression('member-variable', 'age < 18', 'minor'),
          expression('variable', 'iif(size > 2, 18, 60)', 'limit'),
          expression('variable', "characteristic('income') / greatest(size, 1)", 'poor'),
          expression('variable', "characteristic('zone') = 'urban'", 'urban'),
          expression('variable', made.variable, 'v'),
          criterion(made.criterion),
          component('first', made.household, { ...(made.when && { when: made.when }) }),
          component('second', made.member[1], {
            for: made.member[0],
            ...(made.maximum && { maximum: made.maximum }),
            ...(made.order && { order: made.order }),
          }),
          expression('adjustment', made.adjustment, 'last'),
        ]);
        const result = await stage.work((ctx) =>
          runCase(ctx, rules, { period: '2026-01', household: JSON.stringify(household) }),
        );
        expect(result.differences, JSON.stringify({ made, household })).to.eql([]);
        confirmed += result.confirmed ? 1 : 0;
      }),
      { numRuns: 60, seed },
    );

  it('agree where all facts are known', async () => {
    await agree(true, 11);
    expect(confirmed, 'of 60').to.be.above(40);
  });
  it('agree where facts are missing, wherever both decide', () => agree(false, 12));
});
