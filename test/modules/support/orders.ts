/**
 * Orders to pay without a payroll, for tests of disbursement, reconciliation and adapters: a
 * provider, money in a fund, and instructions of which only their payment matters.
 */

import type { ParametersParameter } from '@medplum/fhirtypes';
import { enquireHandler } from '../../../modules/disbursement/enquire.ts';
import {
  applyOutcomes,
  createInstructions,
  enquireDue,
  type Outcome,
  retryInstructions,
} from '../../../modules/disbursement/index.ts';
import { ensureAccount, transfer, verifyLedger } from '../../../modules/ledger/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Context } from '../../../src/sdk/index.ts';
import type { Answer, TestHouse } from '../../support/server.ts';
import { extension, provider } from './people.ts';

/** Fund that pays the orders of tests. */
export const FUND = 'fund:test';

/** An instruction as tests look at it. */
export interface Ordered {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly reason: string | null;
  readonly amount_minor: bigint;
  readonly account: string;
  readonly reference: string | null;
  readonly source_id: string;
  readonly attempt: number;
}

/** A place where orders are made and watched. */
export interface Desk {
  readonly house: TestHouse;
  readonly providerId: bigint;
  inside<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result>;
  /** Orders amounts in minor units, to accounts +254700000001 and so on. */
  order(amounts: readonly bigint[]): Promise<readonly Ordered[]>;
  /** Makes orders and lets them be sent. */
  send(amounts: readonly bigint[]): Promise<readonly Ordered[]>;
  /** Instructions by key, as they stand. */
  look(...keys: string[]): Promise<Ordered[]>;
  /** Orders again, as the next attempt; answers how many. */
  retry(...ids: string[]): Promise<number>;
  /** Applies what the provider is held to have said. */
  apply(...outcomes: Outcome[]): Promise<{ changed: number; exceptions: number }>;
  /** Kinds of open exceptions of the provider about a key. */
  exceptions(key: string): Promise<string[]>;
  /** Lets time pass and asks the provider about what is due. */
  enquire(seconds?: number): Promise<void>;
  /** The same from within a running job: the enquiries of one pass, without the queue. */
  enquireNow(seconds: number): Promise<void>;
  /** States of what is not resolved. */
  unresolved(): Promise<string[]>;
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Calls an operation of the provider. */
  call(operation: string, parameter: ParametersParameter[], token?: string): Promise<Answer>;
  /** Faults of the ledger, and the balance of an account. */
  faults(): Promise<string[]>;
  balance(code: string): Promise<bigint>;
}

