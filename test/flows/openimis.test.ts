/**
 * Real input that nobody here wrote: the families of openIMIS's demonstration database go the whole
 * corridor through fhir-kit-client. The provider fails, its statement has errors in it, people close
 * what does not fit, and in the end the books of both sides agree to the minor unit.
 */

import { readFileSync } from 'node:fs';
import type { Account, Parameters, PaymentReconciliation } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { Client } from 'fhir-kit-client';
import { after, before, describe, it } from 'mocha';
import { HONEST, setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { enquireDue } from '../../modules/disbursement/index.ts';
import { verifyLedger } from '../../modules/ledger/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Context } from '../../src/sdk/index.ts';
import { base, criterion, mobileAccount, provider, scheme } from '../modules/support/people.ts';
import { openimisRegistry, type Registry, transactionOf } from '../support/openimis.ts';
import { type Json, startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedPath } from '../support/shared.ts';

const FILE = 'data/openimis/demo-db/demo_db_core_inserts.sql';
const DAY_SECONDS = 24 * 3600;
const FUNDED = 1_000_000n;
const AMOUNT = 2500n;
const HOUSEHOLDS = 21;
/** How many the provider pays in the first month, by its seed, when the unpaid are tried again. */
const PAID = 18;

/** A row of the provider's own books. */
interface Executed {
  readonly key: string;
  readonly receipt: string;
  readonly account: string;
  readonly day: string;
}

type Parts = Readonly<Record<string, Json>>;

describe('the openIMIS demonstration families', () => {
  let house: TestHouse;
  let registry: Registry;
  let finance: Client;
  let payrolls: { officer: string; approver: string };
  let paid: Executed[];
  let neverSent: string;
  let statement: string;
  before(async function () {
    const path = sharedPath(this, FILE);
    registry = openimisRegistry(readFileSync(path, 'utf8'), (family) => [
      mobileAccount('sim', `+2557000${10_000 + family}`),
    ]);
    house = await startTestHouse();
    payrolls = {
      officer: await house.tokenFor('payroll-officer'),
      approver: await house.tokenFor('payroll-approver'),
    };
    const bearerToken = await house.tokenFor('finance-officer');
    finance = new Client({ baseUrl: house.base, bearerToken });
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
    expect(registry.households.length).to.equal(HOUSEHOLDS);
    expect(registry.patients.length).to.equal(60);
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
    expect(rows[0].headed).to.equal(BigInt(HOUSEHOLDS));
  });

  it('are enrolled, drafted, approved by another person and paid, with failures', async () => {
    const plan = scheme('imis-cash', [
      { url: 'frequency', valueCode: 'monthly' },
      criterion('size >= 1'),
      base(25, 'USD'),
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
    const { payroll, lines, excluded } = await draft();
    expect([lines, excluded]).to.deep.equal([HOUSEHOLDS, 0]);
    expect(lines + excluded).to.equal((await house.fetch('Coverage?_count=0')).json.total);
    const itself = await house.fetch(`${payroll}/$approve`, {
      body: { resourceType: 'Parameters' },
      token: payrolls.officer,
    });
    expect(itself.status, itself.text).to.equal(403);
    await operate(`${payroll}/$approve`, [], payrolls.approver);
    await someDays(5);
    const before = await figures();
    expect(before.open).to.equal(0n);
    expect(Number(before.unpaid)).to.be.greaterThan(0);
    await operate(`${payroll}/$retry-unpaid`, [], payrolls.officer);
    await someDays(5);
    const { theirs, ours, open, paid_n: count, unpaid } = await figures();
    expect(theirs).to.equal(ours);
    expect(open).to.equal(0n);
    expect(Number(unpaid)).to.be.lessThan(Number(before.unpaid));
    expect(count + unpaid).to.equal(BigInt(lines));
    expect(await inside(verifyLedger)).to.deep.equal([]);
    paid = await executed();
    expect(paid.length).to.equal(PAID);
    expect(count).to.equal(BigInt(PAID));
  });

  it('wait for the next month while the provider is paused: approved, and not sent', async () => {
    await inside(async (ctx) => setBehaviour(ctx, await simulatorId(ctx), HONEST));
    await operate('Organization/sim/$pause', [{ name: 'reason', valueString: 'audit' }]);
    await house.advance(10 * DAY_SECONDS);
    const { payroll, lines } = await draft();
    await operate(`${payroll}/$approve`, [], payrolls.approver);
    await someDays(1);
    const { rows } = await house.database.pool.query(
      "select disbursement_transaction_number(i.key) as key from instruction i where state = 'approved' order by i.key",
    );
    expect(rows.length).to.equal(lines);
    neverSent = rows[0].key;
    expect((await balances()).available).to.equal(FUNDED - BigInt(paid.length + lines) * AMOUNT);
  });

  it('are on a statement that is refused whole for a line that stands twice', async () => {
    const [first] = paid;
    const refused = await house.fetch('Organization/sim/$upload-statement', {
      body: upload([...paid.map((each) => line(each)), line(first!)]),
    });
    expect(refused.status, refused.text).to.equal(422);
    const [issue] = refused.json.issue;
    expect(issue.details.coding[0].code).to.equal('duplicate-line');
    expect(issue.expression[0]).to.contain(`line[${paid.length + 2}]`);
    expect((await finance.search({ resourceType: 'PaymentReconciliation' })).total ?? 0).to.equal(
      0,
    );
  });

  it('are reconciled against a statement with errors in it, each seen as an exception', async () => {
    const [twice, wrong, missing, ...right] = paid;
    const answer = (await finance.operation({
      resourceType: 'Organization',
      id: 'sim',
      name: 'upload-statement',
      input: upload([
        ...right.map((each) => line(each)),
        line(twice!),
        line(twice!, { receipt: 'R-AGAIN' }),
        line(wrong!, { amount: '24.50' }),
        line({ ...right[0]!, key: neverSent, receipt: 'R-NEVER', account: '' }),
        line({ ...right[0]!, key: 'T999999999999', receipt: 'R-UNKNOWN', account: '' }),
      ]) as never,
    })) as Parameters;
    const counts = Object.fromEntries(
      answer.parameter!.flatMap(({ part }) =>
        part ? [[part[0]!.valueCode!, part[1]!.valueInteger!]] : [],
      ),
    );
    expect(counts).to.deep.equal({
      confirms: right.length + 1,
      exception: 4,
      'amount-differs': 1,
      'not-on-statement': 1,
      'paid-twice': 1,
      'paid-when-not-sent': 1,
      unmatched: 1,
    });
    statement = answer.parameter![0]!.valueReference!.reference!;
    const about = new Map((await exceptions()).map((each) => [each.kind.valueCode, each]));
    expect(about.get('paid-twice')?.said.valueString).to.contain('R-AGAIN');
    expect(about.get('amount-differs')?.amount.valueMoney).to.deep.equal(usd(24.5));
    expect(about.get('paid-when-not-sent')?.said.valueString).to.contain(neverSent);
    expect(about.get('unmatched')?.instruction).to.equal(undefined);
    expect(about.get('not-on-statement')?.said.valueString).to.contain(missing!.key);
    const instruction = await finance.read({
      resourceType: 'ClaimResponse',
      id: about.get('paid-when-not-sent')!.instruction.valueReference.reference.split('/')[1],
    });
    expect(instruction).to.deep.include({ disposition: 'approved' });
  });

  it('see each line and what became of it as PaymentReconciliation', async () => {
    const shown = await reconciliation();
    expect(shown.paymentIssuer?.reference).to.equal('Organization/sim');
    expect(shown.outcome).to.equal('partial');
    expect(shown.disposition).to.equal(`${paid.length + 2} lines, 5 open exceptions`);
    expect(shown.detail).to.have.length(paid.length + 2);
    // All that were paid but the missing one; 24.50 instead of 25; and three that should not be.
    expect(shown.paymentAmount).to.deep.equal(usd((paid.length + 2) * 25 - 0.5));
    const kinds = shown.detail!.map(
      (each) => each.extension![0]!.extension!.find((part) => part.url === 'kind')?.valueCode,
    );
    expect(kinds.slice(0, -4).every((kind) => kind === undefined)).to.equal(true);
    expect(kinds.slice(-4)).to.deep.equal([
      'paid-twice',
      'amount-differs',
      'paid-when-not-sent',
      'unmatched',
    ]);
    expect(shown.detail!.at(-1)!.response?.reference).to.equal(undefined);
    expect(shown.detail!.at(-2)!.response?.identifier?.value).to.equal(neverSent);
    const before = await figures();
    expect(before.paid_n).to.equal(BigInt(paid.length));
  });

  it('have every exception closed with a reason, money given up by two people', async () => {
    const reasons: Record<string, string> = {
      'amount-differs': 'corrected-by-provider',
      'paid-when-not-sent': 'corrected-by-provider',
      unmatched: 'other-business',
      'not-on-statement': 'explained',
    };
    const bearerToken = await house.tokenFor('finance-officer');
    const another = new Client({ baseUrl: house.base, bearerToken });
    for (const each of await exceptions()) {
      const reason = reasons[each.kind.valueCode];
      if (!reason) continue;
      // What stands against a payment is closed by two people.
      const first = await close(finance, each.id.valueString, reason);
      const last = first === 'proposed' ? await close(another, each.id.valueString, reason) : first;
      expect(last).to.equal('closed');
    }
    const [left, ...none] = await exceptions();
    expect(none).to.deep.equal([]);
    const given = [
      { name: 'account', valueString: 'fund:imis-cash' },
      { name: 'amount', valueMoney: usd(25) },
    ];
    const id = left!.id.valueString;
    expect(await close(finance, id, 'written-off', given)).to.equal('proposed');
    expect(await close(another, id, 'written-off', given)).to.equal('closed');
    expect(await exceptions()).to.deep.equal([]);
    const shown = await reconciliation();
    expect(shown.outcome).to.equal('complete');
    expect(shown.disposition).to.equal(`${paid.length + 2} lines, 0 open exceptions`);
    const { rows } = await house.database.pool.query(
      `select kind, closure_reason as reason from reconciliation_exception_all
       where closed_at is not null and closed_by is not null`,
    );
    expect(Object.fromEntries(rows.map((row) => [row.kind, row.reason]))).to.deep.equal({
      ...reasons,
      'paid-twice': 'written-off',
    });
  });

  it('are paid the next month too, and both books balance to the minor unit', async () => {
    await operate('Organization/sim/$resume', []);
    await someDays(5);
    const { theirs, ours, paid_n: count, open } = await figures();
    expect(open).to.equal(0n);
    expect(theirs).to.equal(ours);
    expect(count).to.equal(BigInt(PAID + HOUSEHOLDS));
    expect(await executed()).to.have.length(PAID + HOUSEHOLDS);
    // 10,000.00 funded, 39 times 25.00 paid out, 25.00 given up.
    expect(ours).to.equal(97_500n);
    expect(await balances()).to.deep.equal({
      posted: 900_000n,
      available: 900_000n,
      source: -FUNDED,
      out: 97_500n,
      lost: AMOUNT,
    });
    expect(await inside(verifyLedger)).to.deep.equal([]);
  });

  const simulatorId = async (ctx: Context): Promise<bigint> =>
    (await ctx.fhir.rids('Organization', ['sim'])).get('sim')!;

  async function draft(): Promise<{ payroll: string; lines: number; excluded: number }> {
    const made = await operate('InsurancePlan/imis-cash/$draft-payroll', [], payrolls.officer);
    const lines = made.lines.valueInteger;
    expect(made.amount.valueMoney).to.deep.equal(usd(lines * 25));
    const { reference } = made.payroll.valueReference;
    return { payroll: reference, lines, excluded: made.excluded.valueInteger };
  }

  async function someDays(days: number): Promise<void> {
    for (let day = 0; day < days; day += 1) {
      await house.settle();
      await house.advance(DAY_SECONDS);
      await inside(async (ctx) => ctx.enqueue(enquireDue, {}));
    }
    await house.settle();
  }

  async function figures(): Promise<
    Record<'theirs' | 'ours' | 'open' | 'paid_n' | 'unpaid', bigint>
  > {
    const { rows } = await house.database.pool.query(
      `select (select sum(amount_minor)::bigint from simulator_order where result = 'paid') as theirs,
              sum(amount_minor) filter (where state = 'paid')::bigint as ours,
              count(*) filter (where state in ('approved', 'sent', 'unknown')) as open,
              count(*) filter (where state = 'paid') as paid_n,
              count(*) filter (where state = 'not-paid') as unpaid
       from payroll_line`,
    );
    return rows[0];
  }

  /** What the provider has executed, by its own books. */
  async function executed(): Promise<Executed[]> {
    const { rows } = await house.database.pool.query(
      `select order_key as key, receipt, account,
              to_char(executed_at at time zone 'UTC', 'YYYY-MM-DD') as day
       from simulator_order where result = 'paid' order by order_key`,
    );
    return rows;
  }

  /** The statement that a test has made, as a CSV file of the days of January so far. */
  function upload(lines: readonly string[]): Parameters {
    const content = ['key,receipt,amount,phone,date', ...lines].join('\n');
    return {
      resourceType: 'Parameters',
      parameter: [
        { name: 'format', valueCode: 'csv' },
        { name: 'currency', valueCode: 'USD' },
        { name: 'identifier', valueString: 'SIM-2026-01' },
        { name: 'period', valuePeriod: { start: '2026-01-15', end: '2026-01-31' } },
        { name: 'content', valueString: content },
      ],
    };
  }

  async function exceptions(): Promise<Parts[]> {
    const answer = (await finance.operation({
      resourceType: 'Organization',
      id: 'sim',
      name: 'exceptions',
      method: 'GET',
    })) as Parameters;
    return (answer.parameter ?? []).map(({ part }) =>
      Object.fromEntries(part!.map((each) => [each.name, each])),
    );
  }

  async function close(
    client: Client,
    exception: string,
    reason: string,
    more: NonNullable<Parameters['parameter']> = [],
  ): Promise<string> {
    const answer = (await client.operation({
      resourceType: 'Organization',
      id: 'sim',
      name: 'close-exception',
      input: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'exception', valueString: exception },
          { name: 'reason', valueCode: reason },
          ...more,
        ],
      } as never,
    })) as Parameters;
    return answer.parameter![0]!.valueCode!;
  }

  async function reconciliation(): Promise<PaymentReconciliation> {
    const id = statement.split('/')[1]!;
    const found = await finance.read({ resourceType: 'PaymentReconciliation', id });
    return found as unknown as PaymentReconciliation;
  }

  /** Balances as FHIR Account shows them, in minor units. */
  async function balances(): Promise<
    Record<'posted' | 'available' | 'source' | 'out' | 'lost', bigint>
  > {
    const found = await house.client.search({ resourceType: 'Account' });
    const accounts = new Map(
      (found.entry as { resource: Account }[]).map(({ resource }) => [
        resource.identifier![0]!.value!,
        resource.extension!.map((each) =>
          BigInt(Math.round(each.extension![1]!.valueMoney!.value! * 100)),
        ),
      ]),
    );
    const [posted, available] = accounts.get('fund:imis-cash')!;
    return {
      posted: posted!,
      available: available!,
      source: accounts.get('source-of-funds:usd')![0]!,
      out: accounts.get('paid-out:usd')![0]!,
      lost: accounts.get('written-off:usd')?.[0] ?? 0n,
    };
  }
});

function usd(value: number): { value: number; currency: 'USD' } {
  return { value, currency: 'USD' };
}

function line(each: Executed, more: { receipt?: string; amount?: string } = {}): string {
  const { receipt = each.receipt, amount = '25.00' } = more;
  return [each.key, receipt, amount, each.account, each.day].join(',');
}
