/**
 * The ledger against its model: random acts over random accounts, and after each of them the books
 * of the database are those of the model, every currency sums to zero, and nothing is overdrawn.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import {
  ensureAccount,
  post,
  release,
  reserve,
  transfer,
  verifyLedger,
} from '../../../modules/ledger/index.ts';
import { newUuid, Problem } from '../../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../../support/app.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { LARGEST, Model, type Totals, type Verdict, type Wish } from './model.ts';

const ACCOUNTS = [
  { currency: 'KES', overdraftAllowed: true },
  { currency: 'KES', overdraftAllowed: false },
  { currency: 'KES', overdraftAllowed: false },
  { currency: 'USD', overdraftAllowed: true },
  { currency: 'USD', overdraftAllowed: false },
] as const;
const KES = [0, 1, 2];
const USD = [3, 4];

type Act =
  | { readonly kind: 'reserve' | 'direct'; readonly wishes: readonly Wish[] }
  | { readonly kind: 'post' | 'release'; readonly ids: readonly string[]; readonly wishes?: never };

// Few ids, so that acts meet: a repeat, the same id with another content, a resolution of each.
const ids = Array.from(
  { length: 12 },
  (_, n) => `0198c0de-0000-7000-8000-${`${n}`.padStart(12, '0')}`,
);
const id = fc.constantFrom(...ids);
const pair = fc
  .constantFrom(KES, USD)
  .chain((group) => fc.shuffledSubarray(group, { minLength: 2, maxLength: 2 }));
const wish = fc.record({ id, pair, amount: fc.bigInt(1n, 60n) }).map(
  ({ id, pair: [debit, credit], amount }): Wish => ({
    id,
    debit: debit!,
    credit: credit!,
    amount,
  }),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('reserve' as const, 'direct' as const),
      wishes: fc.array(wish, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('post' as const, 'release' as const),
      ids: fc.array(id, { minLength: 1, maxLength: 5 }),
    }),
  },
);

describe('the ledger', () => {
  let database: TestDatabase;
  let app: SmallApp;
  let world = 0;
  before(async () => {
    database = await freshDatabase();
    app = smallApp(database);
  });
  after(() => database.drop());

  /** Fresh accounts and ids: what earlier runs have left does not matter. */
  async function openWorld() {
    world += 1;
    const salt = world.toString(16).padStart(8, '0');
    const own = (given: string) => `${salt}${given.slice(8)}`;
    const accounts = await app.work(async (ctx) => {
      const rows: bigint[] = [];
      for (const [n, each] of ACCOUNTS.entries()) {
        const code = `test:${world}:${n}`;
        rows.push((await ensureAccount(ctx, { code, name: code, ...each })).account_id);
      }
      return rows;
    });
    const rowsOf = (wishes: readonly Wish[]) =>
      wishes.map((each) => ({
        transferId: own(each.id),
        debitAccount: accounts[each.debit]!,
        creditAccount: accounts[each.credit]!,
        amountMinor: each.amount,
        currency: ACCOUNTS[each.debit]!.currency,
        reference: 'test',
      }));
    return {
      append: (kind: 'reserve' | 'direct', wishes: readonly Wish[]): Promise<Verdict> =>
        app
          .work((ctx) => (kind === 'reserve' ? reserve : transfer)(ctx, rowsOf(wishes)))
          .catch((error: unknown) => {
            if (!(error instanceof Problem)) throw error;
            return { refused: error.issues[0]!.code! };
          }),
      async resolve(kind: 'post' | 'release', which: readonly string[]) {
        const answer = await app.work((ctx) =>
          (kind === 'post' ? post : release)(ctx, which.map(own)),
        );
        const shown = (list: readonly string[]) =>
          [...new Set(list.map((each) => `${ids[0]!.slice(0, 8)}${each.slice(8)}`))].sort();
        return {
          done: shown(answer.done),
          already: shown(answer.already),
          refused: shown(answer.refused),
        };
      },
      async totals(): Promise<Totals[]> {
        const { rows } = await database.pool.query<Totals>(
          `select currency, overdraft_allowed as "overdraftAllowed",
                  debits_posted as "debitsPosted", credits_posted as "creditsPosted",
                  debits_reserved as "debitsReserved", credits_reserved as "creditsReserved"
           from ledger_account where account_id = any($1) order by account_id`,
          [accounts],
        );
        return rows;
      },
    };
  }
  type World = Awaited<ReturnType<typeof openWorld>>;

  async function expectSound(): Promise<void> {
    const { rows } = await database.pool.query(
      `select currency, sum(minor) as minor from (
         select currency, -amount_minor as minor, debit_account from ledger_transfer
         where kind in ('post', 'direct')
         union all
         select a.currency, t.amount_minor, t.credit_account from ledger_transfer t
         join ledger_account a on a.account_id = t.credit_account
         where kind in ('post', 'direct')) postings
       group by currency having sum(minor) <> 0`,
    );
    expect(rows).to.deep.equal([]);
    expect(await app.work(verifyLedger)).to.deep.equal([]);
  }

  async function play(world: World, model: Model, each: Act): Promise<void> {
    if (each.wishes) {
      const expected = model.append(each.kind, each.wishes);
      expect(await world.append(each.kind, each.wishes)).to.deep.equal(expected);
      return;
    }
    const { done, already, refused } = model.resolve(each.kind, each.ids);
    expect(await world.resolve(each.kind, each.ids)).to.deep.equal({
      done: done.sort(),
      already: already.sort(),
      refused: refused.sort(),
    });
  }

  it('keeps the books of its model under any acts, each whole or not at all', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 20 }), async (acts) => {
        const world = await openWorld();
        const model = new Model(ACCOUNTS);
        for (const each of acts) {
          await play(world, model, each);
          expect(await world.totals()).to.deep.equal(model.accounts);
          await expectSound();
        }
      }),
      { numRuns: 20 },
    );
  });

  it('changes nothing when every act is repeated', async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 12 }), async (acts) => {
        const world = await openWorld();
        const model = new Model(ACCOUNTS);
        for (const each of acts) {
          await play(world, model, each);
          const before = await world.totals();
          const again = structuredClone(each);
          if (again.wishes) {
            const answer = await world.append(again.kind, again.wishes);
            if ('added' in answer) expect(answer.added).to.equal(0);
          } else expect((await world.resolve(again.kind, again.ids)).done).to.deep.equal([]);
          expect(await world.totals()).to.deep.equal(before);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('resolves each reserve at most once, by one transfer of the same amount', async () => {
    const { rows } = await database.pool.query(
      `select r.transfer_id from ledger_transfer r
       join ledger_transfer p on p.reserve_id = r.transfer_id
       where r.kind = 'reserve' group by r.transfer_id, r.amount_minor
       having count(*) > 1 or sum(p.amount_minor) <> r.amount_minor`,
    );
    expect(rows).to.deep.equal([]);
    const { rows: made } = await database.pool.query(
      'select count(*) as n from ledger_transfer where reserve_id is not null',
    );
    expect(Number(made[0].n)).to.be.greaterThan(0);
  });

  describe('at the end of the numbers', () => {
    const top = { id: ids[0]!, debit: 0, credit: 1, amount: LARGEST };
    it('holds the largest amount exactly, reserved and posted', async () => {
      const world = await openWorld();
      const model = new Model(ACCOUNTS);
      await play(world, model, { kind: 'reserve', wishes: [top] });
      await play(world, model, { kind: 'post', ids: [top.id] });
      expect((await world.totals())[1]!.creditsPosted).to.equal(9223372036854775807n);
      await expectSound();
    });

    it('refuses one more, or a sum beyond it, and changes nothing', async () => {
      for (const kind of ['reserve', 'direct'] as const) {
        const world = await openWorld();
        await world.append(kind, [top]);
        const before = await world.totals();
        const more = { id: ids[1]!, debit: 0, credit: 2, amount: 1n };
        const sum = [
          { ...more, amount: LARGEST },
          { ...more, id: ids[2]!, amount: LARGEST },
        ];
        for (const wishes of [[more], sum, [{ ...more, amount: LARGEST + 1n }]]) {
          expect(await world.append(kind, wishes)).to.deep.equal({ refused: 'amount-too-large' });
        }
        expect(await world.totals()).to.deep.equal(before);
      }
      await expectSound();
    });
  });

  describe('by the database itself, also for its owner', () => {
    const refusal = (sql: string, values: unknown[] = []): Promise<string> =>
      database.pool.query(sql, values).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );

    it('is append only', async () => {
      await (await openWorld()).append('direct', [
        { id: ids[3]!, debit: 0, credit: 1, amount: 5n },
      ]);
      const all = 'select * from ledger_transfer order by transfer_id';
      const before = (await database.pool.query(all)).rows;
      expect(before.length).to.be.greaterThan(0);
      for (const sql of [
        'update ledger_transfer set amount_minor = amount_minor + 1',
        "update ledger_transfer set reference = 'other' where amount_minor = 5",
        'delete from ledger_transfer',
        'truncate ledger_transfer',
      ]) {
        expect(await refusal(sql), sql).to.equal('23001');
      }
      expect((await database.pool.query(all)).rows).to.deep.equal(before);
    });

    it('mixes no currencies, moves nothing to itself, and moves no nothing', async () => {
      const insert = `insert into ledger_transfer (transfer_id, kind, debit_account, credit_account,
          amount_minor, currency, reference, at, actor_id)
        select gen_random_uuid(), 'direct', d.account_id, c.account_id, $3, d.currency, 'test',
          now(), 'test' from ledger_account d, ledger_account c where d.code = $1 and c.code = $2`;
      const code = (n: number) => `test:${world}:${n}`;
      expect(await refusal(insert, [code(0), code(3), 5])).to.equal('23503');
      expect(await refusal(insert, [code(0), code(0), 5])).to.equal('23514');
      expect(await refusal(insert, [code(0), code(1), 0])).to.equal('23514');
      expect(await refusal(insert, [code(0), code(1), -5])).to.equal('23514');
      await refusal("update ledger_account set currency = 'EUR' where code = $1", [code(0)]).then(
        (code) => expect(code).to.equal('23503'),
      );
    });

    it('finds a balance that somebody has changed by hand', async () => {
      const change = (by: number) =>
        database.pool.query(
          'update ledger_account set credits_posted = credits_posted + $2 where code = $1',
          [`test:${world}:1`, by],
        );
      await change(1);
      const faults = await app.work(verifyLedger);
      expect(faults).to.deep.equal([
        `account test:${world}:1 differs from its journal`,
        'currency KES does not sum to zero',
      ]);
      await change(-1);
      await expectSound();
    });

    it('keeps an account in its currency', async () => {
      const code = `test:${newUuid(app.clock.now())}`;
      const open = (currency: string) =>
        app.work((ctx) => ensureAccount(ctx, { code, name: code, currency }));
      const first = await open('KES');
      expect(await open('KES')).to.deep.equal(first);
      const refused = await open('USD').catch((error: unknown) => error);
      expect((refused as Problem).issues[0]!.code).to.equal('currency-differs');
    });
  });
});
