/**
 * Dates and times as FHIR writes them: are they real, and which instants do they cover.
 *
 * A date of partial precision is an interval: `2020-12` is the whole month. Intervals are
 * half-open, in UTC; what has no zone is read in UTC. Checks look at characters and build nothing,
 * because every write runs them.
 *
 * Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/search.html#date
 */

const ZERO = 48;

/** The number written by two digits at a place; -1 when they are no digits. */
function two(text: string, at: number): number {
  const high = text.charCodeAt(at) - ZERO;
  const low = text.charCodeAt(at + 1) - ZERO;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Length of the date at the head of a text (4, 7 or 10), 0 when it is not a real one. */
function dateLength(text: string): number {
  const century = two(text, 0);
  const rest = two(text, 2);
  if (century < 0 || rest < 0 || century + rest === 0) return 0;
  if (text.charCodeAt(4) !== 45) return 4;
  const month = two(text, 5);
  if (month < 1 || month > 12) return 0;
  if (text.charCodeAt(7) !== 45) return 7;
  const day = two(text, 8);
  return day >= 1 && day <= daysInMonth(century * 100 + rest, month) ? 10 : 0;
}

/** Where `hh:mm:ss[.f]` that starts at a place ends; 0 when it is not a time. */
function timeEnd(text: string, at: number): number {
  const second = two(text, at + 6);
  if (
    !between(two(text, at), 23) ||
    text.charCodeAt(at + 2) !== 58 ||
    !between(two(text, at + 3), 59) ||
    text.charCodeAt(at + 5) !== 58 ||
    !between(second, 60)
  ) {
    return 0;
  }
  let end = at + 8;
  if (text.charCodeAt(end) !== 46) return end;
  const fraction = ++end;
  while (end < text.length && text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= 57) end++;
  return end > fraction ? end : 0;
}

function between(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

function isZone(text: string, at: number): boolean {
  const sign = text.charCodeAt(at);
  if (sign === 90) return text.length === at + 1;
  if ((sign !== 43 && sign !== 45) || text.length !== at + 6) return false;
  const hours = two(text, at + 1);
  const minutes = two(text, at + 4);
  if (text.charCodeAt(at + 3) !== 58) return false;
  return (between(hours, 13) && between(minutes, 59)) || (hours === 14 && minutes === 0);
}

/** True for a FHIR date: year, month or real day. */
export function isDate(text: string): boolean {
  const length = dateLength(text);
  return length > 0 && length === text.length;
}

/** True for a FHIR dateTime: a date, or a day with time, seconds and zone. */
export function isDateTime(text: string): boolean {
  const length = dateLength(text);
  if (length === 0 || length === text.length) return length > 0;
  return length === 10 && isTimeWithZone(text);
}

/** True for a FHIR instant: day, time to the second at least, zone. */
export function isInstant(text: string): boolean {
  return dateLength(text) === 10 && text.length > 10 && isTimeWithZone(text);
}

function isTimeWithZone(text: string): boolean {
  if (text.charCodeAt(10) !== 84) return false;
  const end = timeEnd(text, 11);
  return end > 0 && isZone(text, end);
}

/** True for a FHIR time: `hh:mm:ss[.f]`, no zone. */
export function isTime(text: string): boolean {
  return text.length >= 8 && timeEnd(text, 0) === text.length;
}

/** Half-open interval of ISO instants in UTC. */
export interface Interval {
  readonly lower: string;
  readonly upper: string;
}

const PARTS =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/**
 * The instants that a date, dateTime or instant covers; undefined for what is none. Lenient where
 * the format checks are strict: a zone or the seconds may be missing, as in search values.
 */
export function intervalOf(text: string): Interval | undefined {
  if (text.length === 10 && dateLength(text) === 10) return wholeDay(text);
  const match = PARTS.exec(text);
  if (!match || dateLength(text) === 0) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  if (day === undefined) return wholeMonths(Number(year), month);
  const start = utc(Number(year), Number(month) - 1, Number(day));
  if (hour === undefined) return { lower: iso(start), upper: iso(start + 86_400_000) };
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 60) return undefined;
  const at =
    start +
    (Number(hour) * 60 + Number(minute) - zoneMinutes(zone)) * 60_000 +
    Number(second ?? 0) * 1000;
  if (second === undefined) return { lower: iso(at), upper: iso(at + 60_000) };
  return fraction === undefined
    ? { lower: iso(at), upper: iso(at + 1000) }
    : withFraction(at, fraction);
}

/** A day as it is written mostly: its bounds are written likewise, without a Date. */
function wholeDay(text: string): Interval {
  const lower = `${text}T00:00:00Z`;
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  if (day < daysInMonth(year, month)) {
    return { lower, upper: `${text.slice(0, 8)}${padded(day + 1)}T00:00:00Z` };
  }
  if (month < 12) return { lower, upper: `${text.slice(0, 5)}${padded(month + 1)}-01T00:00:00Z` };
  return { lower, upper: `${String(year + 1).padStart(4, '0')}-01-01T00:00:00Z` };
}

function padded(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

function wholeMonths(year: number, month: string | undefined): Interval {
  const first = month === undefined ? 0 : Number(month) - 1;
  const count = month === undefined ? 12 : 1;
  return { lower: iso(utc(year, first, 1)), upper: iso(utc(year, first + count, 1)) };
}

/** Microseconds are kept; finer digits than PostgreSQL holds are cut. */
function withFraction(at: number, fraction: string): Interval {
  const digits = fraction.slice(0, 6);
  const unit = 10 ** (6 - digits.length);
  const lower = Number(digits) * unit;
  return { lower: isoMicros(at, lower), upper: isoMicros(at, lower + unit) };
}

function isoMicros(at: number, micros: number): string {
  const whole = iso(at + Math.floor(micros / 1_000_000) * 1000);
  const rest = micros % 1_000_000;
  if (rest === 0) return whole;
  const text = String(rest).padStart(6, '0').replace(/0+$/, '');
  return `${whole.slice(0, -1)}.${text.padEnd(3, '0')}Z`;
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = two(zone, 1) * 60 + two(zone, 4);
  return zone.charCodeAt(0) === 45 ? -minutes : minutes;
}

/** Date.UTC reads years below 100 as 19xx; FHIR's years are what they say. */
function utc(year: number, month: number, day: number): number {
  return year >= 100
    ? Date.UTC(year, month, day)
    : new Date(Date.UTC(2000, month, day)).setUTCFullYear(year, month, day);
}

/** ISO instant without milliseconds, with five digits for the year 10000. */
function iso(at: number): string {
  const text = new Date(at).toISOString();
  const year = text.startsWith('+') ? text.slice(2) : text;
  return year.startsWith('-') ? '0001-01-01T00:00:00Z' : year.replace('.000Z', 'Z');
}
