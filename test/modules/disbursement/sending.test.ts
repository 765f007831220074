/**
 * A slow provider: its batch takes longer than the pause before enquiries and than the lease, and it
 * does not know an order that is still on its way. Nobody is paid twice.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  type Capabilities,
  type PaymentProviderAdapter,
  paymentProvider,
} from '../../../modules/disbursement/index.ts';
import { maskSecrets } from '../../../modules/disbursement/mask.ts';
import { retryAt } from '../../../modules/disbursement/retry-policy.ts';
import { MODULES } from '../../../modules/index.ts';
import { contribute, type Module } from '../../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Desk, openDesk } from '../support/orders.ts';

/** A provider that executes what reaches it, when it reaches it. */
class SlowProvider {
  readonly executed: string[] = [];
  /** Happens after the request is kept and before it arrives. */
  onItsWay: () => Promise<void> = async () => {};
  capabilities: Capabilities | undefined;
  readonly adapter: PaymentProviderAdapter = {
    channel: 'slow',
    batchMax: 10,
    refusesRepeatedKeys: false,
    notFoundFinalAfterSeconds: 24 * 3600,
    capabilities: () => this.capabilities ?? { KES: {} },
    send: async (orders, { wire }) => {
      const keys = orders.map((each) => each.key);
      const body = `POST /pay\nAuthorization: Bearer t0p\n\n${keys.join()} s3cret`;
      const request = await wire.request({ keys, body, secrets: ['s3cret'] });
      await this.onItsWay();
      this.executed.push(...keys);
      await wire.answer(request, 'OK s3cret', ['s3cret']);
      return keys.map((key) => ({ key, result: 'paid' }));
    },
    enquire: async (keys) =>
      keys.map((key) => ({ key, result: this.executed.includes(key) ? 'paid' : 'not-found' })),
  };
}

