/**
 * The main job over HTTP: a registry's Bundle, a scheme, enrolment, a payroll drafted by one officer
 * and approved by another, paid by a provider that refuses, delays and loses answers, retried, and
 * books that agree with the provider's to the cent.
 */

import type { Bundle, Parameters } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { isTransactionNumber } from '../../modules/disbursement/index.ts';
import { verifyLedger } from '../../modules/ledger/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Context } from '../../src/sdk/index.ts';
import {
  area,
  base,
  criterion,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
  supplement,
} from '../modules/support/people.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const HOUSEHOLDS = 120;

function registry(): Bundle {
  const entry: NonNullable<Bundle['entry']> = [];
  const put = (resource: NonNullable<Bundle['entry']>[number]['resource']) =>
    entry.push({
      resource,
      request: { method: 'PUT', url: `${resource!.resourceType}/${resource!.id}` },
    });
  put(provider('mobile-money'));
  put(area('north'));
  for (let n = 0; n < HOUSEHOLDS; n += 1) {
    put(patient(`head-${n}`));
    put(patient(`child-${n}`, { birthDate: '2020-02-02' }));
    const account = n === 7 ? [] : [mobileAccount('mobile-money', `+2547000${1000 + n}`)];
    put(
      household(`hh-${n}`, [`head:head-${n}`, `child-${n}`], {
        identifier: [{ system: 'urn:test:household', value: `${n}` }],
        extension: [inArea('north'), ...account],
      }),
    );
  }
  return { resourceType: 'Bundle', type: 'transaction', entry };
}

