/**
 * Days and payment periods. A day is text `YYYY-MM-DD` in the scheme's own calendar; no time zone
 * enters here. A period is whole days, both ends included.
 *
 * Source: ISO 8601; calendar arithmetic by Temporal (polyfill of TC39 stage 4).
 */

import { Temporal } from 'temporal-polyfill';
import { problem } from './problem.ts';

export const FREQUENCIES = [
  'monthly',
  'two-monthly',
  'quarterly',
  'four-monthly',
  'half-yearly',
  'yearly',
] as const;

/** How often a scheme pays. */
export type Frequency = (typeof FREQUENCIES)[number];

const MONTHS: Readonly<Record<Frequency, number>> = {
  monthly: 1,
  'two-monthly': 2,
  quarterly: 3,
  'four-monthly': 4,
  'half-yearly': 6,
  yearly: 12,
};

/** A payment period: `code` is unique for its frequency, e.g. `2026-01`, `2026-Q1`. */
export interface PaymentPeriod {
  readonly code: string;
  readonly startsOn: string;
  readonly endsOn: string;
}

/** Number of months in one period. */
export function monthsOf(frequency: Frequency): number {
  return MONTHS[frequency];
}

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

/**
 * The period that holds a day. Periods of several months start in January.
 *
 * @throws Problem `day-malformed`
 */
export function periodAt(frequency: Frequency, day: string): PaymentPeriod {
  if (!isDay(day)) {
    throw problem('value', 'day-malformed', `"${day}" is not a day; write YYYY-MM-DD.`);
  }
  const months = MONTHS[frequency];
  const year = Number(day.slice(0, 4));
  const index = Math.floor((Number(day.slice(5, 7)) - 1) / months);
  return periodNumber(frequency, year, index);
}

function periodNumber(frequency: Frequency, year: number, index: number): PaymentPeriod {
  const months = MONTHS[frequency];
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
    case 'yearly':
      return `${year}`;
  }
}

/** The period after one that starts on `startsOn`. */
export function nextPeriod(frequency: Frequency, startsOn: string): PaymentPeriod {
  const start = Temporal.PlainDate.from(startsOn).add({ months: MONTHS[frequency] });
  return periodAt(frequency, start.toString());
}

/** The period before one that starts on `startsOn`. */
export function previousPeriod(frequency: Frequency, startsOn: string): PaymentPeriod {
  return periodAt(frequency, addDays(startsOn, -1));
}

/**
 * Reads a period's code, such as `2026-03`, `2026-B2`, `2026-Q1`, `2026`.
 *
 * @throws Problem `period-malformed`, with an example for the frequency
 */
export function parsePeriod(frequency: Frequency, code: string): PaymentPeriod {
  const year = Number(code.slice(0, 4));
  if (/^\d{4}/.test(code) && year >= 1900) {
    const count = 12 / MONTHS[frequency];
    for (let index = 0; index < count; index += 1) {
      if (periodCode(frequency, year, index) === code) {
        return periodNumber(frequency, year, index);
      }
    }
  }
  throw problem(
    'value',
    'period-malformed',
    `"${code}" is not a ${frequency} period; write it like ${periodCode(frequency, 2026, 0)}.`,
    'period',
  );
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
