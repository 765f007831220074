/**
 * Control totals: what the approver declares to have looked at. An approval stops when they differ.
 */

import { formatAmount, parseAmount, problem } from '../../src/sdk/index.ts';

/** Totals that the approver declares. */
export interface ControlTotals {
  readonly count: number;
  /** Decimal text in the payroll's currency. */
  readonly amount: string;
}

/** @throws Problem control-totals, with what stands on the payroll */
export function checkTotals(
  { currency }: { readonly currency: string },
  found: { readonly count: bigint; readonly minor: bigint },
  declared: ControlTotals | undefined,
): void {
  if (!declared) return;
  const amount = parseAmount(declared.amount, currency, 'amount');
  if (BigInt(declared.count) === found.count && amount.minor === found.minor) return;
  const text = formatAmount({ minor: found.minor, currency });
  throw problem(
    'business-rule',
    'control-totals',
    `The payroll has ${found.count} lines of ${text} ${currency} together, not ${declared.count} of ` +
      `${declared.amount}; look at it again before you approve.`,
    'amount',
  );
}
