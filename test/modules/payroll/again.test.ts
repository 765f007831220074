/**
 * Lines that are ordered again: by themselves after a reason that passes, by a person for one line;
 * never against a hold. The payroll follows.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { HONEST, setBehaviour } from '../../../modules/adapters/simulator/index.ts';
import { enquireDue, retryDue } from '../../../modules/disbursement/index.ts';
import { raiseHold } from '../../../modules/households/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Context, JobToken } from '../../../src/sdk/index.ts';
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

describe('a line of a payroll that was not paid', () => {
  let house: TestHouse;
  beforeEach(async () => {
    house = await startTestHouse();
    await put(provider('bank'));
    for (const n of [1, 2]) {
      await put(patient(`p-${n}`));
      const account = mobileAccount('bank', `+25470000000${n}`);
      await put(household(`h-${n}`, [`head:p-${n}`], { extension: [account] }));
    }
    await put(
      scheme('s', [{ url: 'frequency', valueCode: 'monthly' }, criterion('size >= 1'), base(100)]),
    );
    await call('InsurancePlan/s/$enrol');
    await call('$fund', [
      { name: 'account', valueString: 'fund:s' },
      { name: 'amount', valueMoney: { value: 100_000, currency: 'KES' } },
      { name: 'reference', valueString: 'test' },
    ]);
    await house.settle();
    await behave(1000);
    const drafted = await call(
      'InsurancePlan/s/$draft-payroll',
      [],
      await house.tokenFor('payroll-officer'),
    );
    const { valueReference } = drafted.json.parameter.find(
      (each: { name: string }) => each.name === 'payroll',
    );
    const path = `${valueReference.reference}/$approve`;
    const approved = await call(path, [], await house.tokenFor('payroll-approver'));
    expect(approved.status, approved.text).to.equal(200);
    await house.settle();
    await pass(90, enquireDue);
    expect(await states('payroll_line')).to.deep.equal(['not-paid', 'not-paid']);
    expect(await states('payroll')).to.deep.equal(['closed']);
    await behave(0);
  });
  afterEach(() => house?.stop());

  const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const put = async (resource: { resourceType: string; id?: string }): Promise<void> => {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    if (answer.status >= 300) throw new Error(answer.text);
  };
  const call = (path: string, parameter: object[] = [], token?: string) =>
    house.fetch(path, { body: { ...none, parameter }, ...(token && { token }) });
  const behave = (losses: number) =>
    inside(async (ctx) => {
      const rid = (await ctx.fhir.rids('Organization', ['bank'])).get('bank')!;
      await setBehaviour(ctx, rid, { ...HONEST, lose_before_per_mille: losses });
    });
  const pass = async (seconds: number, job: JobToken<Record<string, never>>) => {
    await house.advance(seconds);
    await inside(async (ctx) => ctx.enqueue(job, {}));
    await house.settle();
  };
  const rows = async (text: string) => (await house.database.pool.query(text)).rows;
  const states = async (table: 'payroll' | 'payroll_line'): Promise<string[]> =>
    (await rows(`select state from ${table} order by state`)).map((each) => each.state);

  it('is ordered again by itself when the provider had not got it, and the payroll closes again', async () => {
    await pass(3601, retryDue);
    expect(await states('payroll_line')).to.deep.equal(['paid', 'paid']);
    expect(await states('payroll')).to.deep.equal(['closed']);
    expect((await rows('select 1 from simulator_order')).length).to.equal(2);
  });

  it('is not ordered again while its household is held', async () => {
    await inside((ctx) =>
      raiseHold(ctx, {
        subject: { type: 'Group', id: 'h-1' },
        code: 'grievance',
        policy: 'hard',
      }),
    );
    await pass(3601, retryDue);
    expect(await states('payroll_line')).to.deep.equal(['not-paid', 'paid']);
  });

  it('is ordered again alone by a person, once', async () => {
    const [{ id }] = await rows('select instruction_id as id from instruction limit 1');
    const officer = await house.tokenFor('finance-officer');
    const again = await call(`ClaimResponse/${id}/$retry`, [], officer);
    expect(again.status, again.text).to.equal(200);
    await house.settle();
    expect(await states('payroll_line')).to.deep.equal(['not-paid', 'paid']);
    expect((await call(`ClaimResponse/${id}/$retry`, [], officer)).status).to.equal(422);
  });
});
