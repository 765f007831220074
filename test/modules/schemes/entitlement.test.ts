/**
 * What is due to whom in a payment period, why not, and which way the money goes.
 */

import type { Extension } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { entitlementSelect, schemes } from '../../../modules/schemes/index.ts';
import { parsePeriod, structureDefinition } from '../../../src/sdk/index.ts';
import {
  area,
  base,
  cap,
  criterion,
  extension,
  household,
  inArea,
  mobileAccount,
  money,
  patient,
  payPoint,
  provider,
  scheme,
  supplement,
} from '../support/people.ts';
import { openStage, type Stage } from '../support/stage.ts';

interface Row {
  household: string;
  recipient: string | null;
  decision: string;
  reason_code: string | null;
  criterion_number: number | null;
  amount_minor: bigint | null;
  step_minor: string[];
  step_counts: (number | null)[];
  step_members: (string | null)[];
  household_version: number;
  point: string | null;
  provider: string | null;
  account_kind: string | null;
  account_number: string | null;
}

const RULES: readonly Extension[] = [
  { url: 'frequency', valueCode: 'monthly' },
  criterion(`characteristic('score') < 40`, 'poor'),
  base(1000),
  supplement('young-child', 'age < 5', 250.5, 2),
  supplement('disability', 'disability', 300),
  cap(1700),
];

