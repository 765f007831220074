/**
 * Statements held against our books: what a line proves is applied, what does not fit waits for a
 * person, and the same file again changes nothing.
 */

import type { Parameters, ParametersParameter } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { HONEST, setBehaviour } from '../../../modules/adapters/simulator/index.ts';
import { structureDefinition } from '../../../src/sdk/index.ts';
import { type Answer, startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Desk, FUND, openDesk } from '../support/orders.ts';

const SILENT = {
  seed: 1,
  refuse_per_mille: 0,
  delay_per_mille: 0,
  lose_before_per_mille: 0,
  lose_after_per_mille: 1000,
  wrong_amount_per_mille: 0,
};

function csv(...lines: string[]): ParametersParameter[] {
  return [
    { name: 'format', valueCode: 'csv' },
    { name: 'currency', valueCode: 'KES' },
    { name: 'content', valueString: lines.join('\n') },
  ];
}

function counts(answer: Answer): Record<string, number> {
  const parameters = answer.json as Parameters;
  return Object.fromEntries(
    (parameters.parameter ?? [])
      .filter((each) => each.part)
      .map((each) => [each.part![0]!.valueCode!, each.part![1]!.valueInteger!]),
  );
}

function statementOf(answer: Answer): string {
  return answer.json.parameter[0].valueReference.reference;
}

