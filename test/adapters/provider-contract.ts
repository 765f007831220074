/**
 * The contract that every adapter of a payment provider passes: nobody is paid twice, nothing is
 * lost, and what is doubtful is `unknown` until something proves otherwise.
 *
 * An adapter's own test calls `describeProviderContract` with a stand-in of the provider; what the
 * provider cannot do (answer at once, be asked, call back) is left out.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import {
  callbackSecret,
  matchCallbacks,
  type Outcome,
  type PaymentProviderAdapter,
  paymentProvider,
} from '../../modules/disbursement/index.ts';
import { MODULES } from '../../modules/index.ts';
import type { JobFailure } from '../../src/jobs/worker.ts';
import { contribute, type Module } from '../../src/sdk/index.ts';
import { type Desk, type Ordered, openDesk } from '../modules/support/orders.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

/** What the provider is to do with the next orders. */
export type Deed = 'pay' | 'refuse' | 'lose-before' | 'lose-after' | 'wrong-amount' | 'delay';

/** A provider that can be told how to behave. */
export interface ProviderUnderTest {
  readonly adapter: PaymentProviderAdapter;
  readonly accountKind: 'mobile' | 'bank';
  /** Only for providers that answer at once and can be asked. */
  readonly standIn?: {
    behave(desk: Desk, deed: Deed): Promise<void>;
    /** Its own books: what it has executed, by key. */
    executed(desk: Desk): Promise<ReadonlyMap<string, bigint>>;
  };
  /** A callback as the provider writes it; undefined when it does not call back. */
  callback?(key: string, result: 'paid' | 'not-paid', amountMinor: bigint): string;
}

/** What the test does to the adapter between house and provider. */
interface Wire {
  before?: () => Promise<void>;
  after?: (outcomes: readonly Outcome[]) => Promise<readonly Outcome[]>;
}

function wired(modules: readonly Module[], adapter: PaymentProviderAdapter, wire: Wire): Module[] {
  const part: PaymentProviderAdapter = {
    ...adapter,
    async send(orders, config, units) {
      await wire.before?.();
      const outcomes = await adapter.send(orders, config, units);
      return (await wire.after?.(outcomes)) ?? outcomes;
    },
  };
  return modules.map((module) => ({
    ...module,
    ...(module.contributes && {
      contributes: module.contributes.map((each) =>
        each.part === adapter ? contribute(paymentProvider, part) : each,
      ),
    }),
  }));
}

/** What every case needs. */
interface Stage {
  readonly house: TestHouse;
  readonly desk: Desk;
  readonly wire: Wire;
  readonly under: ProviderUnderTest;
  one(amount?: bigint): Promise<Ordered>;
  state(key: string): Promise<string>;
}

/** Describes the contract for a provider. */
export function describeProviderContract(name: string, under: ProviderUnderTest): void {
  describe(`${name} keeps the contract of payment providers`, () => {
    const wire: Wire = {};
    let house: TestHouse;
    let desk: Desk;
    const stage = {
      wire,
      under,
      get house() {
        return house;
      },
      get desk() {
        return desk;
      },
      one: async (amount = 100000n) => (await desk.send([amount]))[0]!,
      state: async (key: string) => (await desk.look(key))[0]!.state,
    } satisfies Stage;
    before(async () => {
      house = await startTestHouse({
        modules: wired(MODULES, under.adapter, wire),
        environment: { CALLBACK_SECRET: 'a secret of more than thirty-two characters' },
      });
      desk = await openDesk(house, under.adapter.channel, 'contract', under.accountKind);
    });
    after(() => house?.stop());
    if (under.standIn) answers(stage, under.standIn);
    outcomes(stage);
    if (under.callback) callbacks(stage, under.callback);
    booksAgree(stage);
  });
}

function booksAgree(stage: Stage): void {
  it('has left books that agree with what is paid', async () => {
    const { desk } = stage;
    expect(await desk.faults()).to.deep.equal([]);
    const [paid] = await desk.rows<{ sum: bigint | null }>(
      `select sum(amount_minor)::bigint as sum from instruction where state = 'paid'`,
    );
    expect(await desk.balance('paid-out:kes')).to.equal(paid!.sum ?? 0n);
  });
}

