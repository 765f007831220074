/**
 * Late and contradictory answers: no order of events pays anybody twice, and no fact is refused.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  applyOutcomes,
  createInstructions,
  type Outcome,
  retryInstructions,
} from '../../../modules/disbursement/index.ts';
import { ensureAccount, transfer, verifyLedger } from '../../../modules/ledger/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Context } from '../../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import { provider } from '../support/people.ts';

const SOURCE = '0198c0de-0000-7000-8000-000000000001';
const OTHER = '0198c0de-0000-7000-8000-000000000002';
const AMOUNT = 1000n;

describe('an answer that comes late', () => {
  let house: TestHouse;
  let bank: bigint;

  beforeEach(async () => {
    house = await startTestHouse();
    await house.fetch('Organization/bank', { method: 'PUT', body: provider('bank') });
    bank = await inside(
      async (ctx) => (await ctx.fhir.rids('Organization', ['bank'])).get('bank')!,
    );
    await inside(async (ctx) => {
      const source = await account(ctx, 'source', true);
      const fund = await account(ctx, 'fund:test', false);
      await transfer(ctx, [
        {
          transferId: ctx.newId(),
          debitAccount: source,
          creditAccount: fund,
          amountMinor: 2n * AMOUNT,
          currency: 'KES',
          reference: 'test',
        },
      ]);
    });
  });
  afterEach(() => house.stop());

  const inside = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const account = async (ctx: Context, code: string, overdraftAllowed: boolean) =>
    (await ensureAccount(ctx, { code, name: code, currency: 'KES', overdraftAllowed })).account_id;
  const orders = (...sources: string[]) => ({
    purpose: 'test',
    fund: 'fund:test',
    currency: 'KES',
    select: {
      text: `select 64::bigint as payee_id, s::uuid as source_id, null::bigint as recipient_id,
               $2::bigint as provider_id, 'mobile' as account_kind, '+254700000001' as account_number,
               null::bigint as pay_point_id, ${AMOUNT}::bigint as amount_minor, 'KES' as currency,
               date '2026-01-01' as value_on from unnest($1::text[]) s`,
      values: [sources, bank],
    },
  });
  const markSent = () =>
    house.database.pool.query(
      "update instruction set state = 'sent', sent_at = now() where state = 'approved'",
    );
  const attempts = async () =>
    (
      await house.database.pool.query<{ key: string; state: string; source_id: string }>(
        `select disbursement_transaction_number(key) as key, state, source_id from instruction
         order by source_id, attempt`,
      )
    ).rows;
  const say = (...outcomes: Outcome[]) =>
    inside((ctx) => applyOutcomes(ctx, bank, outcomes, 'callback'));
  const retry = () => inside((ctx) => retryInstructions(ctx, orders(SOURCE)));
  const order = (...sources: string[]) =>
    inside((ctx) => createInstructions(ctx, orders(...sources)));
  const failFirst = async (): Promise<string> => {
    await order(SOURCE);
    await markSent();
    const [first] = await attempts();
    await say({ key: first!.key, result: 'not-paid', reason: 'refused' });
    return first!.key;
  };

  it('stops a replacement that has not left, also when the fund is exactly sized', async () => {
    const key = await failFirst();
    expect(await retry()).to.equal(1);
    await order(OTHER);
    await say({ key, result: 'paid' });
    expect((await attempts()).slice(0, 2).map((each) => each.state)).to.deep.equal([
      'paid',
      'cancelled',
    ]);
    expect(await inside(verifyLedger)).to.deep.equal([]);
  });

  it('is booked although the released money has gone elsewhere, and holds nobody else up', async () => {
    const key = await failFirst();
    await order(OTHER);
    await markSent();
    const other = (await attempts()).find((each) => each.source_id === OTHER)!;
    await order('0198c0de-0000-7000-8000-000000000003');
    await say({ key, result: 'paid' }, { key: other.key, result: 'paid' });
    const states = await attempts();
    expect(states.filter((each) => each.state === 'paid')).to.have.length(2);
    expect(await inside(verifyLedger)).to.deep.equal([]);
  });

  it('leaves nothing to retry, whatever became of the replacement', async () => {
    const key = await failFirst();
    await retry();
    await say({ key, result: 'paid' });
    expect(await retry()).to.equal(0);
  });

  it('is seen by a retry that began before it was committed', async () => {
    const key = await failFirst();
    const { promise: said, resolve: tell } = Promise.withResolvers<void>();
    const late = inside(async (ctx) => {
      await applyOutcomes(ctx, bank, [{ key, result: 'paid' }], 'callback');
      tell();
      await new Promise((done) => setTimeout(done, 300));
    });
    await said;
    const retried = retry();
    await late;
    expect(await retried).to.equal(0);
    expect((await attempts()).map((each) => each.state)).to.deep.equal(['paid']);
  });

  it('blocks a retry while it contradicts our books', async () => {
    const key = await failFirst();
    await say({ key, result: 'paid', amountMinor: AMOUNT + 1n, currency: 'KES' });
    expect(await retry()).to.equal(0);
  });

  it('keeps an instruction from being sent that the provider says it has paid', async () => {
    await order(SOURCE);
    const [first] = await attempts();
    await say({ key: first!.key, result: 'paid' });
    await house.settle();
    const [still] = await attempts();
    expect(still!.state).to.equal('approved');
    const { rows } = await house.database.pool.query('select * from simulator_order');
    expect(rows).to.have.length(0);
  });

  it('can be a repeat: the same order again is refused, the same answer changes nothing', async () => {
    await order(SOURCE);
    const refused = await order(SOURCE).catch((error: Error) => error.message);
    expect(refused).to.include('ordered already');
    await markSent();
    const [first] = await attempts();
    await say({ key: first!.key, result: 'paid' }, { key: first!.key, result: 'paid' });
    expect(await say({ key: first!.key, result: 'paid' })).to.deep.equal({
      changed: 0,
      exceptions: 0,
    });
  });

  it('meets others without a deadlock', async () => {
    const sources = Array.from(
      { length: 20 },
      (_, n) => `0198c0de-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`,
    );
    await inside(async (ctx) => {
      const source = await account(ctx, 'source', true);
      const fund = await account(ctx, 'fund:test', false);
      await transfer(ctx, [
        {
          transferId: ctx.newId(),
          debitAccount: source,
          creditAccount: fund,
          amountMinor: 100n * AMOUNT,
          currency: 'KES',
          reference: 'more',
        },
      ]);
    });
    await order(...sources);
    await markSent();
    const rows = await attempts();
    await Promise.all(
      rows.map((row, n) =>
        n % 2 === 0
          ? say(
              { key: row.key, result: 'paid' },
              { key: rows[(n + 1) % 20]!.key, result: 'unknown' },
            )
          : say({ key: row.key, result: 'not-paid', reason: 'refused' }),
      ),
    );
    expect(await inside(verifyLedger)).to.deep.equal([]);
  });
});
