/**
 * Days and payment periods. A day is text `YYYY-MM-DD` in the scheme's own calendar; no time zone
 * enters here. A period is whole days, both ends included; a calendar may leave gaps between them.
 *
 * Source: ISO 8601; calendar arithmetic by Temporal (polyfill of TC39 stage 4).
 */

import { Temporal } from 'temporal-polyfill';
import { problem } from './problem.ts';

const MONTHS = {
  monthly: 1,
  'two-monthly': 2,
  quarterly: 3,
  'four-monthly': 4,
  'half-yearly': 6,
  yearly: 12,
} as const;

const DAYS = { weekly: 7, 'two-weekly': 14 } as const;

/** How often a scheme pays; `calendar`: in periods that it lists (school terms, emergency cycles). */
export type Frequency = keyof typeof MONTHS | keyof typeof DAYS | 'calendar';

export const FREQUENCIES: readonly Frequency[] = [
  ...(Object.keys(MONTHS) as (keyof typeof MONTHS)[]),
  ...(Object.keys(DAYS) as (keyof typeof DAYS)[]),
  'calendar',
];

/** A payment period: `code` is unique for its frequency, e.g. `2026-01`, `2026-Q1`, `2026-W05`. */
export interface PaymentPeriod {
  readonly code: string;
  readonly startsOn: string;
  readonly endsOn: string;
}

/** A frequency, and where that is `calendar` its periods, in order and without overlap. */
export interface Calendar {
  readonly frequency: Frequency;
  readonly calendar?: readonly PaymentPeriod[];
}

type Of = Frequency | Calendar;

const calendarOf = (of: Of): Calendar => (typeof of === 'string' ? { frequency: of } : of);
const monthsOf = (frequency: Frequency): number | undefined =>
  (MONTHS as Partial<Record<Frequency, number>>)[frequency];
/** Weeks are counted from a Monday, so that every week of a pair is known for all years. */
const MONDAY = '2001-01-01';

/** True for a real calendar day written `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}

/** Ages and waiting times are counted back and forth from a day: they must stay days, too. */
const FIRST_DAY = '1900-01-01';
const LAST_DAY = '2999-12-31';

function checkDay(day: string): void {
  if (isDay(day) && day >= FIRST_DAY && day <= LAST_DAY) return;
  const says = `"${day.slice(0, 40)}" is not a day from ${FIRST_DAY} to ${LAST_DAY}; write YYYY-MM-DD.`;
  throw problem('value', 'day-malformed', says);
}

/**
 * The period that holds a day. Periods of several months start in January.
 *
 * @throws Problem `day-malformed`; `period-none` where a calendar has no period that day
 */
export function periodAt(of: Of, day: string): PaymentPeriod {
  checkDay(day);
  const { frequency, calendar = [] } = calendarOf(of);
  if (frequency === 'calendar') {
    const found = calendar.find((each) => each.startsOn <= day && day <= each.endsOn);
    if (found) return found;
    const next = calendar.find((each) => each.startsOn > day);
    const then = next ? `the next, ${next.code}, begins on ${next.startsOn}` : 'none comes after';
    throw problem('value', 'period-none', `No payment period holds ${day}; ${then}.`, 'period');
  }
  const months = monthsOf(frequency);
  if (months === undefined) return weeksAt(daysOf(frequency) ?? 7, day);
  const year = Number(day.slice(0, 4));
  const index = Math.floor((Number(day.slice(5, 7)) - 1) / months);
  return periodNumber(frequency, year, index);
}

/** The period that holds a day, else the next, else the last: to judge by, not to pay by. */
export function periodNear(of: Of, day: string): PaymentPeriod {
  checkDay(day);
  const { frequency, calendar = [] } = calendarOf(of);
  if (frequency !== 'calendar') return periodAt(of, day);
  return calendar.find((each) => day <= each.endsOn) ?? calendar.at(-1) ?? periodAt(of, day);
}

/** One or two weeks by the ISO number of the first; days before the first Monday count backwards. */
function weeksAt(days: number, day: string): PaymentPeriod {
  const index = Math.floor(daysBetween(MONDAY, day) / days);
  const start = Temporal.PlainDate.from(MONDAY).add({ days: index * days });
  return {
    code: `${start.yearOfWeek}-W${String(start.weekOfYear).padStart(2, '0')}`,
    startsOn: start.toString(),
    endsOn: start.add({ days: days - 1 }).toString(),
  };
}

function periodNumber(frequency: Frequency, year: number, index: number): PaymentPeriod {
  const months = monthsOf(frequency) ?? 1;
  const start = Temporal.PlainDate.from({ year, month: index * months + 1, day: 1 });
  const end = start.add({ months }).subtract({ days: 1 });
  return {
    code: periodCode(frequency, year, index),
    startsOn: start.toString(),
    endsOn: end.toString(),
  };
}

function periodCode(frequency: Frequency, year: number, index: number): string {
  const number = index + 1;
  switch (frequency) {
    case 'monthly':
      return `${year}-${String(number).padStart(2, '0')}`;
    case 'two-monthly':
      return `${year}-B${number}`;
    case 'quarterly':
      return `${year}-Q${number}`;
    case 'four-monthly':
      return `${year}-T${number}`;
    case 'half-yearly':
      return `${year}-S${number}`;
    default:
      return `${year}`;
  }
}

/** The period after one that starts on `startsOn`; Problem `period-none` at the end of a calendar. */
export function nextPeriod(of: Of, startsOn: string): PaymentPeriod {
  const { frequency, calendar = [] } = calendarOf(of);
  const next = calendar.find((each) => each.startsOn > startsOn);
  if (frequency === 'calendar' && next) return next;
  return periodAt(of, addDays(periodAt(of, startsOn).endsOn, 1));
}