describe('a statement of a provider', () => {
  let house: TestHouse;
  let desk: Desk;
  let officer: string;
  let second: string;
  before(async () => {
    house = await startTestHouse();
    desk = await openDesk(house, 'simulator');
    officer = await house.tokenFor('finance-officer');
    second = await house.tokenFor('finance-officer');
    // It executes and says nothing, so that only statements tell.
    await desk.inside((ctx) => setBehaviour(ctx, desk.providerId, SILENT));
  });
  after(() => house?.stop());

  const upload = (parameter: ParametersParameter[]) =>
    desk.call('upload-statement', parameter, officer);
  const openOnes = async () => {
    const answer = await house.fetch('Organization/payer/$exceptions', { token: officer });
    const list = (answer.json.parameter ?? []) as ParametersParameter[];
    return list.map((each) => Object.fromEntries(each.part!.map((part) => [part.name, part])));
  };

  it('proves what was unknown, by key, reference or account, and moves the money', async () => {
    const sent = await desk.send([150000n, 150001n, 150002n]);
    expect(sent.map((each) => each.state)).to.deep.equal(['unknown', 'unknown', 'unknown']);
    const [first, , third] = sent;
    const answer = await upload(
      csv(
        'Transaction number;Receipt;Amount;Phone;Date',
        `${first!.key};R1;1500.00;0700000001;2026-01-15`,
        `;R3;1500.02;254700000003;2026-01-15`,
      ),
    );
    expect(answer.status, answer.text).to.equal(200);
    expect(counts(answer)).to.deep.equal({ proves: 2 });
    const after = await desk.look(...sent.map((each) => each.key));
    expect(after.map((each) => each.state)).to.deep.equal(['paid', 'unknown', 'paid']);
    expect(after[0]!.reference).to.equal('R1');
    expect(third!.key).to.match(/^T\d{12}$/);
    expect(await desk.balance('paid-out:kes')).to.equal(300002n);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('is taken once, whoever sends the same bytes again', async () => {
    const [order] = await desk.send([200000n]);
    const file = csv('key,receipt,amount', `${order!.key},R10,2000`);
    const first = await upload(file);
    const again = await upload(file);
    expect(again.status).to.equal(200);
    expect(again.json.parameter[1]).to.deep.equal({ name: 'repeated', valueBoolean: true });
    expect(statementOf(again)).to.equal(statementOf(first));
  });

  it('raises an exception for each thing that does not fit, and changes no state', async () => {
    const [wrong, other, twice] = await desk.send([100000n, 100001n, 100002n]);
    const [waiting] = await desk.order([100003n]);
    const answer = await upload(
      csv(
        'key,receipt,amount,account,status',
        `${wrong!.key},X1,999.99,,paid`,
        `${other!.key},X2,1000.01,254711111111,paid`,
        `${twice!.key},X3,1000.02,,paid`,
        `${twice!.key},X4,1000.02,,paid`,
        `${waiting!.key},X5,1000.03,,paid`,
        `T000000000000,X6,10.00,,paid`,
        `${twice!.key},X7,1000.02,,failed`,
      ),
    );
    expect(answer.status, answer.text).to.equal(200);
    expect(counts(answer)).to.deep.equal({
      exception: 6,
      proves: 1,
      'account-differs': 1,
      'amount-differs': 1,
      'not-paid-after-paid': 1,
      'paid-twice': 1,
      'paid-when-not-sent': 1,
      unmatched: 1,
    });
    const states = await desk.look(wrong!.key, other!.key, twice!.key, waiting!.key);
    expect(states.map((each) => each.state)).to.deep.equal([
      'unknown',
      'unknown',
      'paid',
      'approved',
    ]);
    await house.settle();
  });

  it('books what came back or was paid in part, once, whatever the order of its lines', async () => {
    const [whole, part, less, odd] = await desk.send([50000n, 50001n, 50002n, 50003n]);
    const before = await desk.balance('paid-out:kes');
    const lines = [
      `${whole!.key},W2,500.00,returned`,
      `${part!.key},P2,200.01,returned`,
      `${whole!.key},W1,500.00,paid`,
      `${part!.key},P1,500.01,paid`,
      `${less!.key},L1,300.02,partly-paid`,
      `${odd!.key},O1,500.03,paid`,
      `${odd!.key},,100.00,returned`,
    ];
    const head = 'key,receipt,amount,status';
    const answer = await upload(csv(head, ...lines));
    expect(counts(answer)).to.deep.equal({ proves: 6, exception: 1, 'amount-differs': 1 });
    const keys = [whole!, part!, less!, odd!].map((each) => each.key);
    const stood = async () => (await desk.look(...keys)).map((each) => each.state);
    expect(await stood()).to.deep.equal(['returned', 'paid', 'paid', 'paid']);
    const kept = 30000n + 30002n + 50003n;
    expect((await desk.balance('paid-out:kes')) - before).to.equal(kept);
    const again = await upload(csv(head, ...lines.slice(0, 6), ''));
    expect(counts(again)).to.deep.equal({ noted: 6 });
    const other = await upload(csv(head, `${whole!.key},W9,500.00,returned`));
    expect(counts(other)).to.deep.equal({ confirms: 1 });
    expect((await desk.balance('paid-out:kes')) - before).to.equal(kept);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('shows its lines as PaymentReconciliation, each with what followed', async () => {
    const found = await house.fetch('PaymentReconciliation?outcome=partial', { token: officer });
    expect(found.status, found.text).to.equal(200);
    const shown = found.json.entry.at(-1).resource;
    expect(shown.paymentIssuer.reference).to.equal('Organization/payer');
    expect(shown.detail).to.have.length(7);
    expect(shown.detail[2].response.reference).to.match(/^ClaimResponse\//);
    expect(shown.paymentAmount).to.deep.equal({ value: 5010.07, currency: 'KES' });
    const parts = shown.detail[0].extension[0].extension as { url: string; valueCode?: string }[];
    expect(parts.find((each) => each.url === 'kind')?.valueCode).to.equal('amount-differs');
    const issues = house.app.fhir.definitions.validate(shown);
    expect(issues.filter((each) => each.severity === 'error')).to.deep.equal([]);
  });

  it('closes an exception with a coded reason', async () => {
    const [one] = (await openOnes()).filter((each) => each.kind!.valueCode === 'unmatched');
    const statement = one!.statement!.valueReference!.reference!;
    const close = (reason: string) =>
      house.fetch(`${statement}/$close-exception`, {
        token: officer,
        body: {
          resourceType: 'Parameters',
          parameter: [
            { name: 'exception', valueString: one!.id!.valueString },
            { name: 'reason', valueCode: reason },
          ],
        },
      });
    expect((await close('because')).json.issue[0].details.coding[0].code).to.equal(
      'closure-reason',
    );
    const closed = await close('other-business');
    expect(closed.status, closed.text).to.equal(200);
    expect((await close('explained')).status).to.equal(409);
    expect(
      (await openOnes()).some((each) => each.id!.valueString === one!.id!.valueString),
    ).to.equal(false);
  });

  it('writes money off only when another person approves the same amount', async () => {
    const [one] = (await openOnes()).filter((each) => each.kind!.valueCode === 'paid-twice');
    const close = (token: string, amount: number) =>
      desk.call(
        'close-exception',
        [
          { name: 'exception', valueString: one!.id!.valueString },
          { name: 'reason', valueCode: 'written-off' },
          { name: 'account', valueString: FUND },
          { name: 'amount', valueMoney: { value: amount, currency: 'KES' } },
        ],
        token,
      );
    const before = await desk.balance(FUND);
    const proposed = await close(officer, 1000.02);
    expect(proposed.json.parameter[0].valueCode, proposed.text).to.equal('proposed');
    expect(await desk.balance(FUND)).to.equal(before);
    expect((await close(officer, 1000.02)).json.issue[0].details.coding[0].code).to.equal(
      'same-person',
    );
    expect((await close(second, 1000)).json.issue[0].details.coding[0].code).to.equal(
      'write-off-differs',
    );
    const approved = await close(second, 1000.02);
    expect(approved.json.parameter[0].valueCode, approved.text).to.equal('closed');
    expect(await desk.balance(FUND)).to.equal(before - 100002n);
    expect(await desk.balance('written-off:kes')).to.equal(100002n);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('misses what we hold as paid in its period, until a later statement shows it', async () => {
    const now = '2026-01-15';
    await desk.inside((ctx) => setBehaviour(ctx, desk.providerId, HONEST));
    const [shown, missing] = await desk.send([300000n, 300001n]);
    await desk.inside((ctx) => setBehaviour(ctx, desk.providerId, SILENT));
    expect([shown!.state, missing!.state]).to.deep.equal(['paid', 'paid']);
    const period = { name: 'period', valuePeriod: { start: now, end: now } };
    const file = csv('key,receipt,amount', `${shown!.key},R${shown!.key},3000.00`);
    const answer = await upload([...file, period]);
    expect(answer.status, answer.text).to.equal(200);
    expect(counts(answer)['not-on-statement']).to.equal(1);
    const late = await upload(
      csv('key,receipt,amount', `${missing!.key},R${missing!.key},3000.01`),
    );
    expect(counts(late)).to.deep.equal({ confirms: 1 });
    expect((await openOnes()).filter((each) => each.kind!.valueCode === 'not-on-statement')).to.be
      .empty;
  });

  it('is taken from a provider that speaks FHIR', async () => {
    const [order] = await desk.send([500000n]);
    const body = {
      resourceType: 'PaymentReconciliation',
      meta: { profile: [structureDefinition('statement')] },
      status: 'active',
      created: '2026-01-15T10:00:00Z',
      paymentIssuer: { reference: 'Organization/payer' },
      paymentDate: '2026-01-15',
      paymentAmount: { value: 5000, currency: 'KES' },
      detail: [
        {
          type: {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/payment-type',
                code: 'payment',
              },
            ],
          },
          identifier: { value: 'F1' },
          response: { reference: `ClaimResponse/${order!.id}` },
          amount: { value: 5000, currency: 'KES' },
        },
      ],
    };
    const wrong = { ...body, paymentAmount: { value: 5001, currency: 'KES' } };
    const refused = await house.fetch('PaymentReconciliation', { body: wrong, token: officer });
    expect(refused.json.issue[0].details.coding[0].code, refused.text).to.equal('sum-differs');
    const taken = await house.fetch('PaymentReconciliation', { body, token: officer });
    expect(taken.status, taken.text).to.equal(201);
    expect(taken.json.detail[0].response.identifier.value).to.equal(order!.key);
    expect((await desk.look(order!.key))[0]!.state).to.equal('paid');
  });

  it('is taken once when it is sent twice at the same time', async () => {
    const [order] = await desk.send([600000n]);
    const file = csv('key,receipt,amount', `${order!.key},P1,6000`);
    const both = await Promise.all([upload(file), upload(file)]);
    expect(both.map((each) => each.json.parameter[1].valueBoolean).sort()).to.deep.equal([
      false,
      true,
    ]);
  });

  it('is refused whole for one wrong line, which is named, and changes nothing', async () => {
    const [order] = await desk.send([700000n]);
    const kept = () => desk.rows('select statement_id from reconciliation_statement');
    const before = (await kept()).length;
    const good = Array.from({ length: 900 }, (_, n) => `T${n},Q${n},1.00`);
    const line = `${order!.key},Q,7000`;
    for (const [bad, code] of [
      ['T900,Q900,1.001', 'amount-too-precise'],
      [line, 'duplicate-line'],
    ]) {
      const answer = await upload(csv('key,receipt,amount', line, ...good, bad!));
      expect(answer.status).to.equal(422);
      const [issue] = answer.json.issue;
      expect(issue.details.coding[0].code).to.equal(code);
      expect(issue.expression[0]).to.match(/^content\.line\[903\]/);
    }
    expect((await kept()).length).to.equal(before);
    expect((await desk.look(order!.key))[0]!.state).to.equal('unknown');
  });

  it('is refused to who may not match, and of an organization that is no provider', async () => {
    const clerk = await house.tokenFor('payroll-officer');
    const answer = await desk.call('upload-statement', csv('key,amount', 'T1,1'), clerk);
    expect(answer.status).to.equal(403);
    const unknown = await house.fetch('Organization/nobody/$upload-statement', {
      token: officer,
      body: { resourceType: 'Parameters', parameter: csv('key,amount', 'T1,1') },
    });
    expect(unknown.status).to.equal(404);
  });

  it('keeps books and provider in agreement', async () => {
    const [row] = await desk.rows<{ ours: bigint }>(
      `select sum(kept_minor)::bigint as ours from disbursement_instruction`,
    );
    expect(await desk.balance('paid-out:kes')).to.equal(row!.ours);
    expect(await desk.faults()).to.deep.equal([]);
  });
});
