/**
 * SQL of the ledger. Every act is a constant number of statements, whatever the number of transfers:
 * lock the accounts in order, append, and add the sums to the balances, where constraints decide.
 */

import { type Context, columns, statement } from '../../src/sdk/index.ts';
import type { Resolution, Transfer, TransferSource } from './transfer.ts';

/** An account row. */
export interface AccountRow {
  readonly account_id: bigint;
  readonly code: string;
  readonly name: string;
  readonly currency: string;
  readonly overdraft_allowed: boolean;
  readonly debits_posted: bigint;
  readonly credits_posted: bigint;
  readonly debits_reserved: bigint;
  readonly credits_reserved: bigint;
}

const ENSURE = statement(
  'ledger.ensure-account',
  `insert into ledger_account (code, name, currency, overdraft_allowed, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $5) on conflict (code) do nothing`,
);
const BY_CODE = statement('ledger.by-code', 'select * from ledger_account where code = $1');

/** Makes an account unless one of its code exists; answers it. */
export async function ensureAccountRow(
  ctx: Context,
  account: { code: string; name: string; currency: string; overdraftAllowed: boolean },
): Promise<AccountRow> {
  const { code, name, currency, overdraftAllowed } = account;
  const found = await findAccountRow(ctx, code);
  if (found) return found;
  await ctx.db.run(ENSURE, [code, name, currency, overdraftAllowed, ctx.now]);
  return ctx.db.one<AccountRow>(BY_CODE, [code]);
}

/** The account of a code. */
export function findAccountRow(ctx: Context, code: string): Promise<AccountRow | undefined> {
  return ctx.db.maybe<AccountRow>(BY_CODE, [code]);
}

/** Locks accounts in one order, so that two acts never wait for each other in a circle. */
const LOCK = statement(
  'ledger.lock',
  'select account_id from ledger_account where account_id = any($1::bigint[]) order by 1 for update',
);

async function lock(ctx: Context, accounts: readonly bigint[]): Promise<void> {
  await ctx.db.query(LOCK, [[...new Set(accounts)]]);
}

/** Transfers of an array as a source. */
export function sourceOf(transfers: readonly Transfer[]): TransferSource {
  return {
    text: `select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[],
      $6::text[]) t(transfer_id, debit_account, credit_account, amount_minor, currency, reference)`,
    values: columns(transfers, [
      'transferId',
      'debitAccount',
      'creditAccount',
      'amountMinor',
      'currency',
      'reference',
    ]),
    accounts: transfers.flatMap((each) => [each.debitAccount, each.creditAccount]),
  };
}

/**
 * Appends reserves or direct transfers; answers how many are new.
 *
 * Looking for each id that may stand already, and confirming each row after it, is a third of what a
 * million reserves cost: ids that are `fresh` are inserted without, and a second one of them is an error
 * that PostgreSQL raises.
 */
export async function append(
  ctx: Context,
  kind: 'reserve' | 'direct',
  source: TransferSource,
): Promise<{ added: bigint; given: bigint }> {
  await lock(ctx, source.accounts);
  const at = source.values.length;
  const column = kind === 'reserve' ? 'reserved' : 'posted';
  const { fresh = false } = source;
  const given = fresh ? '' : `given as materialized (${source.text}),`;
  return ctx.db.one<{ added: bigint; given: bigint }>(
    `with ${given}
     added as (
       insert into ledger_transfer (transfer_id, kind, debit_account, credit_account, amount_minor,
                                    currency, reference, at, actor_id)
       select transfer_id, '${kind}', debit_account, credit_account, amount_minor, currency,
              reference, $${at + 1}, $${at + 2}
       from ${fresh ? `(${source.text}) given` : 'given on conflict (transfer_id) do nothing'}
       returning debit_account, credit_account, amount_minor),
     totals as materialized (
       select debit_account, credit_account, sum(amount_minor) as minor, count(*) as n
       from added group by 1, 2),
     sums as (
       select account_id, sum(debit)::bigint as debit, sum(credit)::bigint as credit from (
         select debit_account as account_id, minor as debit, 0::numeric as credit from totals
         union all
         select credit_account, 0, minor from totals) s
       group by account_id),
     changed as (
       update ledger_account a
       set debits_${column} = debits_${column} + s.debit,
           credits_${column} = credits_${column} + s.credit,
           updated_at = $${at + 1}, version = version + 1
       from sums s where a.account_id = s.account_id)
     select coalesce(sum(n), 0)::bigint as added,
       ${fresh ? 'coalesce(sum(n), 0)::bigint' : '(select count(*) from given)'} as given
     from totals`,
    [...source.values, ctx.now, ctx.actor.id],
  );
}

