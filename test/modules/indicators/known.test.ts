/**
 * A world whose figures are known beforehand: what became of each household's money stands in a
 * table, and every figure over HTTP is held against sums over that table, for every area, sex, age
 * band and reason. Due is paid, unpaid by reason and unanswered, to the minor unit.
 */

import type { Bundle, MeasureReport, Patient } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { HONEST, setBehaviour } from '../../../modules/adapters/simulator/index.ts';
import {
  applyOutcomes,
  NON_PAYMENT_REASONS,
  type NonPaymentReason,
  type Outcome,
} from '../../../modules/disbursement/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import * as people from '../support/people.ts';
import { DAY, inside, parameters, pay } from './world.ts';

type Fate = 'paid' | 'no-answer' | 'not-sent' | 'undetermined' | NonPaymentReason;

interface Known {
  readonly area: string;
  readonly sex: NonNullable<Patient['gender']>;
  /** Birth date of the head, whole or partial; empty: unknown. */
  readonly born: string;
  readonly band: string;
  readonly children: number;
  readonly fate: Fate;
}

const known = (
  area: string,
  sex: Known['sex'],
  born: string,
  band: string,
  children: number,
  fate: Fate,
): Known => ({ area, sex, born, band, children, fate });

// Ages are those of 31 January 2026: who is 18 or 60 on that very day is in the older band.
const TABLE: readonly Known[] = [
  known('north', 'female', '1990-06-15', 'P18Y--P60Y', 2, 'paid'),
  known('north', 'female', '2008-01-31', 'P18Y--P60Y', 0, 'recipient_not_registered'),
  known('north', 'male', '2008-02-01', 'P5Y--P18Y', 0, 'paid'),
  known('north', 'male', '1966-01-31', 'P60Y--P9999Y', 1, 'no-answer'),
  known('village', 'female', '1966-02-01', 'P18Y--P60Y', 3, 'paid'),
  known('village', 'other', '1950', 'P60Y--P9999Y', 1, 'name_mismatch'),
  known('village', 'unknown', '1930-01-01', 'P60Y--P9999Y', 0, 'paid'),
  known('village', 'female', '', 'unknown', 0, 'undetermined'),
  known('south', 'female', '2008', 'unknown', 2, 'recipient_not_registered'),
  known('south', 'male', '1980-03', 'P18Y--P60Y', 4, 'not-sent'),
  known('south', 'female', '1940-12-12', 'P60Y--P9999Y', 0, 'no-answer'),
  known('region', 'female', '1999-09-09', 'P18Y--P60Y', 1, 'paid'),
  known('region', 'male', '1999-09-09', 'P18Y--P60Y', 0, 'expired_unclaimed'),
];
const BELOW: Readonly<Record<string, readonly string[]>> = {
  region: ['region', 'north', 'village', 'south'],
  north: ['north', 'village'],
  village: ['village'],
  south: ['south'],
};
const JANUARY = 'periodStart=2026-01&periodEnd=2026-01';

const dueOf = (row: Known): number => 1500 + 500 * row.children;
const phone = (n: number): string => `+25470000${1000 + n}`;

function registry(): Bundle {
  const resources = TABLE.flatMap((row, n) => {
    const children = Array.from({ length: row.children }, (_, c) => `child-${n}-${c}`);
    const { birthDate: _, ...ageless } = people.patient(`head-${n}`, { gender: row.sex });
    return [
      row.born === '' ? ageless : { ...ageless, birthDate: row.born },
      ...children.map((id) => people.patient(id, { birthDate: '2015-05-05' })),
      people.household(`hh-${n}`, [`head:head-${n}`, ...children], {
        identifier: [{ system: 'urn:test:household', value: `${n}` }],
        extension: [
          people.inArea(row.area),
          people.mobileAccount(row.fate === 'not-sent' ? 'stopped' : 'payer', phone(n)),
        ],
      }),
    ];
  });
  const all = [
    people.provider('payer'),
    people.provider('stopped'),
    people.area('region'),
    people.area('north', {}, 'region'),
    people.area('village', {}, 'north'),
    people.area('south', {}, 'region'),
    ...resources,
  ];
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: all.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  };
}

