/**
 * What is looked at again at the final approval: holds, and whether those whose facts have changed
 * since the draft are still due. Who is not is taken off the payroll and listed with the reason.
 *
 * Facts of everybody else are those of the draft, so that an approval costs what has changed.
 */

import type { Context } from '../../src/sdk/index.ts';
import { entitlementSelect } from '../schemes/index.ts';
import { holdBack, type PayrollRow } from './store/decide.ts';
import { amongHouseholds, changedHouseholds, takeOff } from './store/recheck.ts';

/** Up to so many households are judged one by one; of more everybody is judged. */
const FEW = 1000;

/** Takes off whom a hold has come upon, or who is due no more; answers how many and how much. */
export async function recheck(
  ctx: Context,
  payroll: PayrollRow,
): Promise<{ n: bigint; minor: bigint }> {
  const held = await holdBack(ctx, payroll.payroll_id);
  if (payroll.kind !== 'regular' && payroll.kind !== 'back-pay') return held;
  const changed = await changedHouseholds(ctx, payroll, FEW + 1);
  if (changed.length === 0) return held;
  const few = changed.length <= FEW ? changed : null;
  const { scheme_id: scheme, rules_version: version } = payroll;
  const period = {
    code: payroll.period_code,
    startsOn: payroll.starts_on,
    endsOn: payroll.ends_on,
  };
  const now = await entitlementSelect(
    ctx,
    scheme,
    period,
    version,
    few ? amongHouseholds(few) : undefined,
  );
  const gone = await takeOff(ctx, payroll, now, few);
  return { n: held.n + gone.n, minor: held.minor + gone.minor };
}