/** Opens a desk for a provider of a channel. */
export async function openDesk(
  house: TestHouse,
  channel: string,
  name = 'payer',
  accountKind: 'mobile' | 'bank' = 'mobile',
): Promise<Desk> {
  const body = provider(name, {
    extension: [extension('payment-channel', { valueCode: channel })],
  });
  const put = await house.fetch(`Organization/${name}`, { method: 'PUT', body });
  if (put.status !== 201) throw new Error(put.text);
  const inside: Desk['inside'] = (work) => runUnitOfWork(house.app, SYSTEM, {}, work);
  const providerId = await inside(
    async (ctx) => (await ctx.fhir.rids('Organization', [name])).get(name)!,
  );
  await inside(fund);
  const rows: Desk['rows'] = async <Row extends object>(
    text: string,
    values: readonly unknown[] = [],
  ) => (await house.database.pool.query<Row>(text, [...values])).rows;
  const look = (...keys: string[]) =>
    rows<Ordered>(
      `${LOOK} where disbursement_transaction_number(key) = any($1)
    order by key`,
      [keys],
    );
  let payee = 0;
  const order: Desk['order'] = async (amounts) => {
    const select = orderSelect(providerId, accountKind, payee, amounts);
    payee += amounts.length;
    await inside((ctx) =>
      createInstructions(ctx, { purpose: 'test', fund: FUND, currency: 'KES', select }),
    );
    return rows<Ordered>(
      `select * from (${LOOK} where provider_id = $1 order by key desc limit $2) t order by key`,
      [providerId, amounts.length],
    );
  };
  return {
    house,
    providerId,
    inside,
    order,
    look,
    rows,
    async send(amounts) {
      const made = await order(amounts);
      await house.settle();
      return look(...made.map((each) => each.key));
    },
    retry: (...ids) =>
      inside((ctx) =>
        retryInstructions(ctx, {
          purpose: 'test',
          fund: FUND,
          currency: 'KES',
          select: { text: AGAIN, values: [ids] },
        }),
      ),
    apply: (...outcomes) => inside((ctx) => applyOutcomes(ctx, providerId, outcomes, 'callback')),
    async exceptions(key) {
      const found = await rows<{ kind: string }>(
        `select kind from disbursement_exception
         where provider_id = $1 and provider_key = $2 and closed_at is null order by kind`,
        [providerId, key],
      );
      return found.map((each) => each.kind);
    },
    async enquire(seconds = 90) {
      await house.advance(seconds);
      await inside(async (ctx) => ctx.enqueue(enquireDue, {}));
      await house.settle();
    },
    async enquireNow(seconds) {
      house.clock.advance(seconds);
      await enquireHandler.runOwn!({ run: inside }, {});
    },
    async unresolved() {
      const found = await rows<{ state: string }>(
        `select state from instruction where provider_id = $1 and state in ('sent', 'unknown')
         order by key desc limit 1`,
        [providerId],
      );
      return found.map((each) => each.state);
    },
    call: (operation, parameter, token) =>
      house.fetch(`Organization/${name}/$${operation}`, {
        body: { resourceType: 'Parameters', parameter },
        ...(token && { token }),
      }),
    faults: () => inside(verifyLedger),
    async balance(code) {
      const [row] = await rows<{ n: bigint }>(
        'select credits_posted - debits_posted as n from ledger_account where code = $1',
        [code],
      );
      return row?.n ?? 0n;
    },
  };
}

const AGAIN = `select payee_id, source_id, recipient_id, provider_id, account_kind, account_number,
  pay_point_id, amount_minor, currency, value_on from instruction
  where instruction_id = any($1::uuid[])`;

const LOOK = `select instruction_id as id, disbursement_transaction_number(key) as key, state, reason, amount_minor,
  account_number as account, provider_reference as reference, source_id, attempt, i.key as seq
  from instruction i`;

async function fund(ctx: Context): Promise<void> {
  const source = await ensureAccount(ctx, {
    code: 'source-of-funds:kes',
    name: 'Source',
    currency: 'KES',
    overdraftAllowed: true,
  });
  const target = await ensureAccount(ctx, { code: FUND, name: 'Test', currency: 'KES' });
  await transfer(ctx, [
    {
      transferId: ctx.newId(),
      debitAccount: source.account_id,
      creditAccount: target.account_id,
      amountMinor: 1_000_000_000n,
      currency: 'KES',
      reference: 'test',
    },
  ]);
}

function orderSelect(
  providerId: bigint,
  kind: 'mobile' | 'bank',
  first: number,
  amounts: readonly bigint[],
) {
  const prefix = kind === 'mobile' ? '+25470000' : '0110';
  return {
    text: `select $1::bigint * 1000000 + $2 + n as payee_id,
        md5(($1::bigint * 1000000 + $2 + n)::text)::uuid as source_id,
        null::bigint as recipient_id, $1::bigint as provider_id, $4::text as account_kind,
        $5 || lpad(($2 + n)::text, 4, '0') as account_number, null::bigint as pay_point_id,
        amount as amount_minor, 'KES'::text as currency, '2026-01-01'::date as value_on
      from unnest($3::bigint[]) with ordinality as t(amount, n)`,
    values: [providerId, first, amounts, kind, prefix],
  };
}