/** Ids of given transfers that stand in the ledger with another content. */
export async function differing(
  ctx: Context,
  kind: 'reserve' | 'direct',
  source: TransferSource,
): Promise<string[]> {
  const rows = await ctx.db.query<{ transfer_id: string }>(
    `select g.transfer_id from (${source.text}) g join ledger_transfer t using (transfer_id)
     where (t.kind, t.debit_account, t.credit_account, t.amount_minor, t.currency, t.reference)
       is distinct from
       ('${kind}', g.debit_account, g.credit_account, g.amount_minor, g.currency, g.reference)
     limit 10`,
    source.values,
  );
  return rows.map((row) => row.transfer_id);
}

const ACCOUNTS_OF = statement(
  'ledger.accounts-of',
  `select distinct unnest(array[debit_account, credit_account]) as account_id
   from ledger_transfer where transfer_id = any($1::uuid[])`,
);

function resolveStatement(kind: 'post' | 'release') {
  const posted = kind === 'post' ? 's.' : '0 * s.';
  return statement(
    `ledger.${kind}`,
    `with wanted as materialized (
       select r.* from ledger_transfer r
       where r.transfer_id = any($1::uuid[]) and r.kind = 'reserve'
         and r.debit_account = any($4::bigint[]) and r.credit_account = any($4::bigint[])),
     added as (
       insert into ledger_transfer (transfer_id, kind, reserve_id, debit_account, credit_account,
                                    amount_minor, currency, reference, at, actor_id)
       select gen_random_uuid(), '${kind}', transfer_id, debit_account, credit_account, amount_minor,
              currency, reference, $2, $3
       from wanted on conflict (reserve_id) where reserve_id is not null do nothing
       returning reserve_id, debit_account, credit_account, amount_minor),
     sums as (
       select account_id, sum(debit)::bigint as debit, sum(credit)::bigint as credit from (
         select debit_account as account_id, sum(amount_minor) as debit, 0::numeric as credit
         from added group by 1
         union all
         select credit_account, 0, sum(amount_minor) from added group by 1) s
       group by account_id),
     changed as (
       update ledger_account a
       set debits_reserved = debits_reserved - s.debit,
           credits_reserved = credits_reserved - s.credit,
           debits_posted = debits_posted + ${posted}debit,
           credits_posted = credits_posted + ${posted}credit,
           updated_at = $2, version = version + 1
       from sums s where a.account_id = s.account_id)
     select reserve_id from added`,
  );
}

const RESOLVE = { post: resolveStatement('post'), release: resolveStatement('release') };

const RESOLVED_AS = statement(
  'ledger.resolved-as',
  'select reserve_id, kind from ledger_transfer where reserve_id = any($1::uuid[])',
);

/** Locks every account that resolving these reserves will touch, in one order; answers them. */
export async function lockReserves(ctx: Context, reserves: readonly string[]): Promise<bigint[]> {
  if (reserves.length === 0) return [];
  const rows = await ctx.db.query<{ account_id: bigint }>(ACCOUNTS_OF, [reserves]);
  const accounts = rows.map((row) => row.account_id);
  await lock(ctx, accounts);
  return accounts;
}

/**
 * Resolves reserves; each at most once. A reserve that was committed after its accounts were looked
 * up is not there yet: resolving it would lock accounts out of their order.
 */
export async function resolve(
  ctx: Context,
  kind: 'post' | 'release',
  reserves: readonly string[],
): Promise<Resolution> {
  if (reserves.length === 0) return { done: [], already: [], refused: [] };
  const accounts = await lockReserves(ctx, reserves);
  const rows = await ctx.db.query<{ reserve_id: string }>(RESOLVE[kind], [
    reserves,
    ctx.now,
    ctx.actor.id,
    accounts,
  ]);
  const done = rows.map((row) => row.reserve_id);
  const isDone = new Set(done);
  const rest = reserves.filter((each) => !isDone.has(each));
  if (rest.length === 0) return { done, already: [], refused: [] };
  const earlier = await ctx.db.query<{ reserve_id: string; kind: string }>(RESOLVED_AS, [rest]);
  const same = new Set(earlier.filter((row) => row.kind === kind).map((row) => row.reserve_id));
  return {
    done,
    already: rest.filter((each) => same.has(each)),
    refused: rest.filter((each) => !same.has(each)),
  };
}

/**
 * Moves what released reserves had held after all: direct transfers to the same credited account,
 * from `late`, which may be overdrawn: what has happened is booked, whatever the fund holds now. The
 * id follows from the reserve's, so that a repeat changes nothing.
 */
