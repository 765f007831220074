/**
 * Birth dates as they come from registries: whole, partly known, swapped, guessed.
 *
 * R4 lets a birthDate be a year or a month; 1 January is what clerks write for "some time in that
 * year", so both count as a year only. A date that cannot be is tried with day and month swapped,
 * else its year is kept.
 */

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

/**
 * A birth day from text.
 *
 * @param format letters y, M and d where the text has the year's, month's and day's digits; one
 *   letter (M, d) stands for one or two digits. Default: FHIR's yyyy-MM-dd, also cut short.
 */
export function readBirthDay(text: string, format = 'yyyy-MM-dd'): BirthDay {
  const ascii = text.normalize('NFKC').trim();
  const part = (letter: string): number => Number(found?.groups?.[letter] ?? 0);
  const found = patternOf(format).exec(ascii);
  if (found === null) {
    const year =
      /(?<!\d)(1[89]|20)\d\d(?!\d)/.exec(ascii)?.[0] ?? /^(1[89]|20)\d\d/.exec(ascii)?.[0];
    return year === undefined ? 0 : Number(year) * 10_000;
  }
  return birthDayOf(part('y'), part('M'), part('d'));
}

const patterns = new Map<string, RegExp>();

function patternOf(format: string): RegExp {
  const known = patterns.get(format);
  if (known !== undefined) return known;
  const pieces = [...format.matchAll(/y+|M+|d+|[^yMd]+/g)].map(([piece]) => piece);
  const source = pieces.map((piece) => {
    const letter = piece[0]!;
    if (!'yMd'.includes(letter)) return piece.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    const digits = piece.length === 1 ? '1,2' : String(piece.length);
    return `(?<${letter}>\\d{${digits}})`;
  });
  const pattern = new RegExp(`^${source.join('')}$`);
  patterns.set(format, pattern);
  return pattern;
}

/** Whether month and day are known. */
export const isWhole = (day: BirthDay): boolean => day % 10_000 !== 0 && day >= 10_000;
