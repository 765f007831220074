/**
 * The simulated provider keeps the contract, and for every seed its books agree with ours.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import {
  type Behaviour,
  HONEST,
  setBehaviour,
  simulatorAdapter,
} from '../../modules/adapters/simulator/index.ts';
import { formatAmount } from '../../src/sdk/index.ts';
import { type Desk, openDesk } from '../modules/support/orders.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { type Deed, describeProviderContract } from './provider-contract.ts';

const DEEDS: Readonly<Record<Deed, Partial<Behaviour>>> = {
  pay: {},
  refuse: { refuse_per_mille: 1000 },
  'lose-before': { lose_before_per_mille: 1000 },
  'lose-after': { lose_after_per_mille: 1000 },
  'wrong-amount': { wrong_amount_per_mille: 1000 },
  delay: { delay_per_mille: 1000 },
};

async function books(desk: Desk) {
  const rows = await desk.rows<{ key: string; minor: bigint }>(
    `select order_key as key, amount_minor as minor from simulator_order
     where provider_id = $1 and result = 'paid'`,
    [desk.providerId],
  );
  return new Map(rows.map(({ key, minor }) => [key, minor]));
}

describeProviderContract('the simulator', {
  adapter: simulatorAdapter,
  accountKind: 'mobile',
  standIn: {
    behave: (desk, deed) =>
      desk.inside((ctx) => setBehaviour(ctx, desk.providerId, { ...HONEST, ...DEEDS[deed] })),
    executed: books,
  },
  callback: (key, result, minor) =>
    JSON.stringify({
      key,
      result,
      amount: formatAmount({ minor, currency: 'KES' }),
      currency: 'KES',
    }),
});

describe('the simulator, whatever the seed', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  for (const seed of [1, 2, 3]) {
    it(`executes what we hold as paid and nothing else (seed ${seed})`, async () => {
      const desk = await openDesk(house, 'simulator', `seed-${seed}`);
      const behaviour = {
        seed,
        refuse_per_mille: 150,
        delay_per_mille: 150,
        lose_before_per_mille: 100,
        lose_after_per_mille: 100,
        wrong_amount_per_mille: 100,
      };
      await desk.inside((ctx) => setBehaviour(ctx, desk.providerId, behaviour));
      await desk.send(Array.from({ length: 60 }, (_, n) => 1000n + BigInt(n)));
      for (const pause of [90, 400, 1000, 4000]) await desk.enquire(pause);
      const paid = await desk.rows<{ key: string; minor: bigint }>(
        `select disbursement_transaction_number(key) as key, amount_minor as minor from instruction
         where provider_id = $1 and state = 'paid'`,
        [desk.providerId],
      );
      const theirs = await books(desk);
      expect(paid.length).to.be.greaterThan(30);
      expect(new Map(paid.map((each) => [each.key, each.minor]))).to.deep.equal(theirs);
      expect(await desk.faults()).to.deep.equal([]);
    });
  }
});