export async function moveReleased(
  ctx: Context,
  reserves: readonly string[],
  late: bigint,
): Promise<void> {
  const accounts = await ctx.db.query<{ account_id: bigint }>(ACCOUNTS_OF, [reserves]);
  await append(ctx, 'direct', {
    text: `select md5('late/' || transfer_id)::uuid as transfer_id, $2::bigint as debit_account, credit_account,
             amount_minor, currency, 'late/' || transfer_id as reference
           from ledger_transfer where transfer_id = any($1::uuid[]) and kind = 'reserve'`,
    values: [reserves, late],
    accounts: [late, ...accounts.map((row) => row.account_id)],
  });
}

const CURRENCIES = statement(
  'ledger.currencies',
  `select currency, array_agg(reserve_id) as ids from ledger_transfer
   where reserve_id = any($1::uuid[]) and kind = 'release' group by currency`,
);

/** Those of the reserves that were released, by currency. */
export function releasedByCurrency(
  ctx: Context,
  reserves: readonly string[],
): Promise<{ currency: string; ids: string[] }[]> {
  return ctx.db.query(CURRENCIES, [reserves]);
}

/**
 * Moves parts of what reserves have moved back to where it came from: the reserve's debited account,
 * or that of late payments. A repeat of a transfer's id changes nothing.
 */
export async function moveBack(
  ctx: Context,
  returns: readonly { transferId: string; reserveId: string; amountMinor: bigint }[],
): Promise<bigint> {
  const movedBy = (at: string) => `select t.transfer_id as reserve_id,
      coalesce(p.credit_account, d.credit_account) as debit_account,
      coalesce(p.debit_account, d.debit_account) as credit_account, t.currency
    from ledger_transfer t
    left join ledger_transfer p on p.reserve_id = t.transfer_id and p.kind = 'post'
    left join ledger_transfer d on d.transfer_id = md5('late/' || t.transfer_id)::uuid
    where t.kind = 'reserve' and t.transfer_id = any(${at}::uuid[])
      and coalesce(p.transfer_id, d.transfer_id) is not null`;
  const values = columns(returns, ['transferId', 'reserveId', 'amountMinor']);
  const reserves = [...new Set(returns.map((each) => each.reserveId))];
  const accounts = await ctx.db.query<{ account_id: bigint }>(
    `select distinct unnest(array[debit_account, credit_account]) as account_id
     from (${movedBy('$1')}) m`,
    [reserves],
  );
  const { given } = await append(ctx, 'direct', {
    text: `select r.transfer_id, m.debit_account, m.credit_account, r.amount_minor, m.currency,
             'returned/' || r.reserve_id as reference
           from unnest($1::uuid[], $2::uuid[], $3::bigint[]) r(transfer_id, reserve_id, amount_minor)
           join (${movedBy('$2')}) m using (reserve_id)`,
    values,
    accounts: accounts.map((row) => row.account_id),
  });
  return given;
}

/** What is wrong in the books; empty when they are right. */
export async function audit(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<{ fault: string }>(
    `with moves as (
       select debit_account as account_id, kind, amount_minor as debit, 0::bigint as credit
       from ledger_transfer
       union all
       select credit_account, kind, 0, amount_minor from ledger_transfer),
     journal as (
       select account_id,
         coalesce(sum(debit) filter (where kind in ('post', 'direct')), 0) as debits_posted,
         coalesce(sum(credit) filter (where kind in ('post', 'direct')), 0) as credits_posted,
         coalesce(sum(debit) filter (where kind = 'reserve'), 0)
           - coalesce(sum(debit) filter (where kind in ('post', 'release')), 0) as debits_reserved,
         coalesce(sum(credit) filter (where kind = 'reserve'), 0)
           - coalesce(sum(credit) filter (where kind in ('post', 'release')), 0) as credits_reserved
       from moves group by account_id)
     select 'account ' || a.code || ' differs from its journal' as fault
     from ledger_account a left join journal j using (account_id)
     where (a.debits_posted, a.credits_posted, a.debits_reserved, a.credits_reserved)
       is distinct from (coalesce(j.debits_posted, 0), coalesce(j.credits_posted, 0),
                         coalesce(j.debits_reserved, 0), coalesce(j.credits_reserved, 0))
     union all
     select 'currency ' || currency || ' does not sum to zero'
     from ledger_account group by currency
     having sum(credits_posted - debits_posted) <> 0 or sum(credits_reserved - debits_reserved) <> 0
     union all
     select 'transfer ' || p.transfer_id || ' differs from its reserve'
     from ledger_transfer p join ledger_transfer r on r.transfer_id = p.reserve_id
     where (p.debit_account, p.credit_account, p.amount_minor, p.currency)
       is distinct from (r.debit_account, r.credit_account, r.amount_minor, r.currency)`,
  );
  return rows.map((row) => row.fault);
}