/** The period before one that starts on `startsOn`; as `nextPeriod`. */
export function previousPeriod(of: Of, startsOn: string): PaymentPeriod {
  const { frequency, calendar = [] } = calendarOf(of);
  const before = calendar.findLast((each) => each.startsOn < startsOn);
  if (frequency === 'calendar' && before) return before;
  return periodAt(of, addDays(startsOn, -1));
}

const monthOf = (day: string): number => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;

/** How many periods the second is after the first; both are of this calendar. */
export function periodsBetween(of: Of, from: PaymentPeriod, to: PaymentPeriod): number {
  const { frequency, calendar = [] } = calendarOf(of);
  if (frequency === 'calendar') {
    const place = (period: PaymentPeriod) =>
      calendar.findIndex((each) => each.startsOn >= period.startsOn);
    return place(to) - place(from);
  }
  const months = monthsOf(frequency);
  if (months === undefined) {
    return daysBetween(from.startsOn, to.startsOn) / (daysOf(frequency) ?? 7);
  }
  return (monthOf(to.startsOn) - monthOf(from.startsOn)) / months;
}

/** Days of a period that is counted in days; undefined for others. */
export function daysOf(frequency: Frequency): number | undefined {
  return (DAYS as Partial<Record<Frequency, number>>)[frequency];
}

/** How many periods there are from the one of a day through this one, both included. */
export function periodsSince(of: Of, day: string, period: PaymentPeriod): number {
  const { frequency, calendar = [] } = calendarOf(of);
  if (frequency === 'calendar') {
    return calendar.filter((each) => each.endsOn >= day && each.startsOn <= period.startsOn).length;
  }
  const days = daysOf(frequency);
  if (days !== undefined) return 1 - Math.floor(daysBetween(period.startsOn, day) / days);
  const months = monthsOf(frequency) ?? 1;
  return Math.trunc((monthOf(period.startsOn) - monthOf(day) + months - 1) / months) + 1;
}

/** How many periods begin in a year. */
export function periodsInYear(of: Of, year: string): number {
  const { frequency, calendar = [] } = calendarOf(of);
  if (frequency === 'calendar') {
    return calendar.filter((each) => each.startsOn.startsWith(`${year}-`)).length;
  }
  const months = monthsOf(frequency);
  if (months !== undefined) return 12 / months;
  const first = periodAt(of, `${year}-01-01`);
  const after = periodAt(of, `${Number(year) + 1}-01-01`);
  const begun = (period: PaymentPeriod) => (period.startsOn.startsWith(`${year}-`) ? 1 : 0);
  return periodsBetween(of, first, after) - 1 + begun(first) + begun(after);
}

/**
 * Reads a period's code, such as `2026-03`, `2026-B2`, `2026-Q1`, `2026`, `2026-W05`.
 *
 * @throws Problem `period-malformed`, with an example for the frequency
 */
export function parsePeriod(of: Of, code: string): PaymentPeriod {
  const { frequency, calendar = [] } = calendarOf(of);
  const found =
    frequency === 'calendar'
      ? calendar.find((each) => each.code === code)
      : candidatesOf(frequency, code).find((each) => each.code === code);
  if (found) return found;
  const some = calendar.map((each) => each.code).slice(-12);
  const hint =
    frequency === 'calendar'
      ? `the calendar of the scheme has ${some.join(', ') || 'none'}`
      : `write it like ${periodAt(frequency, '2026-01-05').code}`;
  throw problem(
    'value',
    'period-malformed',
    `"${code}" is not a ${frequency} period; ${hint}.`,
    'period',
  );
}

/** Periods of the year of a code, and those around it for weeks. */
function candidatesOf(frequency: Frequency, code: string): PaymentPeriod[] {
  const year = Number(code.slice(0, 4));
  if (!/^\d{4}/.test(code) || year < 1900) return [];
  const months = monthsOf(frequency);
  if (months !== undefined) {
    return Array.from({ length: 12 / months }, (_, at) => periodNumber(frequency, year, at));
  }
  const week = Number(/^\d{4}-W(\d{2})$/.exec(code)?.[1] ?? 0);
  if (week < 1 || week > 53) return [];
  // 4 January is in the first ISO week.
  return [periodAt(frequency, addDays(`${code.slice(0, 4)}-01-04`, (week - 1) * 7))];
}

/**
 * First and last day that a FHIR date or dateTime can mean: `2026-02` → 2026-02-01 … 2026-02-28.
 * The text has been validated; its time and zone are left out.
 */
export function dayRange(text: string): { readonly first: string; readonly last: string } {
  if (text.length >= 10) return { first: text.slice(0, 10), last: text.slice(0, 10) };
  const first = text.length === 7 ? `${text}-01` : `${text}-01-01`;
  return { first, last: addDays(addMonths(first, text.length === 7 ? 1 : 12), -1) };
}

/** Adds days (may be negative). */
export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** Adds months; the last day of the month is kept within the month. */
export function addMonths(day: string, months: number): string {
  return Temporal.PlainDate.from(day).add({ months }).toString();
}

/** Days from `from` to `to`; negative when `to` is earlier. */
export function daysBetween(from: string, to: string): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: 'day' })
    .days;
}

/** Completed years on a day. Born on 29 February: a year older on 1 March in common years. */
export function ageOn(birthDate: string, day: string): number {
  const years = Number(day.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return day.slice(5) < birthDate.slice(5) ? years - 1 : years;
}
