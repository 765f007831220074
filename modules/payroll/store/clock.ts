/**
 * The clocks of schemes: up to when each was looked at; and periods that a scheme has paid under another
 * calendar.
 */

import { type Context, type PaymentPeriod, statement } from '../../../src/sdk/index.ts';

const RUNG = statement('payroll.rung-at', 'select rung_at from payroll_clock where scheme_id = $1');

/** Until when rings of a scheme's clock were acted on; undefined: it was never looked at. */
export async function rungAt(ctx: Context, schemeId: bigint): Promise<Date | undefined> {
  return (await ctx.db.maybe<{ rung_at: Date }>(RUNG, [schemeId]))?.rung_at;
}

const NOTE = statement(
  'payroll.note-rung',
  `insert into payroll_clock (scheme_id, rung_at)
   select scheme_id, $2 from schemes_scheme
   where draft_at is not null and (not active or scheme_id = any($1::bigint[]))
   on conflict (scheme_id) do update set rung_at = excluded.rung_at`,
);

/** Notes until when the clocks of these schemes, and of all that are not active, were looked at. */
export async function noteRung(
  ctx: Context,
  schemes: readonly bigint[],
  until: Date,
): Promise<void> {
  await ctx.db.run(NOTE, [schemes, until]);
}

const RECALENDARED = statement(
  'payroll.calendar-changed',
  `select 1 as n from scheme_rules where scheme_id = $1
   having count(distinct concat(rules ->> 'frequency', rules ->> 'calendar')) > 1`,
);
const TURN = statement(
  'payroll.calendar-turn',
  'select scheme_id from scheme where scheme_id = $1 for no key update',
);
const OVERLAP = statement(
  'payroll.overlapping',
  `select period_code from payroll where scheme_id = $1 and kind = 'regular' and period_code <> $2
     and state not in ('rejected', 'cancelled') and starts_on <= $4::date and ends_on >= $3::date
   order by starts_on limit 1`,
);

/**
 * A period with a live payroll, by its code, that shares days with this one. Only a scheme whose
 * calendar has changed can have one; its drafts go one after the other.
 */
export async function overlapping(
  ctx: Context,
  schemeId: bigint,
  period: PaymentPeriod,
): Promise<string | undefined> {
  if ((await ctx.db.maybe(RECALENDARED, [schemeId])) === undefined) return undefined;
  await ctx.db.query(TURN, [schemeId]);
  const values = [schemeId, period.code, period.startsOn, period.endsOn];
  return (await ctx.db.maybe<{ period_code: string }>(OVERLAP, values))?.period_code;
}