describe('indicators of a world whose figures are known', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    await must('', registry());
    await house.settle();
    const plan = people.scheme('grant', [
      { url: 'frequency', valueCode: 'monthly' },
      people.criterion('size >= 1'),
      people.base(1500),
      people.supplement('per child', 'age = 10', 500),
    ]);
    await must('InsurancePlan/child-grant', { ...plan, id: 'child-grant' }, 'PUT');
    await must('InsurancePlan/child-grant/$enrol', parameters());
    await must(
      '$fund',
      parameters(
        { name: 'account', valueString: 'fund:child-grant' },
        { name: 'amount', valueMoney: { value: 100_000, currency: 'KES' } },
        { name: 'reference', valueString: 'grant 1' },
      ),
    );
    await must(
      'Organization/stopped/$pause',
      parameters({ name: 'reason', valueString: 'maintenance' }),
    );
    const payer = await inside(house, async (ctx) => {
      const id = (await ctx.fhir.rids('Organization', ['payer'])).get('payer')!;
      // It takes every order and never answers, so that only the table tells what became of it.
      await setBehaviour(ctx, id, { ...HONEST, lose_before_per_mille: 1000 });
      return id;
    });
    await pay(house, '2026-01', { enquire: false });
    await inside(house, async (ctx) => applyOutcomes(ctx, payer, await outcomes(), 'callback'));
    await house.settle();
  });
  after(() => house?.stop());

  async function must(path: string, body: unknown, method?: string): Promise<Json> {
    const answer = await house.fetch(path, { body, ...(method && { method }) });
    expect(answer.status, `${path}: ${answer.text.slice(0, 1500)}`).to.be.lessThan(300);
    return answer.json;
  }

  async function outcomes(): Promise<Outcome[]> {
    const { rows } = await house.database.pool.query<{ key: string; number: string }>(
      'select disbursement_transaction_number(key) as key, account_number as number from instruction',
    );
    return rows.flatMap(({ key, number }): Outcome[] => {
      const { fate } = TABLE.find((_, n) => phone(n) === number)!;
      if (fate === 'paid') return [{ key, result: 'paid' }];
      const reason = NON_PAYMENT_REASONS.find((each) => each === fate);
      return reason ? [{ key, result: 'not-paid', reason }] : [];
    });
  }

  const evaluate = async (subject?: string): Promise<MeasureReport> => {
    const where = subject ? `&subject=Location/${subject}` : '';
    const answer = await house.fetch(`Measure/payment/$evaluate-measure?${JANUARY}${where}`);
    expect(answer.status, answer.text.slice(0, 2000)).to.equal(200);
    return answer.json;
  };

  /** Figures of an indicator by stratum, each `[count, score]`; the whole is under ''. */
  function figures(report: MeasureReport, code: string): Map<string, [number, number]> {
    const group = report.group!.find((each) => each.code?.coding?.[0]?.code === code)!;
    const found = new Map([['', [group.population![0]!.count!, group.measureScore!.value!]]]);
    for (const stratum of group.stratifier!.flatMap((each) => each.stratum ?? [])) {
      const key = stratum.component!.map((each) => each.value.coding![0]!.code).join();
      found.set(key, [stratum.population![0]!.count!, stratum.measureScore!.value!]);
    }
    return found as Map<string, [number, number]>;
  }

  const sums = (rows: readonly Known[]): [number, number] => [
    rows.length,
    rows.reduce((total, row) => total + dueOf(row), 0),
  ];
  const isDue = (row: Known): boolean => row.fate !== 'undetermined';
  const isPaid = (row: Known): boolean => row.fate === 'paid';
  const groups: readonly [string, (row: Known) => boolean][] = [
    ['DUE', () => true],
    ['PAID', isPaid],
    ['UNPAID', (row) => !isPaid(row)],
  ];

  for (const subject of [undefined, ...Object.keys(BELOW)]) {
    it(`are those of the table ${subject ? `in the area ${subject}` : 'in all'}`, async () => {
      const report = await evaluate(subject);
      const here = TABLE.filter((row) => !subject || BELOW[subject]!.includes(row.area));
      const due = here.filter(isDue);
      for (const [code, belongs] of groups) {
        const rows = due.filter(belongs);
        const [count, amount] = sums(rows);
        const number = figures(report, `${code}_N`);
        const money = figures(report, `${code}_AMT`);
        expect(number.get(''), code).to.deep.equal([count, count]);
        expect(money.get(''), code).to.deep.equal([count, amount]);
        for (const sex of ['male', 'female', 'other', 'unknown']) {
          for (const band of ['P0Y--P5Y', 'P5Y--P18Y', 'P18Y--P60Y', 'P60Y--P9999Y', 'unknown']) {
            const own = sums(rows.filter((row) => row.sex === sex && row.band === band));
            const cell = `${sex},${band}`;
            expect(number.get(cell)?.[0], `${code}_N ${cell}`).to.equal(own[0]);
            expect(money.get(cell), `${code}_AMT ${cell}`).to.deep.equal(own);
          }
        }
      }
      const why = figures(report, 'UNPAID_AMT');
      const unpaid = due.filter((row) => !isPaid(row));
      for (const fate of new Set(
        TABLE.filter((row) => isDue(row) && !isPaid(row)).map((row) => row.fate),
      )) {
        const own = sums(unpaid.filter((row) => row.fate === fate));
        expect(why.get(fate), `${subject} ${fate}`).to.deep.equal(own);
        expect(figures(report, 'UNPAID_N').get(fate)).to.deep.equal([own[0], own[0]]);
      }
      const left = here.length - due.length;
      expect(figures(report, 'EXCL_N').get('')).to.deep.equal([left, left]);
      if (left > 0) {
        expect(figures(report, 'EXCL_N').get('undetermined')).to.deep.equal([left, left]);
        expect(figures(report, 'EXCL_N').get('female,unknown')).to.deep.equal([left, left]);
      }
      expect(why.get('recipient_blocked')).to.deep.equal([0, 0]);
    });
  }

  it('add up: paid, unpaid by reason and unanswered are due, and areas are their parent', async () => {
    const report = await evaluate();
    const score = (code: string, key = ''): number => figures(report, code).get(key)![1];
    const reasons = NON_PAYMENT_REASONS.reduce((sum, each) => sum + score('UNPAID_AMT', each), 0);
    // 18,000 for twelve households and 7,000 for fourteen children.
    expect(score('DUE_AMT')).to.equal(25_000);
    expect(score('PAID_AMT')).to.equal(10_500);
    expect(reasons).to.equal(7_500);
    expect(score('UNPAID_AMT', 'no-answer')).to.equal(3_500);
    expect(score('UNPAID_AMT', 'not-sent')).to.equal(3_500);
    expect(score('DUE_AMT')).to.equal(score('PAID_AMT') + reasons + 7_000);

    const region = figures(await evaluate('region'), 'DUE_AMT');
    const parts = ['here', 'north', 'south'].map((each) => region.get(each)![1]);
    expect(parts).to.deep.equal([3_500, 14_000, 7_500]);
    expect(parts.reduce((sum, each) => sum + each, 0)).to.equal(region.get('')![1]);
    expect(figures(await evaluate('north'), 'DUE_AMT').get('village')).to.deep.equal([3, 6_500]);
  });

  it('are the same by POST, and by search once the month is closed', async () => {
    const posted = await must(
      'Measure/payment/$evaluate-measure',
      parameters(
        { name: 'periodStart', valueDate: '2026-01-01' },
        { name: 'periodEnd', valueDate: '2026-01-31' },
        { name: 'subject', valueString: 'Location/north' },
      ),
    );
    const got = await evaluate('north');
    expect(posted.group).to.deep.equal(got.group);
    await house.advance(40 * DAY);
    await must(
      'Measure/payment/$close-period',
      parameters(
        { name: 'periodStart', valueDate: '2026-01' },
        { name: 'periodEnd', valueDate: '2026-01' },
      ),
    );
    const found = await house.fetch(
      'MeasureReport?measure=Measure/payment&period=2026-01&subject=Location/north&_total=accurate',
    );
    expect(found.json.total, found.text.slice(0, 500)).to.equal(1);
    const [{ resource }] = found.json.entry;
    expect(resource.status).to.equal('complete');
    expect(resource.group).to.deep.equal(got.group);
  });

  it('say only what is published: Measures and reports are valid to the last code', async () => {
    for (const id of ['registration', 'enrolment', 'payment']) {
      const report = await house.fetch(`Measure/${id}/$evaluate-measure?${JANUARY}`);
      for (const shown of [report.json, (await house.fetch(`Measure/${id}`)).json]) {
        const errors = house.app.fhir.definitions
          .validate(shown)
          .filter((each) => each.severity === 'error');
        expect(errors).to.deep.equal([]);
      }
    }
  });
});