describe('the corridor from a registry to reconciled money', () => {
  let house: TestHouse;
  let officer: string;
  let checker: string;
  before(async () => {
    house = await startTestHouse();
    officer = await house.tokenFor('payroll-officer');
    checker = await house.tokenFor('payroll-approver');
  });
  after(() => house?.stop());

  const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const partOf = (parameters: Parameters, name: string) => {
    const found = parameters.parameter?.find((each) => each.name === name);
    return found?.valueInteger ?? found?.valueReference?.reference ?? found?.valueMoney?.value;
  };
  let payroll = '';

  it('takes the registry’s households in one transaction', async () => {
    const answer = await house.fetch('', { body: registry() });
    expect(answer.status, answer.text.slice(0, 2000)).to.equal(200);
    await house.settle();
    const found = await house.fetch('Group?_count=0');
    expect(found.json.total).to.equal(HOUSEHOLDS);
  });

  it('enrols those who are eligible in a scheme', async () => {
    const plan = scheme('child-grant', [
      { url: 'frequency', valueCode: 'monthly' },
      criterion('members.exists(age < 18)', 'child'),
      base(1500),
      supplement('per child', 'age < 18', 500),
    ]);
    const saved = await house.fetch('InsurancePlan/child-grant', { method: 'PUT', body: plan });
    expect(saved.status, saved.text).to.equal(201);
    const enrolled = await house.fetch('InsurancePlan/child-grant/$enrol', {
      body: {
        resourceType: 'Parameters',
        parameter: [],
      },
    });
    expect(enrolled.status, enrolled.text).to.equal(200);
    await house.settle();
    const found = await house.fetch('Coverage?_count=0');
    expect(found.json.total).to.equal(HOUSEHOLDS);
  });

  it('drafts a payroll in which everybody is a line or an exclusion with its reason', async () => {
    const body = {
      resourceType: 'Parameters',
      parameter: [{ name: 'period', valueString: '2026-01' }],
    };
    const preview = await house.fetch('InsurancePlan/child-grant/$preview-payroll', {
      body,
      token: officer,
    });
    expect(preview.status, preview.text).to.equal(200);
    expect((await house.fetch('List?code=payroll&_count=0')).json.total).to.equal(0);
    const drafted = await house.fetch('InsurancePlan/child-grant/$draft-payroll', {
      body,
      token: officer,
    });
    expect(drafted.status, drafted.text).to.equal(200);
    payroll = String(partOf(drafted.json, 'payroll')).replace('List/', '');
    expect(partOf(drafted.json, 'lines')).to.equal(HOUSEHOLDS - 1);
    expect(partOf(drafted.json, 'excluded')).to.equal(1);
    expect(partOf(drafted.json, 'amount')).to.equal((HOUSEHOLDS - 1) * 2000);
    const again = await house.fetch('InsurancePlan/child-grant/$draft-payroll', {
      body,
      token: officer,
    });
    expect(again.status).to.equal(409);
    expect(again.json.issue[0].details.coding[0].code).to.equal('payroll-exists');
  });

  it('shows the payroll, its lines and its exclusions as FHIR', async () => {
    const list = await house.fetch(`List/${payroll}`);
    expect(list.status, list.text).to.equal(200);
    expect(list.json.title).to.equal('Scheme child-grant 2026-01');
    const lines = await house.fetch(`Claim?_list=${payroll}&_count=20&_total=accurate`);
    expect(lines.status, lines.text).to.equal(200);
    expect(lines.json.total).to.equal(HOUSEHOLDS);
    const seen = new Set<string>();
    let page = lines.json;
    for (;;) {
      for (const each of page.entry ?? []) seen.add(each.resource.id);
      const next = page.link.find((each: { relation: string }) => each.relation === 'next');
      if (!next) break;
      page = (await house.fetch(next.url)).json;
    }
    expect(seen.size).to.equal(HOUSEHOLDS);
    const claim = lines.json.entry[0].resource;
    expect(claim.total).to.deep.equal({ value: 2000, currency: 'KES' });
    expect(claim.item.map((each: { net: { value: number } }) => each.net.value)).to.deep.equal([
      1500, 500,
    ]);
    const excluded = await house.fetch(`Claim?_list=${payroll}&status=cancelled`);
    expect(excluded.json.entry).to.have.length(1);
    expect(JSON.stringify(excluded.json.entry[0])).to.include('no-account');
  });

  it('is not approved by its maker, without funds, or with other control totals', async () => {
    const path = `List/${payroll}/$approve`;
    const empty = { resourceType: 'Parameters', parameter: [] };
    const both = await house.tokenFor('administrator');
    expect((await house.fetch(path, { body: empty, token: officer })).status).to.equal(403);
    const poor = await house.fetch(path, { body: empty, token: both });
    expect(poor.status, poor.text).to.equal(422);
    const fund = await house.fetch('$fund', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'account', valueString: 'fund:child-grant' },
          { name: 'amount', valueMoney: { value: 500000, currency: 'KES' } },
          { name: 'reference', valueString: 'grant agreement 1' },
        ],
      },
    });
    expect(fund.status, fund.text).to.equal(200);
    const wrong = await house.fetch(path, {
      token: checker,
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'count', valueInteger: HOUSEHOLDS },
          { name: 'amount', valueString: '238000.00' },
        ],
      },
    });
    expect(wrong.json.issue[0].details.coding[0].code).to.equal('control-totals');
  });

  it('pays through a provider that refuses, delays and loses answers', async () => {
    const providerId = await inside(
      async (ctx) => (await ctx.fhir.rids('Organization', ['mobile-money'])).get('mobile-money')!,
    );
    await inside((ctx) =>
      setBehaviour(ctx, providerId, {
        seed: 7,
        refuse_per_mille: 100,
        delay_per_mille: 100,
        lose_before_per_mille: 50,
        lose_after_per_mille: 50,
        wrong_amount_per_mille: 0,
      }),
    );
    const approved = await house.fetch(`List/${payroll}/$approve`, {
      token: checker,
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'count', valueInteger: HOUSEHOLDS - 1 },
          { name: 'amount', valueString: '238000.00' },
        ],
      },
    });
    expect(approved.status, approved.text).to.equal(200);
    expect(partOf(approved.json, 'ordered')).to.equal(HOUSEHOLDS - 1);
    await house.settle();
    const unknown = await house.fetch('ClaimResponse?outcome=queued&_count=0');
    expect(unknown.json.total).to.be.greaterThan(0);
    for (let turn = 0; turn < 5; turn += 1) {
      await house.advance(24 * 3600);
      await inside(async (ctx) => {
        const { enquireDue } = await import('../../modules/disbursement/index.ts');
        ctx.enqueue(enquireDue, {});
      });
      await house.settle();
    }
    expect((await house.fetch('ClaimResponse?outcome=queued&_count=0')).json.total).to.equal(0);
    const list = await house.fetch(`List/${payroll}`);
    expect(JSON.stringify(list.json.extension)).to.include('closed');
  });

  it('retries what was not paid, and pays nobody twice', async () => {
    const retried = await house.fetch(`List/${payroll}/$retry-unpaid`, {
      body: { resourceType: 'Parameters', parameter: [] },
    });
    expect(retried.status, retried.text).to.equal(200);
    expect(partOf(retried.json, 'ordered')).to.be.greaterThan(0);
    await house.settle();
    const { rows } = await house.database.pool.query(
      `select (select count(*) from simulator_order where result = 'paid') as executed,
              (select count(*) from instruction where state = 'paid') as paid,
              (select count(*) from (select source_id from instruction where state = 'paid'
                 group by source_id having count(*) > 1) t) as twice,
              (select sum(amount_minor) from simulator_order where result = 'paid') as theirs,
              (select sum(amount_minor) from payroll_line where state = 'paid') as ours`,
    );
    expect(rows[0].executed).to.equal(rows[0].paid);
    expect(rows[0].theirs).to.equal(rows[0].ours);
    expect(rows[0].twice).to.equal(0n);
    expect(await inside(verifyLedger)).to.deep.equal([]);
    const found = await house.fetch('ClaimResponse?outcome=complete&_count=1');
    expect(isTransactionNumber(found.json.entry[0].resource.identifier[0].value)).to.equal(true);
  });
});
