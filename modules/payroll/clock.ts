/**
 * Drafting by the schemes' own clocks: a cron expression in the scheme's time zone. Each ring drafts the
 * payroll of the period that holds its day, once, also those that rang while nothing ran. A scheme that
 * cannot be drafted holds up no other: each is a unit of work of its own, tried again at the next turn.
 */

import { CronExpressionParser } from 'cron-parser';
import {
  type Calendar,
  dayOf,
  handleInSteps,
  job,
  type PaymentPeriod,
  Problem,
  periodAt,
  type Units,
} from '../../src/sdk/index.ts';
import { activeSchemes, type Scheme } from '../schemes/index.ts';
import { calendarOf, draftPayroll } from './draft.ts';
import { noteRung, rungAt } from './store/clock.ts';
import { hasPayroll } from './store/draft.ts';

/** Drafts what is due by the schemes' own clocks. */
export const draftDue = job<Record<string, never>>(
  'payroll.draft-due',
  'drafts the payrolls that are due by the schemes’ clocks',
);

export const draftDueHandler = handleInSteps(draftDue, async (units: Units) => {
  const { schemes, now } = await units.run(async (ctx) => ({
    schemes: await activeSchemes(ctx),
    now: ctx.now,
  }));
  const done: bigint[] = [];
  for (const scheme of schemes) {
    if (scheme.draft_at && (await draftScheme(units, scheme, now))) done.push(scheme.scheme_id);
  }
  await units.run((ctx) => noteRung(ctx, done, now));
});

/** Drafts the periods of a scheme that are due, oldest first; false when one could not be. */
async function draftScheme(units: Units, scheme: Scheme, now: Date): Promise<boolean> {
  const periods = await units.run(async (ctx) =>
    duePeriods(scheme, await calendarOf(ctx, scheme), now, await rungAt(ctx, scheme.scheme_id)),
  );
  for (const period of periods) {
    if (isOutside(scheme, period)) continue;
    if (!(await draftPeriod(units, scheme, period))) return false;
  }
  return true;
}

async function draftPeriod(units: Units, scheme: Scheme, period: PaymentPeriod): Promise<boolean> {
  try {
    await units.run(async (ctx) => {
      if (await hasPayroll(ctx, scheme.scheme_id, period.code)) return;
      await draftPayroll(ctx, scheme, { period: period.code });
    });
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const detail = { scheme: scheme.fhir_id, period: period.code, code: error.issues[0]?.code };
    await units.run(async (ctx) => ctx.log.warn('a payroll that is due cannot be drafted', detail));
    return false;
  }
}

/**
 * The periods of a clock's last ring and of all rings after `since`, oldest first. One that was rejected
 * is not drafted again by the clock; a ring in a gap of a calendar has no period.
 */
export function duePeriods(
  { draft_at: clock, time_zone: tz }: Pick<Scheme, 'draft_at' | 'time_zone'>,
  calendar: Calendar,
  now: Date,
  since?: Date,
): PaymentPeriod[] {
  const last = clock === null ? undefined : lastRing(clock, tz, now);
  if (clock === null || !last) return [];
  const found = new Map<string, PaymentPeriod>();
  const note = (ring: Date): PaymentPeriod | undefined => {
    const period = periodOrNone(calendar, dayOf(ring, tz));
    if (period) found.set(period.code, period);
    return period;
  };
  for (let ring = since && nextRing(clock, tz, since); ring && ring < last; ) {
    const period = note(ring);
    // Later rings of the same period say nothing new.
    const from = period ? Date.parse(`${period.endsOn}T00:00:00Z`) - DAY : 0;
    ring = nextRing(clock, tz, new Date(Math.max(from, ring.getTime())));
  }
  note(last);
  return [...found.values()].sort((a, b) => (a.startsOn < b.startsOn ? -1 : 1));
}

const DAY = 86_400_000;

function nextRing(clock: string, tz: string, after: Date): Date | undefined {
  try {
    return CronExpressionParser.parse(clock, { currentDate: after, tz }).next().toDate();
  } catch {
    // A day that never comes, like 30 February.
    return undefined;
  }
}

/**
 * The last ring until an instant, found forwards: backwards, cron-parser does not get over an hour that
 * daylight time has skipped.
 */
function lastRing(clock: string, tz: string, until: Date): Date | undefined {
  for (const days of [2, 40, 370, 1500]) {
    let last: Date | undefined;
    let ring = nextRing(clock, tz, new Date(until.getTime() - days * DAY));
    for (; ring && ring <= until; ring = nextRing(clock, tz, ring)) last = ring;
    if (last) return last;
  }
  return undefined;
}

function periodOrNone(calendar: Calendar, day: string): PaymentPeriod | undefined {
  try {
    return periodAt(calendar, day);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

function isOutside(scheme: Scheme, period: PaymentPeriod): boolean {
  return (
    (scheme.starts_on !== null && scheme.starts_on > period.endsOn) ||
    (scheme.ends_on !== null && scheme.ends_on < period.startsOn)
  );
}
