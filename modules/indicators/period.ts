/**
 * Reporting periods: whole days, both ends included. Partial dates widen, as in `$evaluate-measure`:
 * a start of `2026-01` is 1 January, an end of `2026-01` is 31 January.
 *
 * Spec: https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html
 */

import { addDays, addMonths, isDay, problem } from '../../src/sdk/index.ts';

/** A period of whole days. */
export interface ReportingPeriod {
  readonly startsOn: string;
  readonly endsOn: string;
}

const DAYS_MAX = 366 * 10;

/** Reads the two ends. @throws Problem period-malformed, period-reversed */
export function readPeriod(start: string, end: string): ReportingPeriod {
  const startsOn = firstDay(start, 'periodStart');
  const endsOn = lastDay(end, 'periodEnd');
  if (endsOn < startsOn) {
    throw problem('value', 'period-reversed', `The period ends before it starts.`, 'periodEnd');
  }
  if (endsOn > addDays(startsOn, DAYS_MAX)) {
    throw problem('too-costly', 'period-long', 'A report covers at most ten years.', 'periodEnd');
  }
  return { startsOn, endsOn };
}

function firstDay(text: string, name: string): string {
  if (/^\d{4}$/.test(text)) return checked(`${text}-01-01`, text, name);
  if (/^\d{4}-\d{2}$/.test(text)) return checked(`${text}-01`, text, name);
  return checked(text.slice(0, 10), text, name);
}

function lastDay(text: string, name: string): string {
  if (/^\d{4}$/.test(text)) return checked(`${text}-12-31`, text, name);
  if (/^\d{4}-\d{2}$/.test(text)) {
    return addDays(addMonths(checked(`${text}-01`, text, name), 1), -1);
  }
  return checked(text.slice(0, 10), text, name);
}

function checked(day: string, text: string, name: string): string {
  if (isDay(day) && day >= '1900-01-01' && /^\d{4}(-\d{2}){0,2}(T.*)?$/.test(text)) return day;
  throw problem(
    'value',
    'period-malformed',
    `"${text.slice(0, 40)}" is no date; write 2026, 2026-01 or 2026-01-31.`,
    name,
  );
}

/** The month that holds a day. */
export function monthAt(day: string): ReportingPeriod {
  const startsOn = `${day.slice(0, 7)}-01`;
  return { startsOn, endsOn: addDays(addMonths(startsOn, 1), -1) };
}

/** Months that are over for at least `lag` days on `today`, from the one after `last` on. */
export function monthsDue(last: string | undefined, today: string, lag: number): ReportingPeriod[] {
  const newest = monthAt(addMonths(monthAt(addDays(today, -lag)).startsOn, -1));
  if (last === undefined) return [newest];
  const due: ReportingPeriod[] = [];
  for (let month = monthAt(addDays(last, 1)); month.startsOn <= newest.startsOn; ) {
    due.push(month);
    month = monthAt(addDays(month.endsOn, 1));
  }
  return due;
}
