/**
 * What a provider can pay at all, as rows that PostgreSQL compares orders with.
 *
 * An order outside the limits is not paid, with a reason; it does not hold up the payroll in which
 * it stands, as a refusal at the time of ordering would.
 */

import type { Context } from '../../src/sdk/index.ts';
import type { PaymentProviderAdapter } from './provider.ts';

/** The largest amount that a bigint column holds. */
const NO_MAX = 2n ** 63n - 1n;

/** Limits by currency, column by column; `all` when there are none. */
export interface LimitColumns {
  readonly all: boolean;
  readonly currencies: readonly string[];
  readonly min: readonly bigint[];
  readonly max: readonly bigint[];
  readonly step: readonly bigint[];
}

/** The limits of an adapter. */
export function limitsOf(ctx: Context, adapter: PaymentProviderAdapter): LimitColumns {
  const capabilities = adapter.capabilities?.(ctx);
  const entries = Object.entries(capabilities ?? {});
  return {
    all: capabilities === undefined,
    currencies: entries.map(([currency]) => currency),
    min: entries.map(([, each]) => each.minMinor ?? 1n),
    max: entries.map(([, each]) => each.maxMinor ?? NO_MAX),
    step: entries.map(([, each]) => each.stepMinor ?? 1n),
  };
}