function answers(stage: Stage, standIn: NonNullable<ProviderUnderTest['standIn']>): void {
  const { one, state } = stage;
  const behave = (deed: Deed) => standIn.behave(stage.desk, deed);
  const isExecuted = async (key: string) => (await standIn.executed(stage.desk)).has(key);

  it('pays what it answers as paid, and says why it does not', async () => {
    await behave('pay');
    expect((await one()).state).to.equal('paid');
    await behave('refuse');
    const refused = await one();
    expect(refused.state).to.equal('not-paid');
    expect(refused.reason).to.be.a('string');
    expect(await isExecuted(refused.key)).to.equal(false);
  });

  it('leaves a lost answer unknown, and finds by asking that it had executed', async () => {
    await behave('lose-after');
    const order = await one();
    expect(order.state).to.equal('unknown');
    await stage.desk.enquire();
    expect(await state(order.key)).to.equal('paid');
    expect(await isExecuted(order.key)).to.equal(true);
  });

  it('finds by asking that an order was lost before it was executed', async () => {
    await behave('lose-before');
    const order = await one();
    expect(order.state).to.equal('unknown');
    await stage.desk.enquire();
    expect(await state(order.key)).to.equal('not-paid');
    expect(await isExecuted(order.key)).to.equal(false);
  });

  it('is asked again until a delayed order is decided', async () => {
    await behave('delay');
    const order = await one();
    for (const pause of [90, 400, 1000]) await stage.desk.enquire(pause);
    expect(await state(order.key)).to.equal('paid');
  });

  it('is not asked after a batch that is still being sent, however slowly', async () => {
    await behave('pay');
    const { desk, wire } = stage;
    const seen: string[] = [];
    wire.before = async () => {
      await desk.enquireNow(200);
      seen.push(...(await desk.unresolved()));
    };
    const order = await one();
    delete wire.before;
    expect(seen).to.deep.equal(['sent']);
    expect(order.state).to.equal('paid');
  });

  it('is sent nothing by a process that stood still until others asked', async () => {
    await behave('pay');
    const { desk, wire } = stage;
    wire.before = () => desk.enquireNow(301 + 60);
    const failures: JobFailure[] = [];
    const [order] = await desk.order([100000n]);
    await stage.house.settle(failures);
    delete wire.before;
    expect(failures.map((each) => String(each.error))).to.deep.equal([
      'Error: the lease of the batch has lapsed',
    ]);
    await desk.enquire(400);
    expect(await isExecuted(order!.key)).to.equal(false);
    expect(await state(order!.key)).to.equal('not-paid');
  });

  it('is sent nothing of which the exact request is not kept', async () => {
    await behave('lose-after');
    const order = await one();
    const kept = await stage.desk.rows<{ kind: string; about: string; body: Buffer }>(
      `select kind, about, body from disbursement_message where $1 = any(order_keys)
       order by received_at, kind desc`,
      [order.key],
    );
    expect(kept.map((each) => [each.kind, each.about])).to.deep.include(['request', 'send']);
    expect(kept[0]!.body.toString()).to.include(order.key);
  });

  it('executes a repeated key once, and proves nothing by refusing it', async () => {
    await behave('pay');
    const order = await one();
    const { desk, under } = stage;
    const again = await under.adapter.send(
      [
        {
          key: order.key,
          amountMinor: order.amount_minor,
          currency: 'KES',
          accountKind: under.accountKind,
          accountNumber: order.account,
          valueOn: '2026-01-15',
        },
      ],
      {
        providerId: desk.providerId,
        name: 'contract',
        wire: { request: async () => 'again', answer: async () => {} },
      },
      { run: (work) => desk.inside(work) },
    );
    expect(again.map((each) => each.result)).to.not.include('not-paid');
    await desk.apply(...again);
    expect(await state(order.key)).to.equal('paid');
  });

  it('is not believed when it names another amount', async () => {
    await behave('wrong-amount');
    const order = await one();
    expect(order.state).to.equal('unknown');
    expect(await stage.desk.exceptions(order.key)).to.deep.equal(['amount-differs']);
  });

  for (const [when, wire] of [
    ['before the order left', 'before'],
    ['after it was executed', 'after'],
  ] as const) {
    it(`survives a crash between sent and answered, ${when}`, async () => {
      await behave('pay');
      const crash = () => Promise.reject<never>(new Error('crash'));
      if (wire === 'before') stage.wire.before = crash;
      else stage.wire.after = crash;
      const failures: JobFailure[] = [];
      const [order] = await stage.desk.order([100000n]);
      await stage.house.settle(failures);
      delete stage.wire[wire];
      expect(failures).to.have.length.greaterThan(0);
      expect(await state(order!.key)).to.equal('sent');
      await stage.desk.enquire();
      const paid = await isExecuted(order!.key);
      expect(paid).to.equal(wire === 'after');
      expect(await state(order!.key)).to.equal(paid ? 'paid' : 'not-paid');
    });
  }

  it('may call back before it answers; the weaker answer is ignored', async () => {
    await behave('pay');
    stage.wire.after = async (said) => {
      await stage.desk.apply(...said);
      return said.map(({ key }) => ({ key, result: 'unknown' as const }));
    };
    const order = await one();
    delete stage.wire.after;
    expect(order.state).to.equal('paid');
  });
}

