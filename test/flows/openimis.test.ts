/**
 * Real input that nobody here wrote: the families of openIMIS's demonstration database go the whole
 * corridor through fhir-kit-client, with a provider that fails, and the books agree in the end.
 */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { enquireDue } from '../../modules/disbursement/index.ts';
import { verifyLedger } from '../../modules/ledger/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Context } from '../../src/sdk/index.ts';
import { criterion, mobileAccount, money, provider, scheme } from '../modules/support/people.ts';
import { openimisRegistry, type Registry, transactionOf } from '../support/openimis.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedPath } from '../support/shared.ts';

const FILE = 'data/openimis/demo-db/demo_db_core_inserts.sql';
const DAY_SECONDS = 24 * 3600;

describe('the openIMIS demonstration families', () => {
  let house: TestHouse;
  let registry: Registry;
  before(async function () {
    const path = sharedPath(this, FILE);
    registry = openimisRegistry(readFileSync(path, 'utf8'), (family) => [
      mobileAccount('sim', `+2557000${10_000 + family}`),
    ]);
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const operate = async (path: string, parameter: unknown[], token?: string) => {
    const body = { resourceType: 'Parameters', parameter };
    const answer = await house.fetch(path, { body, ...(token && { token }) });
    expect(answer.status, answer.text).to.equal(200);
    return Object.fromEntries(
      answer.json.parameter.map((each: Record<string, unknown>) => [each.name, each]),
    );
  };

  it('are registered whole', async () => {
    expect(registry.areas.length).to.equal(31);
    expect(registry.households.length).to.be.greaterThan(20);
    await house.client.transaction({
      body: transactionOf([
        provider('sim'),
        ...registry.areas,
        ...registry.patients,
        ...registry.households,
      ]) as never,
    });
    await house.settle();
    const groups = await house.client.search({
      resourceType: 'Group',
      searchParams: { _total: 'accurate', _count: 0 },
    });
    expect(groups.total).to.equal(registry.households.length);
    const { rows } = await house.database.pool.query(
      'select count(*) filter (where head_id is not null) as headed, count(*) as n from household',
    );
    expect(rows[0].n).to.equal(BigInt(registry.households.length));
    expect(Number(rows[0].headed)).to.be.greaterThan(0);
  });

  it('are enrolled, drafted, approved by another person and paid, with failures', async () => {
    const plan = scheme('imis-cash', [
      { url: 'frequency', valueCode: 'monthly' },
      criterion('size >= 1'),
      money('base', 25, 'USD'),
    ]);
    const saved = await house.fetch('InsurancePlan/imis-cash', { method: 'PUT', body: plan });
    expect(saved.status, saved.text).to.equal(201);
    await operate('InsurancePlan/imis-cash/$enrol', []);
    await house.settle();
    await operate('$fund', [
      { name: 'account', valueString: 'fund:imis-cash' },
      { name: 'amount', valueMoney: { value: 10_000, currency: 'USD' } },
      { name: 'reference', valueString: 'test' },
    ]);
    await inside(async (ctx) => {
      const rid = (await ctx.fhir.rids('Organization', ['sim'])).get('sim')!;
      await setBehaviour(ctx, rid, {
        seed: 3,
        refuse_per_mille: 200,
        delay_per_mille: 200,
        lose_before_per_mille: 100,
        lose_after_per_mille: 100,
        wrong_amount_per_mille: 0,
      });
    });
    const officer = await house.tokenFor('payroll-officer');
    const drafted = await operate('InsurancePlan/imis-cash/$draft-payroll', [], officer);
    const payroll = drafted.payroll.valueReference.reference;
    const lines = drafted.lines.valueInteger;
    expect(lines + drafted.excluded.valueInteger).to.equal(
      (await house.fetch('Coverage?_count=0')).json.total,
    );
    expect(drafted.amount.valueMoney.value).to.equal(lines * 25);
    await operate(`${payroll}/$approve`, [], await house.tokenFor('payroll-approver'));
    for (let day = 0; day < 5; day += 1) {
      await house.settle();
      await house.advance(DAY_SECONDS);
      await inside(async (ctx) => ctx.enqueue(enquireDue, {}));
    }
    await operate(`${payroll}/$retry-unpaid`, [], officer);
    for (let day = 0; day < 5; day += 1) {
      await house.settle();
      await house.advance(DAY_SECONDS);
      await inside(async (ctx) => ctx.enqueue(enquireDue, {}));
    }
    const { rows } = await house.database.pool.query(
      `select (select sum(amount_minor) from simulator_order where result = 'paid') as theirs,
              (select sum(amount_minor) from payroll_line where state = 'paid') as ours,
              (select count(*) from payroll_line where state in ('sent', 'unknown')) as open,
              (select count(*) from payroll_line where state = 'paid') as paid`,
    );
    expect(rows[0].theirs).to.equal(rows[0].ours);
    expect(rows[0].open).to.equal(0n);
    expect(Number(rows[0].paid)).to.be.greaterThan(lines / 2);
    expect(await inside(verifyLedger)).to.deep.equal([]);
  });
});
