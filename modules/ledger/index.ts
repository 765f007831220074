/**
 * Ledger: double entry in two steps (reserve, then post or release), append only, exact minor units.
 *
 * The face: accounts, transfers, and a verification of the books. Whoever moves money calls it
 * inside the unit of work in which the rest of the act happens.
 */

import type { Account } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  fromFhirMoney,
  identifierSystem,
  type Module,
  type Money,
  type Operation,
  operationDefinition,
  type Problem,
  type ProjectedBinding,
  permission,
  problem,
  structureDefinition,
} from '../../src/sdk/index.ts';
import {
  type AccountRow,
  append,
  audit,
  differing,
  ensureAccountRow,
  findAccountRow,
  lockReserves,
  moveBack,
  moveReleased,
  releasedByCurrency,
  resolve,
  sourceOf,
} from './store.ts';
import type { Resolution, Transfer, TransferSource } from './transfer.ts';

export type { AccountRow } from './store.ts';
export type { Resolution, Transfer, TransferSource } from './transfer.ts';

/** Keeps accounts and records what comes in from funders. */
export const KEEP = permission('ledger.keep', 'records funding and reads accounts');

/** Where money comes from; may be overdrawn, because it is outside our books. */
export const SOURCE_OF_FUNDS = 'source-of-funds';

/** Makes an account unless it exists; a currency other than that of the account is refused. */
export async function ensureAccount(
  ctx: Context,
  account: { code: string; name: string; currency: string; overdraftAllowed?: boolean },
): Promise<AccountRow> {
  const row = await ensureAccountRow(ctx, { overdraftAllowed: false, ...account });
  if (row.currency !== account.currency) {
    throw problem(
      'conflict',
      'currency-differs',
      `Account ${row.code} is in ${row.currency}, not in ${account.currency}.`,
      'amount',
    );
  }
  return row;
}

/** The account of a code; undefined when there is none. */
export function findAccount(ctx: Context, code: string): Promise<AccountRow | undefined> {
  return findAccountRow(ctx, code);
}

/**
 * Reserves amounts: they stay on the debited account but are no longer available.
 *
 * @throws Problem insufficient-funds, amount-too-large, transfer-differs (same id, other input)
 */
export async function reserve(
  ctx: Context,
  transfers: readonly Transfer[] | TransferSource,
): Promise<{ added: number }> {
  return add(ctx, 'reserve', transfers);
}

/** Moves amounts at once, without a reserve; corrections and funding. Raises as `reserve`. */
export async function transfer(
  ctx: Context,
  transfers: readonly Transfer[] | TransferSource,
): Promise<{ added: number }> {
  return add(ctx, 'direct', transfers);
}

/** Posts reserves: the money has moved. Each reserve is resolved at most once. */
export function post(ctx: Context, reserves: readonly string[]): Promise<Resolution> {
  return resolve(ctx, 'post', reserves);
}

/** Releases reserves: the money has not moved and is available again. */
export function release(ctx: Context, reserves: readonly string[]): Promise<Resolution> {
  return resolve(ctx, 'release', reserves);
}

/**
 * Takes the locks that posting or releasing these reserves will take, all at once and in one order.
 * Whoever resolves some by a post and others by a release in one unit of work calls this first.
 */
export async function lockForResolution(ctx: Context, reserves: readonly string[]): Promise<void> {
  await lockReserves(ctx, reserves);
}

/**
 * Books what reserves that were released had held: the money has moved after all. It is debited to
 * `late-payments:<currency>`, which may be overdrawn, so that a fact is never refused because the
 * fund has been used otherwise; finance moves it to the fund by a transfer. A repeat changes nothing.
 *
 * @throws Error where a reserve was not released: its money would be booked twice, or not at all
 */
export async function transferReleased(ctx: Context, reserves: readonly string[]): Promise<void> {
  if (reserves.length === 0) return;
  const released = await releasedByCurrency(ctx, reserves);
  const count = released.reduce((sum, { ids }) => sum + ids.length, 0);
  if (count !== new Set(reserves).size) throw new Error('a reserve that was not released');
  for (const { currency, ids } of released) {
    const late = await ensureAccount(ctx, {
      code: `late-payments:${currency.toLowerCase()}`,
      name: `Payments confirmed after they were released, ${currency}`,
      currency,
      overdraftAllowed: true,
    });
    await moveReleased(ctx, ids, late.account_id);
  }
}

/**
 * Books what came back of money that reserves have moved, whole or in part: a transfer from where it
 * went to where it came from. The caller sees to it that no more comes back than has moved.
 *
 * @throws Error where a reserve has not moved anything
 */
export async function giveBack(
  ctx: Context,
  returns: readonly { transferId: string; reserveId: string; amountMinor: bigint }[],
): Promise<void> {
  if (returns.length === 0) return;
  if ((await moveBack(ctx, returns)) === BigInt(returns.length)) return;
  throw new Error('money came back of a reserve that has not moved');
}

/** Faults in the books, in words; empty when every balance equals its journal and all sum to zero. */
export function verifyLedger(ctx: Context): Promise<string[]> {
  return audit(ctx);
}