function outcomes(stage: Stage): void {
  const { state } = stage;
  /** An order whose fate nobody knows yet. */
  const sent = async (): Promise<Ordered> => {
    stage.wire.after = async (said) => said.map(({ key }) => ({ key, result: 'unknown' as const }));
    const order = await stage.one();
    delete stage.wire.after;
    expect(order.state).to.equal('unknown');
    return order;
  };

  it('changes nothing by saying the same again, or something weaker later', async () => {
    const { key } = await sent();
    expect((await stage.desk.apply({ key, result: 'paid' })).changed).to.equal(1);
    const before = await stage.desk.balance('paid-out:kes');
    for (const result of ['paid', 'unknown', 'accepted', 'not-sent'] as const) {
      const applied = await stage.desk.apply({ key, result });
      expect(applied).to.deep.equal({ changed: 0, exceptions: 0 });
    }
    expect(await stage.desk.balance('paid-out:kes')).to.equal(before);
  });

  it('raises a conflict by a failure after success, and the money stays paid', async () => {
    const { key } = await sent();
    await stage.desk.apply({ key, result: 'paid' });
    await stage.desk.apply({ key, result: 'not-paid', reason: 'refused' });
    expect(await state(key)).to.equal('paid');
    expect(await stage.desk.exceptions(key)).to.deep.equal(['not-paid-after-paid']);
  });

  it('blocks the replacement by a late success', async () => {
    const order = await sent();
    await stage.desk.apply({ key: order.key, result: 'not-paid', reason: 'provider_down' });
    expect(await stage.desk.retry(order.id)).to.equal(1);
    const replacement = await lastAttempt(stage, order);
    expect([replacement.attempt, replacement.state]).to.deep.equal([2, 'approved']);
    expect(replacement.key).to.not.equal(order.key);
    await stage.desk.apply({ key: order.key, result: 'paid' });
    expect(await state(order.key)).to.equal('paid');
    expect(await state(replacement.key)).to.equal('cancelled');
    await stage.house.settle();
    expect(await state(replacement.key)).to.equal('cancelled');
  });

  it('raises an exception by a late success after the replacement has left', async () => {
    const order = await sent();
    await stage.desk.apply({ key: order.key, result: 'not-paid', reason: 'provider_down' });
    await stage.desk.retry(order.id);
    stage.wire.after = async (said) => said.map(({ key }) => ({ key, result: 'unknown' as const }));
    await stage.house.settle();
    delete stage.wire.after;
    await stage.desk.apply({ key: order.key, result: 'paid' });
    const { key } = await lastAttempt(stage, order);
    expect(await stage.desk.exceptions(key)).to.deep.equal(['paid-twice']);
  });

  it('is quarantined when amount, currency or receiver are not those of the order', async () => {
    const wrong: ReadonlyArray<readonly [Partial<Outcome>, string]> = [
      [{ amountMinor: 1n }, 'amount-differs'],
      [{ currency: 'UGX' }, 'amount-differs'],
      [{ account: '+254799999999' }, 'account-differs'],
    ];
    for (const [said, kind] of wrong) {
      const { key } = await sent();
      await stage.desk.apply({ key, result: 'paid', ...said });
      expect(await state(key)).to.equal('unknown');
      expect(await stage.desk.exceptions(key)).to.deep.equal([kind]);
    }
  });

  it('never makes a payment by a number that is not ours', async () => {
    const count = async () =>
      (await stage.desk.rows<{ n: bigint }>('select count(*) as n from instruction'))[0]!.n;
    const before = await count();
    const applied = await stage.desk.apply({ key: 'T000000000097', result: 'paid' });
    expect(applied).to.deep.equal({ changed: 0, exceptions: 1 });
    expect(await count()).to.equal(before);
  });

  it('is paused by a fault of the payer, and sent nothing until it is resumed', async () => {
    const { key } = await sent();
    await stage.desk.apply({ key, result: 'not-paid', reason: 'payer_funds' });
    const waiting = await stage.one();
    expect(waiting.state).to.equal('approved');
    const resumed = await stage.desk.call('resume', []);
    expect(resumed.status, resumed.text).to.equal(200);
    await stage.house.settle();
    expect(await state(waiting.key)).to.not.equal('approved');
  });
}

