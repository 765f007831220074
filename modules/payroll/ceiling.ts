/**
 * Budgets and ceilings: what approved payrolls of a scheme may come to, per payroll, payment period or
 * calendar year, in all or in an area, from all funds or from one. Enforced at the final approval,
 * one approval of a scheme after the other; what a fund holds is enforced by the ledger besides.
 */

import { type Context, formatAmount, permission, problem } from '../../src/sdk/index.ts';
import type { SpendingLimits } from '../schemes/index.ts';
import { ceilingsLeft, endCeiling, exceeded, lockCeilings, setCeiling } from './store/ceilings.ts';
import type { PayrollRow } from './store/decide.ts';

/** Sets budgets and ceilings. */
export const KEEP_BUDGETS = permission('payroll.keep-budgets', 'sets budgets and ceilings');

/** What a ceiling counts together. */
export const CEILING_SPANS = ['payroll', 'period', 'year'] as const;
export type CeilingSpan = (typeof CEILING_SPANS)[number];

export { endCeiling, setCeiling };

/**
 * @param linesMinor  what the payroll comes to now
 * @throws Problem ceiling-exceeded, naming the ceiling and by how much
 */
export async function checkCeilings(
  ctx: Context,
  payroll: PayrollRow,
  linesMinor: bigint,
): Promise<void> {
  if (payroll.kind === 'follow-up') return;
  if (!(await lockCeilings(ctx, payroll.scheme_id))) return;
  const [over] = await exceeded(ctx, payroll, linesMinor);
  if (!over) return;
  const text = (minor: bigint) => formatAmount({ minor, currency: payroll.currency });
  const where = [over.area_name && `in ${over.area_name}`, over.fund && `from ${over.fund}`];
  throw problem(
    'business-rule',
    'ceiling-exceeded',
    `The ceiling per ${over.per} ${where.filter(Boolean).join(' ')} is ${text(over.limit_minor)} ` +
      `${payroll.currency}; with this payroll it would be ${text(over.would_minor)}. Raise it, or ` +
      'take lines off.',
  );
}

/** What is left of the ceilings of a scheme for a period, for `$simulate`. */
export const limitsLeft: SpendingLimits = async (ctx, { schemeId, period, areaId, currency }) => {
  const rows = await ceilingsLeft(ctx, schemeId, period, areaId ?? null, currency);
  return rows.map((row) => ({
    per: row.per,
    limitMinor: row.limit_minor,
    leftMinor: row.left_minor,
  }));
};
