/**
 * Many units of work at once over the same accounts, on connections of their own: money is spent
 * once, a repeated key counts once, a reserve ends one way, and nobody waits in a circle.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import {
  ensureAccount,
  findAccount,
  post,
  release,
  reserve,
  type Transfer,
  transfer,
  verifyLedger,
} from '../../../modules/ledger/index.ts';
import { type Context, Problem } from '../../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../../support/app.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

const FUNDED = 1000n;

describe('the ledger under many hands', () => {
  let database: TestDatabase;
  let app: SmallApp;
  let world = 0;
  before(async () => {
    database = await freshDatabase();
    app = smallApp(database);
  });
  after(() => database.drop());

  /** A source that may be overdrawn, and funds that may not, each of them with 1000. */
  async function open() {
    world += 1;
    const code = (name: string) => `${name}:${world}`;
    const accounts = await app.work(async (ctx) => {
      const make = async (name: string, overdraftAllowed = false) =>
        (await ensureAccount(ctx, { code: code(name), name, currency: 'KES', overdraftAllowed }))
          .account_id;
      return {
        source: await make('source', true),
        fund: await make('fund'),
        other: await make('other'),
        out: await make('out'),
      };
    });
    const order = (
      debit: keyof typeof accounts,
      credit: keyof typeof accounts,
      amountMinor: bigint,
      transferId: string,
    ): Transfer => ({
      transferId,
      debitAccount: accounts[debit],
      creditAccount: accounts[credit],
      amountMinor,
      currency: 'KES',
      reference: 'test',
    });
    await app.work((ctx) =>
      transfer(ctx, [
        order('source', 'fund', FUNDED, ctx.newId()),
        order('source', 'other', FUNDED, ctx.newId()),
      ]),
    );
    const look = async (name: string) => {
      const row = (await app.work((ctx) => findAccount(ctx, code(name))))!;
      return {
        posted: row.credits_posted - row.debits_posted,
        available: row.credits_posted - row.debits_posted - row.debits_reserved,
      };
    };
    return { order, look };
  }

  /** Runs a unit of work; false where the funds did not suffice, and no other failure. */
  const enough = (work: (ctx: Context) => Promise<unknown>): Promise<boolean> =>
    app.work(work).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Problem && error.issues[0]!.code === 'insufficient-funds')
          return false;
        throw error;
      },
    );
  const newIds = (count: number): Promise<string[]> =>
    app.work(async (ctx) => Array.from({ length: count }, () => ctx.newId()));

  it('spends a fund exactly as far as it goes', async () => {
    const { order, look } = await open();
    const ids = await newIds(60);
    const came = await Promise.all(
      ids.map((id) => enough((ctx) => reserve(ctx, [order('fund', 'out', 70n, id)]))),
    );
    expect(came.filter(Boolean)).to.have.length(14);
    expect(await look('fund')).to.deep.equal({ posted: FUNDED, available: 20n });
    expect(await app.work(verifyLedger)).to.deep.equal([]);
  });

  it('counts a key once, however many send it at the same time', async () => {
    const { order, look } = await open();
    const [id] = await newIds(1);
    const answers = await Promise.all(
      Array.from({ length: 16 }, () =>
        app.work((ctx) => reserve(ctx, [order('fund', 'out', 70n, id!)])),
      ),
    );
    expect(answers.reduce((sum, each) => sum + each.added, 0)).to.equal(1);
    expect((await look('fund')).available).to.equal(930n);
  });

  it('ends a reserve one way when some post and others release it', async () => {
    const { order, look } = await open();
    const ids = await newIds(10);
    await app.work((ctx) =>
      reserve(
        ctx,
        ids.map((id) => order('fund', 'out', 100n, id)),
      ),
    );
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        app.work(async (ctx) => {
          const kind = n % 2 === 0 ? 'post' : 'release';
          // Each in an order of its own: the ledger locks in one.
          const mine = [...ids.slice(n % 10), ...ids.slice(0, n % 10)];
          return { kind, ...(await (kind === 'post' ? post : release)(ctx, mine)) };
        }),
      ),
    );
    const done = answers.flatMap((each) => each.done.map((id) => ({ id, kind: each.kind })));
    expect(done.map((each) => each.id).sort()).to.deep.equal([...ids].sort());
    for (const { kind, already, refused } of answers) {
      const same = done.filter((each) => each.kind === kind).map((each) => each.id);
      expect(already.every((id) => same.includes(id))).to.equal(true);
      expect(refused.some((id) => same.includes(id))).to.equal(false);
    }
    const gone = BigInt(done.filter((each) => each.kind === 'post').length) * 100n;
    expect(await look('fund')).to.deep.equal({ posted: FUNDED - gone, available: FUNDED - gone });
    expect((await look('out')).posted).to.equal(gone);
  });

  it('keeps every promise whatever runs beside it', async function () {
    this.timeout(120_000);
    const side = fc.constantFrom('fund' as const, 'other' as const);
    const deed = fc.record({
      from: side,
      kind: fc.constantFrom(
        'reserve' as const,
        'direct' as const,
        'post' as const,
        'release' as const,
      ),
      amount: fc.bigInt(1n, 400n),
      key: fc.nat(9),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 10, maxLength: 40 }), async (deeds) => {
        const { order, look } = await open();
        const ids = await newIds(10);
        const held = new Map(deeds.map((each) => [each.key, each]));
        const orderOf = (key: number) => {
          const { from, amount } = held.get(key)!;
          return order(from, from === 'fund' ? 'other' : 'fund', amount, ids[key]!);
        };
        const posted = new Set<string>();
        const released = new Set<string>();
        await Promise.all(
          deeds.map(async ({ kind, from, amount, key }) => {
            if (kind === 'reserve') {
              await enough((ctx) => reserve(ctx, [orderOf(key)]));
            } else if (kind === 'direct') {
              // There and back at once: nothing is left over, and both accounts are locked.
              const back = from === 'fund' ? 'other' : 'fund';
              await enough((ctx) =>
                transfer(ctx, [
                  order(from, back, amount, ctx.newId()),
                  order(back, from, amount, ctx.newId()),
                ]),
              );
            } else {
              const resolve = kind === 'post' ? post : release;
              const { done } = await app.work((ctx) => resolve(ctx, [ids[key]!]));
              for (const id of done) (kind === 'post' ? posted : released).add(id);
            }
          }),
        );
        expect([...posted].filter((id) => released.has(id))).to.deep.equal([]);
        const net = [...held.keys()]
          .filter((key) => posted.has(ids[key]!))
          .reduce((sum, key) => {
            const { from, amount } = held.get(key)!;
            return from === 'fund' ? sum - amount : sum + amount;
          }, 0n);
        const fund = await look('fund');
        const other = await look('other');
        expect(fund.posted).to.equal(FUNDED + net);
        expect(other.posted).to.equal(FUNDED - net);
        expect(fund.available >= 0n && other.available >= 0n).to.equal(true);
        expect(await app.work(verifyLedger)).to.deep.equal([]);
      }),
      { numRuns: 12 },
    );
  });

  it('makes an account once when many ask for it first', async () => {
    const rows = await Promise.all(
      Array.from({ length: 12 }, () =>
        app.work((ctx) =>
          ensureAccount(ctx, { code: 'asked:by-many', name: 'Many', currency: 'KES' }),
        ),
      ),
    );
    expect(new Set(rows.map((row) => row.account_id)).size).to.equal(1);
  });
});
