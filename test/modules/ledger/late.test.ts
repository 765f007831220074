/**
 * Money that has moved after its reserve was released: the fact is booked once, from an account of
 * its own, and never for a reserve that still stands.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import {
  ensureAccount,
  findAccount,
  post,
  release,
  reserve,
  transfer,
  transferReleased,
  verifyLedger,
} from '../../../modules/ledger/index.ts';
import { type SmallApp, smallApp } from '../../support/app.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

const ids = [1, 2, 3, 4].map((n) => `0198c0de-0000-7000-8000-00000000000${n}`);
const [kes, usd, open, posted] = ids as [string, string, string, string];

describe('a payment that is confirmed after its reserve was released', () => {
  let database: TestDatabase;
  let app: SmallApp;
  before(async () => {
    database = await freshDatabase();
    app = smallApp(database);
    for (const currency of ['KES', 'USD']) await fund(currency);
    await app.work((ctx) => release(ctx, [kes, usd]));
    await app.work((ctx) => post(ctx, [posted]));
  });
  after(() => database.drop());

  /** A fund of 1000 that is reserved wholly, by one reserve of USD, or three of KES. */
  async function fund(currency: string): Promise<void> {
    await app.work(async (ctx) => {
      const make = async (name: string, overdraftAllowed = false) => {
        const code = `${name}:${currency.toLowerCase()}`;
        return (await ensureAccount(ctx, { code, name, currency, overdraftAllowed })).account_id;
      };
      const [source, fund, out] = [
        await make('source', true),
        await make('fund'),
        await make('out'),
      ];
      const common = { currency, reference: 'test' };
      const funded = { debitAccount: source, creditAccount: fund, amountMinor: 1000n };
      await transfer(ctx, [{ ...common, ...funded, transferId: ctx.newId() }]);
      const parts: [string, bigint][] =
        currency === 'USD'
          ? [[usd, 1000n]]
          : [
              [kes, 500n],
              [open, 300n],
              [posted, 200n],
            ];
      await reserve(
        ctx,
        parts.map(([transferId, amountMinor]) => ({
          ...common,
          transferId,
          amountMinor,
          debitAccount: fund,
          creditAccount: out,
        })),
      );
    });
  }

  const balance = async (code: string): Promise<bigint | undefined> => {
    const row = await app.work((ctx) => findAccount(ctx, code));
    return row && row.credits_posted - row.debits_posted;
  };
  const balances = () =>
    Promise.all(
      ['fund:kes', 'out:kes', 'late-payments:kes', 'fund:usd', 'out:usd', 'late-payments:usd'].map(
        balance,
      ),
    );

  it('is refused for a reserve that stands, was posted, or never was', async () => {
    const before = await balances();
    for (const wrong of [open, posted, '0198c0de-0000-7000-8000-00000000000f']) {
      const failed = await app
        .work((ctx) => transferReleased(ctx, [kes, wrong]))
        .catch((error: unknown) => String(error));
      expect(failed).to.equal('Error: a reserve that was not released');
    }
    expect(await balances()).to.deep.equal(before);
  });

  it('is booked once in each currency, whatever the fund holds now', async () => {
    const expected = [800n, 700n, -500n, 1000n, 1000n, -1000n];
    await app.work((ctx) => transferReleased(ctx, [kes, usd]));
    expect(await balances()).to.deep.equal(expected);
    await Promise.all([1, 2, 3].map(() => app.work((ctx) => transferReleased(ctx, [usd, kes]))));
    expect(await balances()).to.deep.equal(expected);
    expect(await app.work(verifyLedger)).to.deep.equal([]);
  });
});