describe('a slow provider', () => {
  let house: TestHouse;
  let desk: Desk;
  let slow: SlowProvider;
  beforeEach(async () => {
    slow = new SlowProvider();
    const module: Module = {
      name: 'slow',
      title: 'Slow provider',
      dependsOn: ['disbursement'],
      contributes: [contribute(paymentProvider, slow.adapter)],
    };
    house = await startTestHouse({ modules: [...MODULES, module] });
    desk = await openDesk(house, 'slow', 'slow');
  });
  afterEach(() => house?.stop());

  it('is not asked while its batch is on its way, and pays each order once', async () => {
    const seen: string[] = [];
    slow.onItsWay = async () => {
      await desk.enquireNow(200);
      seen.push(...(await desk.unresolved()));
    };
    const [order] = await desk.send([1000n]);
    expect(seen).to.deep.equal(['sent']);
    expect(order!.state).to.equal('paid');
    expect(slow.executed).to.deep.equal([order!.key]);
  });

  it('is not believed not to know an order until it has had time to', async () => {
    const seen: string[] = [];
    slow.onItsWay = async () => {
      for (const pause of [400, 900, 4000]) {
        await desk.enquireNow(pause);
        seen.push(...(await desk.unresolved()));
      }
    };
    const [order] = await desk.send([1000n]);
    expect(seen).to.deep.equal(['unknown', 'unknown', 'unknown']);
    expect(await desk.retry(order!.id)).to.equal(0);
    expect(order!.state).to.equal('paid');
    expect(slow.executed).to.have.length(1);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('is believed a day after the sending has ended', async () => {
    slow.onItsWay = () => Promise.reject(new Error('line cut'));
    const [order] = await desk.order([1000n]);
    await house.settle([]);
    await desk.enquire(3600);
    expect((await desk.look(order!.key))[0]!.state).to.equal('unknown');
    await desk.enquire(24 * 3600);
    const [later] = await desk.look(order!.key);
    expect([later!.state, later!.reason]).to.deep.equal(['not-paid', 'provider_down']);
    expect(slow.executed).to.deep.equal([]);
  });

  it('is told numbers that lead back to their orders, and to nothing with a wrong digit', async () => {
    const [first, second] = await desk.order([1000n, 2000n]);
    const number = first!.key;
    const wrong = `${number.slice(0, -1)}${(Number(number.at(-1)) + 1) % 10}`;
    const told = [number, wrong, number.toLowerCase(), `${number} `, 'T', '', second!.key];
    const [read] = await desk.rows<{ keys: bigint[] }>(
      'select disbursement_transaction_keys($1)::text[] as keys',
      [told],
    );
    const { seq } = first as unknown as { seq: bigint };
    expect(read!.keys.map(Number)).to.deep.equal([seq, 0, 0, 0, 0, 0, Number(seq) + 1].map(Number));
    const found = async (value: string): Promise<number> =>
      (await house.fetch(`ClaimResponse?identifier=${value}&_summary=count`)).json.total;
    expect(await found(number)).to.equal(1);
    expect(await found(`${number},${second!.key}`)).to.equal(2);
    expect(await found(wrong)).to.equal(0);
    expect(
      (await house.fetch(`ClaimResponse?identifier:not=${wrong}&_summary=count`)).json.total,
    ).to.equal(2);
  });

  it('leaves the exact request and answer behind, without secrets', async () => {
    const [order] = await desk.send([1000n]);
    const kept = await desk.rows<{ kind: string; body: Buffer }>(
      `select kind, body from disbursement_message where $1 = any(order_keys) order by kind desc`,
      [order!.key],
    );
    expect(kept.map((each) => [each.kind, each.body.toString()])).to.deep.equal([
      ['request', `POST /pay\nAuthorization: ***\n\n${order!.key} ***`],
      ['answer', 'OK ***'],
    ]);
  });

  it('is not sent what it cannot pay, and the money is available again', async () => {
    slow.capabilities = { KES: { minMinor: 1000n, maxMinor: 5000n, stepMinor: 100n } };
    const orders = await desk.send([999n, 1000n, 1050n, 5000n, 5100n]);
    expect(orders.map((each) => [each.state, each.reason])).to.deep.equal([
      ['not-paid', 'amount_out_of_range'],
      ['paid', null],
      ['not-paid', 'amount_out_of_range'],
      ['paid', null],
      ['not-paid', 'amount_out_of_range'],
    ]);
    slow.capabilities = { UGX: {} };
    const [other] = await desk.send([1000n]);
    expect([other!.state, other!.reason]).to.deep.equal(['not-paid', 'currency_not_supported']);
    expect(slow.executed).to.have.length(2);
    const events = await desk.rows<{ state: string }>(
      `select state from disbursement_history where instruction_id = $1 order by event_no`,
      [other!.id],
    );
    expect(events.map((each) => each.state)).to.deep.equal(['approved', 'not-paid']);
    expect(await desk.balance('paid-out:kes')).to.equal(6000n);
    expect(await desk.faults()).to.deep.equal([]);
  });

  it('gets instructions whose ids are of version 7', async () => {
    const [order] = await desk.order([1000n]);
    expect(order!.id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    const made = Number.parseInt(order!.id.replaceAll('-', '').slice(0, 12), 16);
    expect(made).to.equal(house.clock.now().getTime());
  });
});

describe('secrets of a conversation', () => {
  it('are masked in headers, JSON, XML and forms, by name and by value', () => {
    const cases = [
      ['apikey: abc\nAccept: x', 'apikey: ***\nAccept: x'],
      ['{"SecurityCredential":"a\\"b","Amount":10}', '{"SecurityCredential":***,"Amount":10}'],
      ['<Password>p</Password><EAN>1</EAN>', '<Password>***</Password><EAN>1</EAN>'],
      ['username=u&password=p&to=1', 'username=u&password=***&to=1'],
      ['{"key":"T1"}', '{"key":"T1"}'],
    ];
    for (const [text, masked] of cases) expect(maskSecrets(text!)).to.equal(masked);
    expect(maskSecrets('x YWI= y', ['ab'])).to.equal('x *** y');
  });
});

describe('another attempt by itself', () => {
  const now = new Date('2026-01-15T08:00:00Z');
  const hours = (at: Date | undefined) => at && (at.getTime() - now.getTime()) / 3_600_000;

  it('follows what passes, three times, later each time', () => {
    expect(
      [1, 2, 3, 4].map((attempt) => hours(retryAt('provider_down', attempt, now))),
    ).to.deep.equal([1, 2, 4, undefined]);
    expect(hours(retryAt('recipient_limit', 1, now))).to.equal(24);
  });

  it('never follows a fault of the recipient or of the payer', () => {
    for (const reason of ['recipient_invalid', 'refused', 'other', 'payer_funds'] as const) {
      expect(retryAt(reason, 1, now)).to.equal(undefined);
    }
  });
});
