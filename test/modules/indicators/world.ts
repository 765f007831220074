/**
 * A small country for the tests of indicators: one region with two districts, twelve households,
 * one monthly scheme, and a provider that pays or refuses by seed.
 */

import type { Bundle, ConceptMap, Location } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { setBehaviour } from '../../../modules/adapters/simulator/index.ts';
import { enquireDue } from '../../../modules/disbursement/index.ts';
import { dimensionProperty, OPTION_COMBO } from '../../../modules/indicators/dhis2/mapping.ts';
import { INDICATORS, measureUrl } from '../../../modules/indicators/measure-report.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { type Context, identifierSystem, structureDefinition } from '../../../src/sdk/index.ts';
import type { TestHouse } from '../../support/server.ts';
import {
  area,
  base,
  criterion,
  extension,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
  supplement,
} from '../support/people.ts';

export const HOUSEHOLDS = 12;
export const DAY = 24 * 3600;

function district(id: string, uid: string, parent?: string): Location {
  const base = area(id, {}, parent);
  return {
    ...base,
    identifier: [...(base.identifier ?? []), { system: identifierSystem('dhis2-uid'), value: uid }],
  };
}

/** Households 0–7 live in the north, 8–11 in the south; each fourth head is a man. */
export function registry(): Bundle {
  const resources: NonNullable<NonNullable<Bundle['entry']>[number]['resource']>[] = [
    provider('mobile-money'),
    district('region', 'RegionAAAAA'),
    district('north', 'NorthAAAAAA', 'region'),
    district('south', 'SouthAAAAAA', 'region'),
  ];
  for (let n = 0; n < HOUSEHOLDS; n += 1) {
    resources.push(
      patient(`head-${n}`, n % 4 === 0 ? { gender: 'male' } : {}),
      patient(`child-${n}`, { birthDate: n % 3 === 0 ? '2023-05-05' : '2014-02-02' }),
      household(`hh-${n}`, [`head:head-${n}`, `child-${n}`], {
        identifier: [{ system: 'urn:test:household', value: `${n}` }],
        extension: [
          inArea(n < 8 ? 'north' : 'south'),
          ...(n === 7 ? [] : [mobileAccount('mobile-money', `+2547000${1000 + n}`)]),
        ],
      }),
    );
  }
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  };
}

export function inside<Result>(
  house: TestHouse,
  work: (ctx: Context) => Promise<Result>,
): Promise<Result> {
  return runUnitOfWork(house.app, SYSTEM, {}, work);
}

async function ok(house: TestHouse, path: string, body: unknown, method?: string, token?: string) {
  const answer = await house.fetch(path, {
    body,
    ...(method && { method }),
    ...(token && { token }),
  });
  expect(answer.status, `${path}: ${answer.text.slice(0, 1500)}`).to.be.lessThan(300);
  return answer.json;
}

export const parameters = (...parameter: unknown[]) => ({ resourceType: 'Parameters', parameter });

/** Registers, enrols, drafts and approves January 2026, and pays by a provider that refuses some. */
export async function play(house: TestHouse): Promise<string> {
  await ok(house, '', registry());
  await house.settle();
  const plan = scheme('child-grant', [
    { url: 'frequency', valueCode: 'monthly' },
    criterion('members.exists(age < 18)', 'child'),
    base(1500),
    supplement('per child', 'age < 18', 500),
  ]);
  await ok(house, 'InsurancePlan/child-grant', plan, 'PUT');
  await ok(house, 'InsurancePlan/child-grant/$enrol', parameters());
  await ok(
    house,
    '$fund',
    parameters(
      { name: 'account', valueString: 'fund:child-grant' },
      { name: 'amount', valueMoney: { value: 500000, currency: 'KES' } },
      { name: 'reference', valueString: 'grant 1' },
    ),
  );
  await inside(house, async (ctx) => {
    const ids = await ctx.fhir.rids('Organization', ['mobile-money']);
    await setBehaviour(ctx, ids.get('mobile-money')!, {
      seed: 3,
      refuse_per_mille: 400,
      delay_per_mille: 0,
      lose_before_per_mille: 0,
      lose_after_per_mille: 0,
      wrong_amount_per_mille: 0,
    });
  });
  return pay(house, '2026-01');
}

/** Drafts, approves and pays a period; answers the payroll's id. */
export async function pay(
  house: TestHouse,
  period: string,
  { enquire = true } = {},
): Promise<string> {
  const officer = await house.tokenFor('payroll-officer');
  const checker = await house.tokenFor('payroll-approver');
  const drafted = await ok(
    house,
    'InsurancePlan/child-grant/$draft-payroll',
    parameters({ name: 'period', valueString: period }),
    'POST',
    officer,
  );
  const id = drafted.parameter[0].valueReference.reference.replace('List/', '');
  await ok(house, `List/${id}/$approve`, parameters(), 'POST', checker);
  await house.settle();
  if (!enquire) return id;
  await house.advance(2 * DAY);
  await inside(house, async (ctx) => ctx.enqueue(enquireDue, {}));
  await house.settle();
  return id;
}

/** A mapping of the Measure `payment`: totals, and PAID_N by sex and age. */
export function paymentMapping(): ConceptMap {
  const total = (code: string, dataElement: string) => ({
    code,
    target: [
      {
        code: dataElement,
        equivalence: 'equivalent' as const,
        product: [{ property: OPTION_COMBO, value: 'HllvX50cXC0' }],
      },
    ],
  });
  const cells = ['male', 'female', 'unknown'].flatMap((sex) =>
    ['P0Y--P5Y', 'P5Y--P18Y', 'P18Y--P60Y', 'P60Y--P9999Y', 'unknown'].map((age) => ({ sex, age })),
  );
  const left = ['EXCL_N', 'CASH_N', 'CASH_AMT', 'DAYS_SUM', 'DAYS_N', 'UNPAID_N', 'UNPAID_AMT'];
  return {
    resourceType: 'ConceptMap',
    id: 'dhis2-payment',
    meta: { profile: [structureDefinition('dhis2-mapping')] },
    status: 'active',
    extension: [
      extension('dhis2-data-set', {
        extension: [
          { url: 'measure', valueCanonical: measureUrl('payment') },
          { url: 'dataSet', valueString: 'pBOMPrpg1QX' },
          { url: 'periodType', valueString: 'Monthly' },
        ],
      }),
    ],
    group: [
      {
        source: INDICATORS,
        element: [
          total('DUE_N', 'dueNumberAA'),
          total('DUE_AMT', 'dueAmountAA'),
          total('PAID_AMT', 'paidAmountA'),
          {
            code: 'PAID_N',
            target: cells.map(({ sex, age }, n) => ({
              code: 'paidNumberA',
              equivalence: 'equivalent' as const,
              dependsOn: [
                { property: dimensionProperty('sex'), value: sex },
                { property: dimensionProperty('age'), value: age },
              ],
              product: [{ property: OPTION_COMBO, value: `combo${String(n).padStart(6, '0')}` }],
            })),
          },
          ...left.map((code) => ({ code, target: [{ equivalence: 'unmatched' as const }] })),
        ],
      },
    ],
  };
}