async function lastAttempt(stage: Stage, order: Ordered): Promise<Ordered> {
  const [row] = await stage.desk.rows<{ key: string }>(
    `select disbursement_transaction_number(key) as key from instruction where source_id = $1
     order by attempt desc limit 1`,
    [order.source_id],
  );
  return (await stage.desk.look(row!.key))[0]!;
}

function callbacks(stage: Stage, body: NonNullable<ProviderUnderTest['callback']>): void {
  const { state } = stage;
  const post = async (secret: string, text: string): Promise<number> => {
    const url = `${stage.house.house.url}/callbacks/contract/${secret}`;
    const { status } = await fetch(url, { method: 'POST', body: text });
    await stage.house.settle();
    return status;
  };
  const secret = () => stage.desk.inside(async (ctx) => callbackSecret(ctx, 'contract'));
  const undecided = async (): Promise<Ordered> => {
    stage.wire.after = async (said) => said.map(({ key }) => ({ key, result: 'unknown' as const }));
    const order = await stage.one();
    delete stage.wire.after;
    return order;
  };

  it('is refused a forged callback, of which the bytes are kept', async () => {
    const { key, amount_minor } = await undecided();
    const text = body(key, 'paid', amount_minor);
    expect(await post('x'.repeat(32), text)).to.equal(404);
    expect(await post('x', text)).to.equal(404);
    expect(await state(key)).to.equal('unknown');
    const [kept] = await stage.desk.rows<{ n: bigint }>(
      `select count(*) as n from disbursement_message where verdict = 'refused' and body = $1`,
      [Buffer.from(text)],
    );
    expect(kept!.n).to.equal(1n);
  });

  it('decides by its callback, and by the same callback once', async () => {
    const { key, amount_minor } = await undecided();
    const text = body(key, 'paid', amount_minor);
    for (let turn = 0; turn < 3; turn += 1) expect(await post(await secret(), text)).to.equal(200);
    expect(await state(key)).to.equal('paid');
    expect(await stage.desk.exceptions(key)).to.deep.equal([]);
  });

  it('is quarantined when its callback names another amount', async () => {
    const { key, amount_minor } = await undecided();
    expect(await post(await secret(), body(key, 'paid', amount_minor + 1n))).to.equal(200);
    expect(await state(key)).to.equal('unknown');
    expect(await stage.desk.exceptions(key)).to.deep.equal(['amount-differs']);
  });

  it('may call back about what we do not know, or in words that we do not understand', async () => {
    const { desk } = stage;
    const match = async (seconds: number) => {
      await stage.house.advance(seconds);
      await desk.inside(async (ctx) => ctx.enqueue(matchCallbacks, {}));
      await stage.house.settle();
    };
    expect(await post(await secret(), body('T000000000194', 'paid', 1n))).to.equal(200);
    await match(3600);
    expect(await desk.exceptions('T000000000194')).to.deep.equal([]);
    await match(24 * 3600);
    expect(await desk.exceptions('T000000000194')).to.deep.equal(['unknown-instruction']);
    expect(await post(await secret(), 'what?')).to.equal(200);
    const open = await desk.rows<{ kind: string }>(
      `select kind from disbursement_exception where kind = 'not-understood'`,
    );
    expect(open).to.have.length(1);
    const left = await desk.rows(
      `select 1 from disbursement_message
       where kind = 'callback' and verdict = 'accepted' and handled_at is null`,
    );
    expect(left).to.have.length(0);
  });

  it('may call back before we know the instruction, and is heard when we do', async () => {
    const order = await undecided();
    const { desk } = stage;
    const rename = (from: string, to: string) =>
      desk.rows('update instruction set provider_id = $2 where provider_id = $1 and key = $3', [
        from,
        to,
        BigInt(order.key.slice(1, 11)),
      ]);
    const ours = desk.providerId.toString();
    await rename(ours, '1');
    const text = body(order.key, 'paid', order.amount_minor);
    expect(await post(await secret(), text)).to.equal(200);
    expect(await state(order.key)).to.equal('unknown');
    await rename('1', ours);
    await stage.house.advance(601);
    await desk.inside(async (ctx) => ctx.enqueue(matchCallbacks, {}));
    await stage.house.settle();
    expect(await state(order.key)).to.equal('paid');
    expect(await desk.exceptions(order.key)).to.deep.equal([]);
  });
}