describe('entitlement', () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage([households, payPoints, providers, schemes], { PHONE_COUNTRY: 'KE' });
    await stage.put(provider('telco'), provider('agent'), provider('gone'), area('a'), area('b'));
    await stage.put(payPoint('point', 'a', 'agent', 100));
    await stage.put(scheme('s', RULES));
  });
  after(() => stage.close());

  let sequence = 0;

  /** Registers a household of members born on these days, enrolled since January. */
  const register = async (
    id: string,
    born: readonly (string | undefined)[],
    options: {
      score?: number;
      head?: boolean;
      extension?: Extension[];
      enrolled?: boolean;
      recipient?: number;
      more?: Parameters<typeof household>[2];
      disability?: boolean | undefined;
    } = {},
  ): Promise<string[]> => {
    const ids = born.map(() => {
      sequence += 1;
      return `m-${sequence}`;
    });
    const disability =
      'disability' in options && options.disability === undefined
        ? []
        : [extension('disability', { valueBoolean: options.disability ?? false })];
    await stage.put(
      ...ids.map((each, n) => patient(each, { birthDate: born[n], extension: disability })),
      household(
        id,
        ids.map((each, n) => (n === 0 && options.head !== false ? `head:${each}` : each)),
        {
          extension: options.extension ?? [mobileAccount('telco', '+254712345678')],
          characteristic:
            options.score === undefined
              ? []
              : [
                  {
                    code: { coding: [{ code: 'score' }] },
                    valueQuantity: { value: options.score },
                    exclude: false,
                  },
                ],
          ...options.more,
        },
      ),
    );
    await stage.settle();
    await stage.put({
      resourceType: 'Coverage',
      id: `c-${id}`,
      meta: { profile: [structureDefinition('enrolment')] },
      extension: [
        extension('enrolment-scheme', { valueReference: { reference: 'InsurancePlan/s' } }),
        extension('enrolment-household', { valueReference: { reference: `Group/${id}` } }),
        extension('enrolment-state', {
          valueCode: options.enrolled === false ? 'suspended' : 'enrolled',
        }),
        extension('enrolment-reason', { valueCode: 'imported' }),
        extension('recipient-basis', {
          valueCode: options.recipient === undefined ? 'collector' : 'declared',
        }),
      ],
      status: options.enrolled === false ? 'cancelled' : 'active',
      beneficiary: { reference: `Patient/${ids[options.recipient ?? 0]}` },
      payor: [{ display: 'Ministry' }],
      period: { start: '2026-01-10' },
    });
    return ids;
  };

  const entitlements = (period = '2026-01', few?: boolean) =>
    stage.work(async (ctx) => {
      if (few !== undefined) {
        await ctx.db.run(
          `update pg_class set reltuples = ${few ? 1_000_000 : 0} where oid = 'household'::regclass`,
        );
      }
      const id = (await ctx.fhir.rids('InsurancePlan', ['s'])).get('s') as bigint;
      const select = await entitlementSelect(ctx, id, parsePeriod('monthly', period));
      return ctx.db.query<Row>(
        `select h.fhir_id as household, m.fhir_id as recipient, p.fhir_id as point,
                v.fhir_id as provider, e.*
         from (${select.text}) e
         left join household h on h.household_id = e.household_id
         left join member m on m.member_id = e.recipient_id
         left join pay_point p on p.pay_point_id = e.pay_point_id
         left join provider v on v.provider_id = e.provider_id order by 1`,
        select.values,
      );
    });
  const of = async (id: string, period?: string) =>
    (await entitlements(period)).find((row) => row.household === id) as Row;

  it('is base and supplements, counted and capped', async () => {
    const [head] = await register('h-sum', ['1980-01-01', '2022-05-05'], { score: 10 });
    expect(await of('h-sum')).to.deep.include({
      recipient: head,
      decision: 'eligible',
      reason_code: null,
      step_minor: ['100000', '25050', '0', '125050'],
      amount_minor: 125_050n,
      step_counts: [null, 1, 0, null],
      step_members: [null, '2', null, null],
      household_version: 1,
      provider: 'telco',
      account_kind: 'mobile',
      account_number: '+254712345678',
      point: null,
    });
    const children = ['2022-05-05', '2023-05-05', '2024-05-05'];
    await register('h-cap', ['1980-01-01', ...children], { score: 10, disability: true });
    expect(await of('h-cap'), 'two children at most, four with a disability').to.deep.include({
      step_minor: ['100000', '50100', '120000', '170000'],
      amount_minor: 170_000n,
      step_counts: [null, 2, 4, null],
    });
  });

  it('takes ages on the first day of the period', async () => {
    await register('h-age', ['1980-01-01', '2021-01-02'], { score: 10 });
    expect((await of('h-age', '2026-01')).step_counts[1]).to.equal(1);
    expect((await of('h-age', '2026-02')).step_counts[1]).to.equal(0);
  });

  it('is undetermined where facts are missing, unless they could not change the amount', async () => {
    await register('h-nofact', ['1980-01-01'], {});
    expect(await of('h-nofact')).to.include({
      decision: 'undetermined',
      reason_code: 'undetermined',
      criterion_number: 1,
    });
    await register('h-noage', ['1980-01-01', undefined], { score: 10 });
    expect(await of('h-noage')).to.include({ decision: 'undetermined', amount_minor: null });
    const two = ['2022-05-05', '2023-05-05'];
    await register('h-sure', ['1980-01-01', ...two, undefined], { score: 10 });
    expect(await of('h-sure'), 'the supplement is full already').to.include({
      decision: 'eligible',
      amount_minor: 150_100n,
    });
  });

  it('names the reason for everybody who is not paid', async () => {
    await register('h-rich', ['1980-01-01'], { score: 40 });
    await register('h-suspended', ['1980-01-01'], { score: 10, enrolled: false });
    await register('h-inactive', ['1980-01-01'], { score: 10, more: { active: false } });
    await register('h-leaderless', ['1980-01-01', '1981-01-01'], { score: 10, head: false });
    await register('h-nowhere', ['1980-01-01'], { score: 10, extension: [] });
    const [dead] = await register('h-dead', ['1980-01-01'], { score: 10 });
    await stage.put(patient(dead ?? '', { birthDate: '1980-01-01', deceasedBoolean: true }));
    await register('h-closed', ['1980-01-01'], {
      score: 10,
      extension: [mobileAccount('gone', '+254712345679')],
    });
    await stage.put(provider('gone', { active: false }));
    const rows = await entitlements();
    const found = Object.fromEntries(
      rows.map((row) => [row.household, `${row.decision} ${row.reason_code}`]),
    );
    expect(found).to.include({
      'h-rich': 'ineligible not-eligible',
      'h-suspended': 'ineligible enrolment-suspended',
      'h-inactive': 'ineligible household-inactive',
      'h-leaderless': 'blocked no-collector',
      'h-nowhere': 'blocked no-account',
      'h-dead': 'blocked collector-deceased',
      'h-closed': 'blocked provider-inactive',
    });
    const [count] = await stage.rows<{ count: bigint }>('select count(*) as count from enrolment');
    expect(BigInt(rows.length), 'a row for every enrolment').to.equal(count?.count);
  });

  it('pays the only adult where nobody is named, and a recipient who is named', async () => {
    const only = await register('h-only', ['2015-01-01', '1981-01-01'], { score: 1, head: false });
    expect((await of('h-only')).recipient).to.equal(only[1]);
    const named = await register('h-named', ['1980-01-01', '1981-01-01'], {
      score: 1,
      recipient: 1,
    });
    expect((await of('h-named')).recipient).to.equal(named[1]);
    await stage.put(
      household('h-named', [`head:${named[0]}`], {
        extension: [mobileAccount('telco', '+254712345678')],
      }),
    );
    expect((await of('h-named')).recipient, 'who left is not paid, nor is somebody else').to.equal(
      null,
    );
  });

  it('goes as cash through the pay point where there is no account', async () => {
    await register('h-cash', ['1980-01-01'], { score: 10, extension: [inArea('a')] });
    expect(await of('h-cash')).to.include({
      decision: 'eligible',
      point: 'point',
      provider: 'agent',
      account_kind: 'cash',
      account_number: null,
    });
    const rules = (delivery: string) =>
      stage.put(scheme('s', [...RULES, { url: 'delivery', valueCode: delivery }]));
    await rules('account');
    expect((await of('h-cash')).reason_code).to.equal('no-account');
    await rules('pay-point');
    expect((await of('h-sum')).reason_code).to.equal('no-pay-point');
    expect((await of('h-cash')).decision).to.equal('eligible');
    await stage.put(scheme('s', RULES));
  });

  it('rounds, and does not pay less than the least amount', async () => {
    const amounts = async (...rules: Extension[]) => {
      await stage.put(scheme('s', [...RULES, ...rules]));
      return (await of('h-sum')).amount_minor;
    };
    const unit = money('rounding-unit', 100);
    const mode = (valueCode: string) => ({ url: 'rounding-mode', valueCode });
    expect(await amounts(unit)).to.equal(130_000n);
    expect(await amounts(unit, mode('down'))).to.equal(120_000n);
    expect(await amounts(money('rounding-unit', 500), mode('up'))).to.equal(150_000n);
    await amounts(money('minimum-payable', 1300));
    expect((await of('h-sum')).reason_code).to.equal('zero-amount');
    await stage.put(scheme('s', RULES));
  });

  it('says the same however few of the households are enrolled', async () => {
    const [few, many] = [await entitlements('2026-01', true), await entitlements('2026-01', false)];
    expect(few).to.eql(many);
  });
});
