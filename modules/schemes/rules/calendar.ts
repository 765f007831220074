/**
 * Calendars: payment periods that a scheme lists itself, a line each: `code, first day, last day`. School
 * terms, the cycles of an emergency, a fiscal year that does not begin in January. Pure.
 */

import { isDay, type PaymentPeriod } from '../../../src/sdk/index.ts';

/** A calendar that cannot be read; the message is for its author. */
export class CalendarFault extends Error {}

const PERIODS_MAX = 1000;

/**
 * Reads the lines of a calendar.
 *
 * @throws CalendarFault naming the line: each has a code of its own and two days in their order, and
 *   begins after the one before has ended
 */
export function readCalendar(text: string): PaymentPeriod[] {
  const lines = text.split('\n').map((line) => line.trim());
  const periods: PaymentPeriod[] = [];
  const codes = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const fault = (message: string) => new CalendarFault(`line ${index + 1}: ${message}`);
    const [code = '', startsOn = '', endsOn = '', ...more] = line.split(/[\s,]+/);
    if (more.length > 0 || !isDay(startsOn) || !isDay(endsOn) || startsOn > endsOn) {
      throw fault(`write "code, first day, last day", not "${line.slice(0, 60)}"`);
    }
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,29}$/.test(code)) {
      throw fault('a code is up to 30 letters, digits and ._-');
    }
    if (codes.has(code)) throw fault(`${code} stands there twice`);
    const before = periods.at(-1);
    if (before && startsOn <= before.endsOn) {
      throw fault(`${code} begins before ${before.code} has ended`);
    }
    codes.add(code);
    periods.push({ code, startsOn, endsOn });
  }
  if (periods.length === 0) throw new CalendarFault('give at least one period');
  if (periods.length > PERIODS_MAX) throw new CalendarFault(`give ${PERIODS_MAX} periods at most`);
  return periods;
}
