/**
 * Payroll: one a period whatever the path, two people, nobody left out in silence.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { raiseHold } from '../../../modules/households/index.ts';
import { draftDue, duePeriods } from '../../../modules/payroll/index.ts';
import { findScheme } from '../../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Context } from '../../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import {
  base,
  criterion,
  household,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../support/people.ts';

const none = { resourceType: 'Parameters', parameter: [] };

describe('a payroll', () => {
  let house: TestHouse;
  let officer: string;
  let checker: string;

  beforeEach(async () => {
    house = await startTestHouse();
    officer = await house.tokenFor('payroll-officer');
    checker = await house.tokenFor('payroll-approver');
    await put(provider('bank'));
    for (const n of [1, 2, 3]) {
      await put(patient(`p-${n}`));
      await put(
        household(`h-${n}`, [`head:p-${n}`], {
          extension: [mobileAccount('bank', `+25470000000${n}`)],
        }),
      );
    }
    await put(
      scheme('s', [
        { url: 'frequency', valueCode: 'monthly' },
        criterion('size >= 1'),
        base(100),
        { url: 'time-zone', valueString: 'Africa/Nairobi' },
        { url: 'draft-at', valueString: '0 6 5 * *' },
      ]),
    );
    await house.fetch('InsurancePlan/s/$enrol', { body: none });
    const amount = { name: 'amount', valueMoney: { value: 100_000, currency: 'KES' } };
    const fund = [
      { name: 'account', valueString: 'fund:s' },
      amount,
      { name: 'reference', valueString: 'test' },
    ];
    await house.fetch('$fund', { body: { resourceType: 'Parameters', parameter: fund } });
    await house.settle();
  });
  afterEach(() => house.stop());

  const put = async (resource: { resourceType: string; id?: string }): Promise<void> => {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    if (answer.status >= 300) throw new Error(answer.text);
  };
  const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const draft = () => house.fetch('InsurancePlan/s/$draft-payroll', { body: none, token: officer });
  const partOf = (json: { parameter: Record<string, never>[] }, name: string) =>
    json.parameter.find((each) => each.name === name) as Record<string, never> | undefined;
  const draftOne = async (): Promise<string> => {
    const answer = await draft();
    expect(answer.status, answer.text).to.equal(200);
    const { reference } = partOf(answer.json, 'payroll')!.valueReference as { reference: string };
    return reference;
  };
  const reasonOf = (answer: { json: { issue: { details: { coding: { code: string }[] } }[] } }) =>
    answer.json.issue[0]!.details.coding[0]!.code;

  it('is one for a period, however many draft it at once', async () => {
    const answers = await Promise.all([draft(), draft(), draft(), draft()]);
    expect(answers.map((each) => each.status).sort()).to.deep.equal([200, 409, 409, 409]);
    expect((await house.fetch('Claim?_count=0')).json.total).to.equal(3);
  });

  it('is approved once, however many approve it at once, and orders each line once', async () => {
    const payroll = await draftOne();
    const approve = () => house.fetch(`${payroll}/$approve`, { body: none, token: checker });
    const answers = await Promise.all([approve(), approve(), approve()]);
    expect(answers.map((each) => each.status).sort()).to.deep.equal([200, 409, 409]);
    expect((await house.fetch('ClaimResponse?_count=0')).json.total).to.equal(3);
  });

  it('is not decided by whoever drafted it, whatever that person may', async () => {
    const both = await house.tokenFor('payroll-officer', 'payroll-approver');
    const drafted = await house.fetch('InsurancePlan/s/$draft-payroll', {
      body: none,
      token: both,
    });
    const { reference } = partOf(drafted.json, 'payroll')!.valueReference as { reference: string };
    const answer = await house.fetch(`${reference}/$approve`, { body: none, token: both });
    expect(answer.status).to.equal(403);
    expect(reasonOf(answer)).to.equal('same-person');
  });

  it('frees its period when it is rejected, with a reason', async () => {
    const payroll = await draftOne();
    const bare = await house.fetch(`${payroll}/$reject`, { body: none, token: checker });
    expect(reasonOf(bare)).to.equal('reason-missing');
    const body = {
      resourceType: 'Parameters',
      parameter: [{ name: 'reason', valueString: 'wrong rules' }],
    };
    const rejected = await house.fetch(`${payroll}/$reject`, { body, token: checker });
    expect(rejected.status, rejected.text).to.equal(200);
    await draftOne();
    const lines = await house.fetch('Claim?status=draft&_count=0');
    expect(lines.json.total).to.equal(3);
  });

  it('leaves out whom a hold has come upon, at the draft and at the approval', async () => {
    const hold = (id: string) =>
      inside((ctx) =>
        raiseHold(ctx, { subject: { type: 'Group', id }, code: 'grievance', policy: 'hard' }),
      );
    await hold('h-1');
    const payroll = await draftOne();
    await hold('h-2');
    const approved = await house.fetch(`${payroll}/$approve`, { body: none, token: checker });
    expect(partOf(approved.json, 'ordered')!.valueInteger).to.equal(1);
    expect(partOf(approved.json, 'held-back')!.valueInteger).to.equal(1);
    const list = payroll.replace('List/', '');
    const out = await house.fetch(`Claim?_list=${list}&status=cancelled`);
    const reasons = JSON.stringify(out.json).match(/"valueCode":"hold"/g) ?? [];
    expect(reasons.length).to.be.greaterThanOrEqual(2);
  });

  it('is shown in resources that keep their profiles, with items that sum to the total', async () => {
    await draftOne();
    const { definitions } = house.app.fhir;
    for (const path of ['List?code=payroll', 'Claim?use=claim']) {
      const found = await house.fetch(path);
      for (const { resource } of found.json.entry) {
        const errors = definitions.validate(resource).filter((each) => each.severity === 'error');
        expect(errors).to.deep.equal([]);
        if (resource.resourceType !== 'Claim') continue;
        const sum = resource.item.reduce(
          (total: number, item: { net: { value: number } }) => total + item.net.value,
          0,
        );
        expect(sum).to.equal(resource.total.value);
      }
    }
  });

  it('refuses a malformed period and an unknown scheme, changing nothing', async () => {
    const body = {
      resourceType: 'Parameters',
      parameter: [{ name: 'period', valueString: '2026-13' }],
    };
    const wrong = await house.fetch('InsurancePlan/s/$draft-payroll', { body, token: officer });
    expect(reasonOf(wrong)).to.equal('period-malformed');
    const lost = await house.fetch('InsurancePlan/x/$draft-payroll', {
      body: none,
      token: officer,
    });
    expect(lost.status).to.be.within(404, 422);
    expect((await house.fetch('List?code=payroll&_count=0')).json.total).to.equal(0);
  });

  it('is drafted by the clock of its scheme, once, also after downtime', async () => {
    const plan = await inside((ctx) => findScheme(ctx, 's'));
    const due = (now: string) => duePeriods(plan, plan, new Date(now)).map((each) => each.code);
    expect(due('2026-02-05T02:59:00Z')).to.deep.equal(['2026-01']);
    expect(due('2026-02-05T03:00:00Z')).to.deep.equal(['2026-02']);
    const late = scheme('late', [
      { url: 'frequency', valueCode: 'monthly' },
      { url: 'draft-at', valueString: '0 6 5 * *' },
      { url: 'applies-from', valueDate: '2040-01-01' },
      criterion('size >= 1'),
      base(100),
    ]);
    expect(
      (await house.fetch('InsurancePlan/late', { method: 'PUT', body: late })).status,
    ).to.equal(201);
    for (let ring = 0; ring < 3; ring += 1) {
      await inside(async (ctx) => ctx.enqueue(draftDue, {}));
      await house.settle();
    }
    expect((await house.fetch('List?code=payroll&_count=0')).json.total).to.equal(1);
    await house.advance(62 * 86_400);
    await inside(async (ctx) => ctx.enqueue(draftDue, {}));
    await house.settle();
    const { rows } = await house.database.pool.query(
      'select period_code from payroll order by period_code',
    );
    expect(rows, 'each month that rang while nothing ran').to.have.length(3);
  });
});
