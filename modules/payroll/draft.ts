/**
 * Drafting: on demand and on the clock. `$preview` is the same path, rolled back.
 */

import { CronExpressionParser } from 'cron-parser';
import {
  type Context,
  dayOf,
  handle,
  job,
  type PaymentPeriod,
  parsePeriod,
  periodAt,
  problem,
} from '../../src/sdk/index.ts';
import { activeSchemes, entitlementSelect, type Scheme } from '../schemes/index.ts';
import { payrollDrafted } from './events.ts';
import {
  type DraftTotals,
  exclusionReasons,
  hasPayroll,
  insertLines,
  insertPayroll,
  writeTotals,
} from './store/draft.ts';

/** A drafted payroll. */
export interface Draft {
  readonly payrollId: string;
  readonly period: PaymentPeriod;
  readonly totals: DraftTotals;
  readonly reasons: readonly { reason: string; n: bigint }[];
}

/**
 * Drafts the payroll of a scheme for a period (by code), or for the period of today.
 *
 * @throws Problem payroll-exists, scheme-closed, period-malformed
 */
export async function draftPayroll(
  ctx: Context,
  scheme: Scheme,
  periodCode?: string,
): Promise<Draft> {
  const today = dayOf(ctx.now, scheme.time_zone);
  const period = periodCode
    ? parsePeriod(scheme.frequency, periodCode)
    : periodAt(scheme.frequency, today);
  const entitlements = await entitlementSelect(ctx, scheme.scheme_id, period);
  const payrollId = ctx.newId();
  if (!(await insertPayroll(ctx, payrollId, scheme, entitlements.rulesVersion, period))) {
    throw problem(
      'conflict',
      'payroll-exists',
      `${scheme.name} has a payroll for ${period.code} already; reject or cancel that first.`,
      'period',
    );
  }
  const totals = await insertLines(ctx, payrollId, period, entitlements);
  await writeTotals(ctx, payrollId, totals);
  const reasons = await exclusionReasons(ctx, payrollId);
  ctx.audit({
    action: 'C',
    interaction: '$draft-payroll',
    type: 'List',
    id: payrollId,
    version: 1,
    detail: { period: period.code, lines: Number(totals.lines), excluded: Number(totals.excluded) },
  });
  ctx.emit(payrollDrafted, { payrollId, schemeId: scheme.scheme_id.toString() });
  return { payrollId, period, totals, reasons };
}

/** Drafts what is due by the schemes' own clocks. */
export const draftDue = job<Record<string, never>>(
  'payroll.draft-due',
  'drafts the payrolls that are due by the schemes’ clocks',
);

export const draftDueHandler = handle(draftDue, async (ctx) => {
  for (const scheme of await activeSchemes(ctx)) {
    const period = duePeriod(scheme, ctx.now);
    if (!period || (await hasPayroll(ctx, scheme.scheme_id, period.code))) continue;
    if (isOutside(scheme, period)) continue;
    await draftPayroll(ctx, scheme, period.code);
  }
});

/**
 * The period of the last ring of a scheme's clock. After downtime it is the newest missed one, so
 * that a payroll is caught up once; one that was rejected is not drafted again by the clock.
 */
export function duePeriod(scheme: Scheme, now: Date): PaymentPeriod | undefined {
  if (!scheme.draft_at) return undefined;
  const last = CronExpressionParser.parse(scheme.draft_at, {
    currentDate: new Date(now.getTime() + 1),
    tz: scheme.time_zone,
  }).prev();
  return periodAt(scheme.frequency, dayOf(last.toDate(), scheme.time_zone));
}

function isOutside(scheme: Scheme, period: PaymentPeriod): boolean {
  return (
    (scheme.starts_on !== null && scheme.starts_on > period.endsOn) ||
    (scheme.ends_on !== null && scheme.ends_on < period.startsOn)
  );
}
