/**
 * DHIS2's periods: the id of each type (`202601`, `2026Q2`, `2026W5`), its days, and its form in ADX
 * (`2026-01-01/P1M`). Ids are Gregorian.
 *
 * Week 1 holds 4 January, whatever day the week begins on. Types of November are named by the year
 * in which they end.
 *
 * Source: dhis2-core Period.java, AdxPeriod.java; its test vectors are ours.
 */

import { addDays, addMonths, daysBetween, isDay } from '../../../src/sdk/index.ts';

/** A period of a type. */
export interface Dhis2Period {
  readonly type: string;
  readonly id: string;
  readonly startsOn: string;
  readonly endsOn: string;
  /** Undefined where ADX knows no form. */
  readonly adx: string | undefined;
}

/** Types of whole months: cycle begins in `from`, the id says `year + late`. */
interface MonthType {
  readonly months: number;
  readonly from: number;
  readonly late?: 1;
  readonly adx?: false;
  readonly id: (year: number, number: number) => string;
}

const financial = (months: number, name: string): MonthType => ({
  months: 12,
  from: months,
  ...(name === 'Nov' && { late: 1 as const }),
  id: (year) => `${year}${name}`,
});

const two = (number: number): string => String(number).padStart(2, '0');

const MONTH_TYPES: Readonly<Record<string, MonthType>> = {
  Monthly: { months: 1, from: 1, id: (year, n) => `${year}${two(n)}` },
  BiMonthly: { months: 2, from: 1, id: (year, n) => `${year}${two(n)}B` },
  Quarterly: { months: 3, from: 1, id: (year, n) => `${year}Q${n}` },
  QuarterlyNov: { months: 3, from: 11, late: 1, adx: false, id: (year, n) => `${year}NovQ${n}` },
  SixMonthly: { months: 6, from: 1, id: (year, n) => `${year}S${n}` },
  SixMonthlyApril: { months: 6, from: 4, id: (year, n) => `${year}AprilS${n}` },
  SixMonthlyNov: { months: 6, from: 11, late: 1, id: (year, n) => `${year}NovS${n}` },
  Yearly: { months: 12, from: 1, id: (year) => `${year}` },
  FinancialFeb: financial(2, 'Feb'),
  FinancialApril: financial(4, 'April'),
  FinancialJuly: financial(7, 'July'),
  FinancialAug: financial(8, 'Aug'),
  FinancialSep: financial(9, 'Sep'),
  FinancialOct: financial(10, 'Oct'),
  FinancialNov: financial(11, 'Nov'),
};

/** Types of weeks: the day on which a week begins, 1 = Monday. */
const WEEK_TYPES: Readonly<Record<string, { day: number; weeks: number; mark: string }>> = {
  Weekly: { day: 1, weeks: 1, mark: 'W' },
  WeeklyWednesday: { day: 3, weeks: 1, mark: 'WedW' },
  WeeklyThursday: { day: 4, weeks: 1, mark: 'ThuW' },
  WeeklyFriday: { day: 5, weeks: 1, mark: 'FriW' },
  WeeklySaturday: { day: 6, weeks: 1, mark: 'SatW' },
  WeeklySunday: { day: 7, weeks: 1, mark: 'SunW' },
  BiWeekly: { day: 1, weeks: 2, mark: 'BiW' },
};

/** Names of all types. */
export const PERIOD_TYPES: readonly string[] = [
  'Daily',
  ...Object.keys(WEEK_TYPES),
  ...Object.keys(MONTH_TYPES),
];

/** The period of a type that holds a day; undefined for an unknown type. */
export function periodHolding(type: string, day: string): Dhis2Period | undefined {
  if (type === 'Daily') {
    const id = day.replaceAll('-', '');
    return { type, id, startsOn: day, endsOn: day, adx: `${day}/P1D` };
  }
  const weeks = WEEK_TYPES[type];
  if (weeks) return weekHolding(type, weeks, day);
  const months = MONTH_TYPES[type];
  return months && monthsHolding(type, months, day);
}

function monthsHolding(type: string, how: MonthType, day: string): Dhis2Period {
  const { months, from, late = 0 } = how;
  const elapsed = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - from;
  const year = Math.floor(elapsed / 12);
  const index = Math.floor((elapsed % 12) / months);
  const startsOn = addMonths(`${year}-${two(from)}-01`, index * months);
  return {
    type,
    id: how.id(year + late, index + 1),
    startsOn,
    endsOn: addDays(addMonths(startsOn, months), -1),
    adx: how.adx === false ? undefined : `${startsOn}/${months === 12 ? 'P1Y' : `P${months}M`}`,
  };
}

