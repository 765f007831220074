/**
 * Birth dates as they come from registries: whole, partly known, swapped, guessed.
 *
 * R4 lets a birthDate be a year or a month; 1 January is what clerks write for "some time in that
 * year", so both count as a year only. A date that cannot be is tried with day and month swapped,
 * else its year is kept.
 */

import { asciiDigits } from './fold.ts';

/** yyyymmdd; month and day 00 where the year alone is known; 0 where nothing is. */
export type BirthDay = number;

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function possible(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]!) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month !== 2 || day < 29 || leap || year === 0;
}

/** A birth day from its numbers; each 0 where unknown. */
export function birthDayOf(year: number, month: number, day: number): BirthDay {
  const known = year >= 1000 && year <= 9999 ? year : 0;
  if (month === 1 && day === 1) return known * 10_000;
  if (possible(known, month, day)) return known * 10_000 + month * 100 + day;
  if (possible(known, day, month)) return known * 10_000 + day * 100 + month;
  return known * 10_000;
}

/** Names of months by their first letters, in the languages that officials write them in. */
const MONTHS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(jan|ene)\p{L}*/iu, '01'],
  [/\b(feb|fev|fév)\p{L}*/iu, '02'],
  [/\bmar\p{L}*/iu, '03'],
  [/\b(apr|avr|abr)\p{L}*/iu, '04'],
  [/\b(may|mai)\p{L}*/iu, '05'],
  [/\b(jun|juin)\p{L}*/iu, '06'],
  [/\bjul\p{L}*|\bjuil\p{L}*/iu, '07'],
  [/\b(aug|ago|aou|aoû)\p{L}*/iu, '08'],
  [/\b(sep|set)\p{L}*/iu, '09'],
  [/\b(oct|out|okt)\p{L}*/iu, '10'],
  [/\bnov\p{L}*/iu, '11'],
  [/\b(dec|déc|dic|dez)\p{L}*/iu, '12'],
];

/** Years of two digits up to this are of this century. */
const SHORT_YEAR_MAX = 29;

const yearOf = (digits: string): number => {
  const year = Number(digits);
  if (digits.length > 2) return year;
  return year + (year <= SHORT_YEAR_MAX ? 2000 : 1900);
};

/**
 * A birth day from text, in digits of any script; a time after it is left out.
 *
 * @param format letters y, M and d where the text has the year's, month's and day's digits; parts that
 *   are set apart may be written shorter, and months by name. Default: FHIR's yyyy-MM-dd, also cut short
 */
export function readBirthDay(text: string, format = 'yyyy-MM-dd'): BirthDay {
  const ascii = withoutNames(asciiDigits(text.slice(0, 60)).trim()).replace(
    /(?<=\d)[T ]\d{1,2}:\d\d.*$/,
    '',
  );
  const found = patternOf(format).exec(ascii)?.groups;
  if (found !== undefined) {
    const { y = '', M = '0', d = '0' } = found;
    return birthDayOf(y === '' ? 0 : yearOf(y), Number(M), Number(d));
  }
  const year = /(?<!\d)(1[89]|20)\d\d(?!\d)/.exec(ascii)?.[0] ?? /^(1[89]|20)\d\d/.exec(ascii)?.[0];
  return year === undefined ? 0 : Number(year) * 10_000;
}

function withoutNames(text: string): string {
  if (!/\p{L}{3}/u.test(text)) return text;
  return MONTHS.reduce((so, [name, number]) => so.replace(name, number), text);
}

const patterns = new Map<string, RegExp>();

/**
 * The digits of each part; where something stands between the parts, also fewer of them, and whatever
 * stands between them, since clerks change it: 7.4.1999 for 07/04/1999.
 */
function patternOf(format: string): RegExp {
  const known = patterns.get(format);
  if (known !== undefined) return known;
  const pieces = [...format.matchAll(/y+|M+|d+|[^yMd]+/g)].map(([piece]) => piece);
  const apart = pieces.some((piece) => !'yMd'.includes(piece[0]!));
  const source = pieces.map((piece) => {
    const letter = piece[0]!;
    if (!'yMd'.includes(letter)) return String.raw`[^\p{L}\d]+`;
    if (letter === 'y') return `(?<y>\\d{${piece.length === 1 ? '4' : piece.length}})`;
    return `(?<${letter}>\\d{${apart || piece.length === 1 ? '1,2' : piece.length}})`;
  });
  const pattern = new RegExp(`^${source.join('')}$`, 'u');
  patterns.set(format, pattern);
  return pattern;
}

/** Whether month and day are known. */
export const isWhole = (day: BirthDay): boolean => day % 10_000 !== 0 && day >= 10_000;