/** SQLSTATE numeric_value_out_of_range. */
const OUT_OF_RANGE = '22003';

async function add(
  ctx: Context,
  kind: 'reserve' | 'direct',
  transfers: readonly Transfer[] | TransferSource,
): Promise<{ added: number }> {
  const source = 'text' in transfers ? transfers : sourceOf(transfers);
  try {
    const { added, given } = await append(ctx, kind, source);
    if (added < given) {
      const [id] = await differing(ctx, kind, source);
      if (id) {
        throw problem(
          'conflict',
          'transfer-differs',
          `Transfer ${id} stands in the ledger with another content; use a new id.`,
        );
      }
    }
    return { added: Number(added) };
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (constraint === 'ledger_no_overdraft') throw shortOfFunds(error);
    throw code === OUT_OF_RANGE ? tooLarge(error) : error;
  }
}

function shortOfFunds(cause: unknown): Problem {
  const found = problem(
    'business-rule',
    'insufficient-funds',
    'The account does not hold that much; record funding first, or pay less.',
  );
  found.cause = cause;
  return found;
}

function tooLarge(cause: unknown): Problem {
  const found = problem(
    'value',
    'amount-too-large',
    'The amount, or the total of its account, would be beyond 9223372036854775807 minor units.',
    'amount',
  );
  found.cause = cause;
  return found;
}

const account: ProjectedBinding = {
  kept: 'projected',
  type: 'Account',
  profile: structureDefinition('transfer-account'),
  view: 'ledger_account_fhir',
  search: {
    identifier: { type: 'token', column: 'code', system: identifierSystem('account') },
    name: { type: 'string', column: 'name' },
    status: { type: 'token', column: 'status', system: 'http://hl7.org/fhir/account-status' },
  },
  render: async (_ctx, rows) =>
    rows.map((row): Account => {
      const currency = row.currency as string;
      const amount = (column: string, code: string) => ({
        url: structureDefinition('account-balance'),
        extension: [
          { url: 'kind', valueCode: code },
          {
            url: 'amount',
            valueMoney: {
              value: Number(formatAmount({ minor: row[column] as bigint, currency })),
              currency: currency as 'KES',
            },
          },
        ],
      });
      return {
        resourceType: 'Account',
        extension: [amount('balance_minor', 'posted'), amount('available_minor', 'available')],
        identifier: [{ system: identifierSystem('account'), value: row.code as string }],
        status: 'active',
        name: row.name as string,
      };
    }),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function checkFunding(code: string, { minor }: Money, transferId: string): void {
  if (!/^[a-z0-9][a-z0-9:._-]{0,99}$/.test(code) || code.startsWith(`${SOURCE_OF_FUNDS}:`)) {
    throw problem(
      'value',
      'account-code',
      'Name an account such as fund:cash: up to 100 of a-z, 0-9 and :._-; not a source of funds.',
      'account',
    );
  }
  if (minor <= 0n) {
    throw problem('value', 'amount-not-positive', 'Fund an amount above zero.', 'amount');
  }
  if (!UUID.test(transferId)) {
    throw problem('value', 'transfer-id', 'Give a UUID that you keep for repeats.', 'transfer');
  }
}

const fund: Operation = {
  permission: KEEP,
  definition: {
    resourceType: 'OperationDefinition',
    url: operationDefinition('fund'),
    name: 'Fund',
    status: 'active',
    kind: 'operation',
    code: 'fund',
    description: 'Records money that a funder has put at the disposal of an account.',
    affectsState: true,
    system: true,
    type: false,
    instance: false,
    parameter: [
      { name: 'account', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'amount', use: 'in', min: 1, max: '1', type: 'Money' },
      { name: 'reference', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'transfer', use: 'in', min: 0, max: '1', type: 'string' },
    ],
  },
  async run(ctx, { parameters }) {
    const given = new Map((parameters.parameter ?? []).map((each) => [each.name, each]));
    const code = given.get('account')!.valueString!;
    const amount = fromFhirMoney(given.get('amount')!.valueMoney, 'amount');
    const { currency } = amount;
    const transferId = (given.get('transfer')?.valueString ?? ctx.newId()).toLowerCase();
    checkFunding(code, amount, transferId);
    const source = await ensureAccount(ctx, {
      code: `${SOURCE_OF_FUNDS}:${currency.toLowerCase()}`,
      name: `Source of funds, ${currency}`,
      currency,
      overdraftAllowed: true,
    });
    const target = await ensureAccount(ctx, { code, name: code, currency });
    await transfer(ctx, [
      {
        transferId,
        debitAccount: source.account_id,
        creditAccount: target.account_id,
        amountMinor: amount.minor,
        currency,
        reference: given.get('reference')!.valueString!,
      },
    ]);
    return {
      resourceType: 'Parameters',
      parameter: [{ name: 'transfer', valueString: transferId }],
    };
  },
};

/** The ledger room. */
export const ledger: Module = {
  name: 'ledger',
  title: 'Ledger',
  permissions: [KEEP],
  resources: [account],
  operations: [fund],
};