/** 1 = Monday … 7 = Sunday; 1 January 1900 was a Monday. */
function weekday(day: string): number {
  return (((daysBetween('1900-01-01', day) % 7) + 7) % 7) + 1;
}

/** First day of week 1: the week that holds 4 January. */
function firstWeek(year: number, day: number): string {
  const fourth = `${year}-01-04`;
  return addDays(fourth, -((weekday(fourth) - day + 7) % 7));
}

function weekHolding(
  type: string,
  { day: begins, weeks, mark }: { day: number; weeks: number; mark: string },
  day: string,
): Dhis2Period {
  let year = Number(day.slice(0, 4)) + 1;
  while (firstWeek(year, begins) > day) year -= 1;
  const first = firstWeek(year, begins);
  const number = Math.floor(daysBetween(first, day) / (7 * weeks)) + 1;
  const startsOn = addDays(first, (number - 1) * 7 * weeks);
  const endsOn = addDays(startsOn, 7 * weeks - 1);
  return {
    type,
    id: `${year}${mark}${number}`,
    startsOn,
    endsOn,
    adx: `${startsOn}/P${7 * weeks}D`,
  };
}

const ID_FORMS = [
  String.raw`(-?)(\d{2})(?:\2(\d{2}))?`,
  String.raw`(\d{2})B`,
  String.raw`(W|WedW|ThuW|FriW|SatW|SunW|BiW)(\d{1,2})`,
  String.raw`(Q|NovQ|S|AprilS|NovS)(\d)`,
  '(Feb|April|July|Aug|Sep|Oct|Nov)',
];
const ID = new RegExp(String.raw`^(\d{4})(?:${ID_FORMS.join('|')})?$`);

const FRACTIONS: Readonly<Record<string, string>> = {
  Q: 'Quarterly',
  NovQ: 'QuarterlyNov',
  S: 'SixMonthly',
  AprilS: 'SixMonthlyApril',
  NovS: 'SixMonthlyNov',
};

/** Reads a period id; undefined when it is none, or names a period that does not exist. */
export function parsePeriodId(id: string): Dhis2Period | undefined {
  const match = ID.exec(id);
  if (!match) return undefined;
  const [, year = '', dash, month, day, pair, week, weekNumber, part, number, fiscal] = match;
  const found = (type: string, from: string): Dhis2Period | undefined =>
    isDay(from) ? periodHolding(type, from) : undefined;
  const same = (period: Dhis2Period | undefined): Dhis2Period | undefined =>
    period?.id === id ? period : undefined;
  if (day) return found('Daily', `${year}-${month}-${day}`);
  if (month) return dash === '-' || !pair ? found('Monthly', `${year}-${month}-01`) : undefined;
  if (pair) return same(found('BiMonthly', `${year}-${two(Number(pair) * 2 - 1)}-01`));
  if (week) return same(weekById(year, week, Number(weekNumber)));
  if (part) {
    const type = FRACTIONS[part]!;
    const { months, from, late = 0 } = MONTH_TYPES[type]!;
    const start = `${Number(year) - late}-${two(from)}-01`;
    return same(found(type, addMonths(start, (Number(number) - 1) * months)));
  }
  if (fiscal) {
    const { from, late = 0 } = MONTH_TYPES[`Financial${fiscal}`]!;
    return same(found(`Financial${fiscal}`, `${Number(year) - late}-${two(from)}-01`));
  }
  return found('Yearly', `${year}-01-01`);
}

function weekById(year: string, mark: string, number: number): Dhis2Period | undefined {
  const [type, how] = Object.entries(WEEK_TYPES).find(([, each]) => each.mark === mark)!;
  return periodHolding(
    type,
    addDays(firstWeek(Number(year), how.day), (number - 1) * 7 * how.weeks),
  );
}

/** Reads ADX's form; undefined when it is not the first day of a period of that length. */
export function parseAdxPeriod(adx: string): Dhis2Period | undefined {
  const [day = '', length = ''] = adx.split('/');
  if (!isDay(day) || !length) return undefined;
  for (const type of PERIOD_TYPES) {
    const period = periodHolding(type, day);
    if (period?.adx === `${day}/${length}`) return period;
  }
  return undefined;
}
