/**
 * What people decide by hand: an unknown outcome by two of them, another attempt by one; and what the
 * house orders again by itself.
 */

import type { ParametersParameter } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { paymentSource, retryDue, retryInstructions } from '../../../modules/disbursement/index.ts';
import { MODULES } from '../../../modules/index.ts';
import { contribute, type Module } from '../../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Desk, FUND, type Ordered, openDesk } from '../support/orders.ts';

/** A room that orders what the desk has ordered again. */
const owner: Module = {
  name: 'owner',
  title: 'Owner of test orders',
  dependsOn: ['disbursement'],
  contributes: [
    contribute(paymentSource, {
      purpose: 'test',
      retry: (ctx, sources) =>
        retryInstructions(ctx, {
          purpose: 'test',
          fund: FUND,
          currency: 'KES',
          select: {
            text: `select distinct on (source_id) payee_id, source_id, recipient_id, provider_id,
              account_kind, account_number, pay_point_id, amount_minor, currency, value_on
              from instruction where source_id = any($1::uuid[]) order by source_id, attempt`,
            values: [sources],
          },
        }),
    }),
  ],
};

describe('decisions by hand on payments', () => {
  let house: TestHouse;
  let desk: Desk;
  let first: string;
  let second: string;
  beforeEach(async () => {
    house = await startTestHouse({ modules: [...MODULES, owner] });
    desk = await openDesk(house, 'simulator', 'hand');
    first = await house.tokenFor('finance-officer');
    second = await house.tokenFor('finance-officer');
  });
  afterEach(() => house?.stop());

  const unknown = async (): Promise<Ordered> => {
    const [order] = await desk.order([5000n]);
    await desk.rows(
      `update instruction set state = 'unknown', sent_at = created_at where instruction_id = $1`,
      [order!.id],
    );
    return order!;
  };
  const call = async (
    order: Ordered,
    name: string,
    token: string,
    parts: Record<string, string> = {},
  ) => {
    const parameter: ParametersParameter[] = Object.entries(parts).map(([key, value]) =>
      key === 'result' || (key === 'reason' && name === 'resolve-unknown')
        ? { name: key, valueCode: value }
        : { name: key, valueString: value },
    );
    const body = { resourceType: 'Parameters', parameter };
    const answer = await house.fetch(`ClaimResponse/${order.id}/$${name}`, { token, body });
    const code = answer.json?.issue?.[0]?.details?.coding?.[0]?.code as string | undefined;
    return { status: answer.status, code, text: answer.text, json: answer.json };
  };
  const state = async (order: Ordered) => (await desk.look(order.key))[0]!.state;
  const attempts = async (order: Ordered) =>
    (
      await desk.rows<{ state: string }>(
        'select state from instruction where source_id = $1 order by attempt',
        [order.source_id],
      )
    ).map((each) => each.state);
  const orderWhatIsDue = async (seconds: number) => {
    await house.advance(seconds);
    await desk.inside(async (ctx) => ctx.enqueue(retryDue, {}));
    await house.settle();
  };

  it('let nothing move before another person has confirmed that it was paid', async () => {
    const order = await unknown();
    const letter = { result: 'paid', evidence: 'letter of the bank 17' };
    expect((await call(order, 'resolve-unknown', first, letter)).status).to.equal(200);
    expect(await state(order)).to.equal('unknown');
    expect(await desk.balance('paid-out:kes')).to.equal(0n);
    expect((await call(order, 'confirm-resolution', first, { result: 'paid' })).code).to.equal(
      'same-person',
    );
    expect((await call(order, 'confirm-resolution', second, { result: 'not-paid' })).code).to.equal(
      'resolution-differs',
    );
    expect(await state(order)).to.equal('unknown');
    const shown = await call(order, 'evidence', second);
    expect(shown.text).to.include('letter of the bank 17');
    const confirmed = await call(order, 'confirm-resolution', second, { result: 'paid' });
    expect(confirmed.status, confirmed.text).to.equal(200);
    expect(await state(order)).to.equal('paid');
    expect(await desk.balance('paid-out:kes')).to.equal(5000n);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('bear one proposal at a time, which anybody may reject with a reason', async () => {
    const order = await unknown();
    const no = { result: 'not-paid', evidence: 'telephone', reason: 'refused' };
    await call(order, 'resolve-unknown', first, no);
    expect((await call(order, 'resolve-unknown', second, no)).code).to.equal('already-proposed');
    const rejected = await call(order, 'reject-resolution', second, { reason: 'no paper' });
    expect(rejected.status, rejected.text).to.equal(200);
    expect((await call(order, 'confirm-resolution', second, { result: 'not-paid' })).code).to.equal(
      'not-proposed',
    );
    expect(await state(order)).to.equal('unknown');
    expect((await call(order, 'resolve-unknown', second, no)).status).to.equal(200);
    await call(order, 'confirm-resolution', first, { result: 'not-paid' });
    expect(await state(order)).to.equal('not-paid');
  });

  it('come too late when the provider has answered meanwhile', async () => {
    const order = await unknown();
    const no = { result: 'not-paid', evidence: 'telephone', reason: 'refused' };
    await call(order, 'resolve-unknown', first, no);
    await desk.apply({ key: order.key, result: 'paid' });
    expect((await call(order, 'confirm-resolution', second, { result: 'not-paid' })).code).to.equal(
      'wrong-state',
    );
    expect(await state(order)).to.equal('paid');
  });

  it('order one instruction again only when it is definitively not paid', async () => {
    const order = await unknown();
    expect((await call(order, 'retry', first)).code).to.equal('wrong-state');
    await desk.apply({ key: order.key, result: 'not-paid', reason: 'other' });
    const again = await call(order, 'retry', first);
    expect(again.status, again.text).to.equal(200);
    await house.settle();
    expect(await attempts(order)).to.deep.equal(['not-paid', 'paid']);
    expect((await call(order, 'retry', first)).code).to.equal('not-retried');
  });

  it('are not needed after a reason that passes, and the key is new', async () => {
    const order = await unknown();
    await desk.apply({ key: order.key, result: 'not-paid', reason: 'provider_down' });
    await orderWhatIsDue(1800);
    expect(await attempts(order)).to.deep.equal(['not-paid']);
    await orderWhatIsDue(1801);
    expect(await attempts(order)).to.deep.equal(['not-paid', 'paid']);
    await orderWhatIsDue(100_000);
    expect(await attempts(order)).to.have.length(2);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('are needed after a fault of the recipient', async () => {
    const order = await unknown();
    await desk.apply({ key: order.key, result: 'not-paid', reason: 'recipient_invalid' });
    await orderWhatIsDue(100_000);
    expect(await attempts(order)).to.deep.equal(['not-paid']);
  });

  it('let what failed for want of funds go again when the provider is resumed', async () => {
    const order = await unknown();
    await desk.apply({ key: order.key, result: 'not-paid', reason: 'payer_funds' });
    await orderWhatIsDue(100_000);
    expect(await attempts(order)).to.deep.equal(['not-paid']);
    expect((await desk.call('resume', [])).status).to.equal(200);
    await house.settle();
    expect(await attempts(order)).to.deep.equal(['not-paid', 'paid']);
  });
});
