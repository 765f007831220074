/**
 * What has been paid before, and what may be spent, is known to the room that pays, which stands above
 * this one: it brings that here.
 */

import { type Context, extensionPoint, type PaymentPeriod } from '../../src/sdk/index.ts';

/**
 * SQL of how many cycles have been paid to the enrolment `e` (`e.household_id`, `e.scheme_id`)
 * before, a bigint. The first that is contributed is used.
 */
export const paymentHistory = extensionPoint<string>(
  'schemes.payment-history',
  'SQL that counts the cycles paid to an enrolment.',
);

/** What a scheme may spend, and what is left of it for a period as if nothing were paid in it yet. */
export interface SpendingLimit {
  /** `payroll`, `period` or `year`. */
  readonly per: string;
  readonly limitMinor: bigint;
  readonly leftMinor: bigint;
}

/** Limits of a scheme (rid) in an area (rid) by itself, or in all. */
export type SpendingLimits = (
  ctx: Context,
  question: {
    readonly schemeId: bigint;
    readonly period: PaymentPeriod;
    readonly areaId: bigint | undefined;
    readonly currency: string;
  },
) => Promise<readonly SpendingLimit[]>;

/** Who knows limits; a simulation says who would be beyond the lowest. */
export const spendingLimits = extensionPoint<SpendingLimits>(
  'schemes.spending-limits',
  'What a scheme may spend in a period.',
);
