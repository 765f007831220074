/**
 * Criteria: what they mean in SQL is what they mean in FHIRPath wherever all facts are known; where
 * facts are missing the answer is "undetermined" unless the known ones decide.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import fhirpath from 'fhirpath';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { Compilation } from '../../../modules/schemes/language/compile.ts';
import { quote } from '../../../modules/schemes/language/sql.ts';
import { CriterionFault } from '../../../modules/schemes/language/syntax.ts';
import { layered } from '../../../modules/schemes/store/model.ts';
import { ageOn, parsePeriod } from '../../../src/sdk/index.ts';
import { area, extension, household, inArea, patient } from '../support/people.ts';
import { openStage, type Stage } from '../support/stage.ts';

const AS_OF = '2026-01-01';
const PERIOD = parsePeriod('monthly', '2026-01');

interface Person {
  birthDate: string;
  sex: 'male' | 'female';
  disability: boolean;
}

const PEOPLE: readonly (readonly Person[])[] = [
  [],
  [{ birthDate: '1950-01-01', sex: 'male', disability: false }],
  [
    { birthDate: '2008-01-01', sex: 'female', disability: true },
    { birthDate: '2008-01-02', sex: 'female', disability: false },
  ],
  [
    { birthDate: '1980-05-05', sex: 'male', disability: false },
    { birthDate: '1984-02-29', sex: 'female', disability: false },
    { birthDate: '2020-12-31', sex: 'male', disability: false },
    { birthDate: '2021-01-01', sex: 'female', disability: true },
    { birthDate: '2025-06-15', sex: 'female', disability: false },
  ],
];
const ROOMS = [1, 2, 3, 2.5];

function ageInMonths(birthDate: string): number {
  const [y, m, d] = birthDate.split('-').map(Number) as [number, number, number];
  const [ay, am, ad] = AS_OF.split('-').map(Number) as [number, number, number];
  return (ay - y) * 12 + am - m - (ad < d ? 1 : 0);
}

const MODEL = PEOPLE.map((people, index) => ({
  size: people.length,
  rooms: ROOMS[index],
  members: people.map((person) => ({
    ...person,
    age: ageOn(person.birthDate, AS_OF),
    ageInMonths: ageInMonths(person.birthDate),
  })),
}));

describe('criteria', () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage([households, payPoints]);
    await stage.put(area('country'), area('north', {}, 'country'), area('south', {}, 'country'));
    for (const [n, people] of PEOPLE.entries()) {
      const ids = people.map((_, m) => `p-${n}-${m}`);
      await stage.put(
        ...people.map((person, m) =>
          patient(ids[m] ?? '', {
            birthDate: person.birthDate,
            gender: person.sex,
            extension: [extension('disability', { valueBoolean: person.disability })],
          }),
        ),
        household(`h-${n}`, ids, {
          extension: n === 0 ? [] : [inArea(n === 1 ? 'north' : 'south')],
          characteristic: [
            {
              code: { coding: [{ code: 'rooms' }] },
              valueQuantity: { value: ROOMS[n] },
              exclude: false,
            },
          ],
        }),
      );
    }
  });
  after(() => stage.close());

  /** The answers of all households named like `prefix`, in order. */
  const answers = async (criterion: string, prefix = 'h-'): Promise<(boolean | null)[]> => {
    const compilation = new Compilation({ asOf: AS_OF, period: PERIOD });
    const { sql, at } = compilation.criterion(criterion);
    const ground = {
      plan: compilation.plan,
      asOf: AS_OF,
      schemeId: 0n,
      columns: ['h.household_id', 'h.fhir_id'],
      from: `from households_household h
        left join schemes_enrolment e on e.household_id = h.household_id`,
      where: `h.fhir_id like '${prefix}%'`,
      among: undefined,
    };
    const rows = await stage.rows<{ answer: boolean | null }>(
      `select answer from (${layered(ground, at, ['l.fhir_id', `${sql} as answer`])}) answers
       order by fhir_id`,
    );
    return rows.map((row) => row.answer);
  };

  it('agree with FHIRPath where all facts are known', async () => {
    const number = fc.constantFrom(
      '0',
      '1',
      '2',
      '5',
      '18',
      '1.5',
      'size',
      `characteristic('rooms')`,
    );
    const ofMember = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('age', 'ageInMonths', 'age + 1'),
          fc.constantFrom('<', '<=', '>', '>=', '=', '!='),
          fc.constantFrom('5', '7', '17', '18', '60', '216'),
        )
        .map((parts) => parts.join(' ')),
      fc.constantFrom(
        `sex = 'female'`,
        `sex != 'male'`,
        `sex in ('male' | 'female')`,
        'disability = true',
        'disability = false',
        '18 <= age',
      ),
    );
    const filter = fc.oneof(
      ofMember,
      fc.tuple(ofMember, fc.constantFrom('and', 'or', 'xor'), ofMember).map((p) => p.join(' ')),
      ofMember.map((inner) => `(${inner}).not()`),
    );
    const count = fc.oneof(
      number,
      filter.map((inner) => `members.where(${inner}).count()`),
    );
    const amount = fc.oneof(
      count,
      fc.tuple(count, fc.constantFrom('+', '-', '*'), count).map((p) => `(${p.join(' ')})`),
    );
    const test = fc.oneof(
      fc
        .tuple(amount, fc.constantFrom('<', '<=', '>', '>=', '=', '!='), amount)
        .map((parts) => parts.join(' ')),
      filter.map((inner) => `members.exists(${inner})`),
      filter.map((inner) => `members.all(${inner})`),
      filter.map((inner) => `members.where(${inner}).empty()`),
      fc.tuple(filter, filter).map(([a, b]) => `members.where(${a}).where(${b}).exists()`),
    );
    const criterion = fc.oneof(
      test,
      fc
        .tuple(test, fc.constantFrom('and', 'or', 'xor', 'implies'), test)
        .map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    );
    await fc.assert(
      fc.asyncProperty(criterion, async (text) => {
        expect(await answers(text), text).to.eql(MODEL.map((model) => oracle(model, text)));
      }),
      { numRuns: 250, seed: 7 },
    );
  });

  it('divide exactly, and leave a division by zero undetermined', async () => {
    const ratio = `members.where(age < 18).count() / members.where(age >= 18).count() >= 1.5`;
    expect(await answers(ratio)).to.eql([null, false, false, true]);
    expect(await answers(`members.count() / 2 = 2.5`)).to.eql([false, false, false, true]);
  });

  it('know the area and all above it', async () => {
    expect(await answers(`livesIn('NORTH')`)).to.eql([null, true, false, false]);
    expect(await answers(`livesIn('COUNTRY')`)).to.eql([null, true, true, true]);
  });

  it('are undetermined where missing facts decide, and decided where they do not', async () => {
    await stage.put(
      patient('q-year', { birthDate: '2008' }),
      patient('q-none', { birthDate: undefined, gender: 'unknown' }),
      patient('q-old', { birthDate: '1940-01-01' }),
      household('u-1', ['q-year', 'q-none', 'q-old']),
    );
    const answer = async (text: string) => (await answers(text, 'u-'))[0];
    expect(await answer(`members.exists(age >= 60)`), 'one is certain').to.equal(true);
    expect(await answer(`members.where(age >= 18).count() >= 1`)).to.equal(true);
    expect(await answer(`members.where(age >= 18).count() >= 2`), 'two may be').to.equal(null);
    expect(await answer(`members.where(age >= 18).count() > 3`), 'never four').to.equal(false);
    expect(await answer(`members.where(age >= 17).count() = 2`)).to.equal(null);
    expect(await answer(`members.all(age < 50)`), 'the old one decides').to.equal(false);
    expect(await answer(`members.exists(sex = 'male')`)).to.equal(null);
    expect(await answer(`members.exists(disability)`)).to.equal(null);
    expect(await answer(`characteristic('score') < 40`)).to.equal(null);
    expect(await answer(`characteristic('score').exists()`)).to.equal(false);
    expect(await answer(`characteristic('score') < 40 or size = 3`)).to.equal(true);
    expect(await answer(`members.where(age >= 18).count() * 2 < 7`)).to.equal(true);
  });

  it('do not count the dead', async () => {
    await stage.put(patient('d-1', { deceasedBoolean: true }), household('d-h', ['d-1']));
    expect(await answers('members.exists()', 'd-h')).to.eql([false]);
  });

  it('are refused with the place where they do not compile', () => {
    const fault = (text: string): string => {
      try {
        new Compilation({ asOf: AS_OF, period: PERIOD }).criterion(text);
      } catch (error) {
        if (error instanceof CriterionFault) return `${error.at}: ${error.message}`;
        throw error;
      }
      return 'compiled';
    };
    expect(fault('size >')).to.equal('6: a value is expected, not the end');
    expect(fault('size > 3 3')).to.equal('9: an operator is expected, not 3');
    expect(fault('income < 3')).to.match(/^0: income is not known here/);
    expect(fault('members.where(income > 3).count() > 1')).to.match(/^14: income is not known/);
    expect(fault('members.first()')).to.match(/^8: first\(\) is not known/);
    expect(fault(`members.exists(sex = 'femal')`)).to.match(/^19: 'femal' is not one of/);
    expect(fault('size')).to.match(/^0: a condition/);
    expect(fault('size and true')).to.match(/a condition/);
    expect(fault(`size = 'a'`)).to.match(/a code is expected/);
    expect(fault(`characteristic(size) > 1`)).to.match(/needs the code of the fact in quotes/);
    expect(fault('size > 3; drop table x')).to.match(/^8: ";" is not understood/);
    expect(fault(`${'('.repeat(500)}true${')'.repeat(500)}`)).to.match(/levels/);
    let deep = 'true';
    for (let n = 0; n < 30; n += 1) deep = `iif(${deep}, size > ${n}, true)`;
    expect(fault(deep), 'doubles at each level').to.match(/too deep/);
    expect(fault('%period.monthNumbers.repeat($this + 1).exists()')).to.match(/repeat\(\) is not/);
  });

  it('quote codes, so that no text of a rule reaches the database as SQL', async () => {
    for (const code of [`x'; drop table household; --`, `a\\b`, `\\'`, 'é"$$', '%s\n']) {
      const [row] = await stage.rows<{ kept: string }>(`select ${quote(code)} as kept`);
      expect(row?.kept).to.equal(code);
      const literal = code.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
      expect(await answers(`characteristic('${literal}').exists()`), code).to.eql([
        false,
        false,
        false,
        false,
      ]);
    }
  });
});

/** What FHIRPath says of a household all of whose facts are known. */
function oracle(model: (typeof MODEL)[number], text: string): boolean | null {
  const answer = fhirpath.evaluate(model, text, undefined, undefined, {
    userInvocationTable: {
      characteristic: {
        fn: (inputs: { rooms: number }[]) => inputs[0]?.rooms,
        arity: { 1: ['String'] },
      },
    },
  }) as unknown[];
  return answer.length === 0 ? null : Boolean(answer[0]);
}
