/**
 * The values of search terms: prefixes, partial dates as intervals, decimals with the precision in
 * which they were written, quantities and tokens.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#prefix, #date, #number, #quantity, #token
 */

import { problem } from '../../sdk/index.ts';
import { split, unescaped } from './parse.ts';

export const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
export type Prefix = (typeof PREFIXES)[number];

/** Splits a prefix off a value; `eq` when there is none. */
export function prefixOf(text: string): { prefix: Prefix; rest: string } {
  const found = PREFIXES.find((prefix) => text.startsWith(prefix));
  return found ? { prefix: found, rest: text.slice(2) } : { prefix: 'eq', rest: text };
}

/** A date as the half-open interval that it covers, in UTC. */
export interface Interval {
  readonly prefix: Prefix;
  readonly lower: Date;
  readonly upper: Date;
}

const DATE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;

/** Reads `[prefix]date`; partial dates cover their whole span; no zone means UTC. */
export function parseDate(text: string, name: string): Interval {
  const { prefix, rest } = prefixOf(text);
  const match = DATE.exec(rest.replace(' ', '+'));
  const lower = match ? startOf(match) : undefined;
  if (!match || !lower) {
    throw problem(
      'invalid',
      'search-date',
      `"${text}" is not a date; write e.g. 2026, 2026-01, 2026-01-31 or 2026-01-31T09:00:00Z.`,
      name,
    );
  }
  return { prefix, lower, upper: endOf(match, lower) };
}

function startOf(match: RegExpExecArray): Date | undefined {
  const [
    ,
    year,
    month = '01',
    day = '01',
    hour = '00',
    minute = '00',
    second = '00',
    part = '',
    zone = 'Z',
  ] = match;
  const date = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}${part.slice(0, 4)}${zone}`,
  );
  if (Number.isNaN(date.getTime())) return undefined;
  const last = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) > last ? undefined : date;
}

function endOf(match: RegExpExecArray, lower: Date): Date {
  const [, , month, day, hour, , second, part] = match;
  const end = new Date(lower);
  if (!month) end.setUTCFullYear(end.getUTCFullYear() + 1);
  else if (!day) end.setUTCMonth(end.getUTCMonth() + 1);
  else if (!hour) end.setUTCDate(end.getUTCDate() + 1);
  else if (!second) end.setTime(end.getTime() + 60_000);
  else if (!part) end.setTime(end.getTime() + 1000);
  else end.setTime(end.getTime() + 1);
  return end;
}

/** A number with the range that its written precision covers; decimal texts. */
export interface NumberValue {
  readonly prefix: Prefix;
  readonly value: string;
  readonly low: string;
  readonly high: string;
}

/** Reads `[prefix]number`: `100` covers [99.5, 100.5), `1e2` one significant digit [50, 150). */
export function parseNumber(text: string, name: string): NumberValue {
  const { prefix, rest } = prefixOf(text);
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(rest);
  if (!match) {
    throw problem(
      'invalid',
      'search-number',
      `"${text}" is not a number; write e.g. 12 or 5.40.`,
      name,
    );
  }
  const fraction = match[3] ?? '';
  const exponent = Number(match[4] ?? 0) - fraction.length;
  const digits = BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${fraction}`) * 10n;
  const at = (tenths: bigint): string => decimalText(tenths, exponent - 1);
  return { prefix, value: at(digits), low: at(digits - 5n), high: at(digits + 5n) };
}

function decimalText(digits: bigint, exponent: number): string {
  const sign = digits < 0n ? '-' : '';
  let text = (digits < 0n ? -digits : digits).toString();
  if (exponent >= 0) return sign + text + '0'.repeat(exponent);
  text = text.padStart(1 - exponent, '0');
  return `${sign}${text.slice(0, exponent)}.${text.slice(exponent)}`;
}

/** A token: `code`, `system|code`, `|code`, `system|`. */
export interface Token {
  /** Undefined: any system. Empty: none. */
  readonly system: string | undefined;
  /** Empty: any code of the system. */
  readonly code: string;
}

/** Reads a token. */
export function parseToken(text: string, name: string): Token {
  const parts = split(text, '|').map(unescaped);
  if (parts.length > 2 || (parts.length === 2 && parts[0] === '' && parts[1] === '')) {
    throw problem(
      'invalid',
      'search-token',
      `"${text}": write code, system|code, |code or system|.`,
      name,
    );
  }
  return parts.length === 1
    ? { system: undefined, code: parts[0]! }
    : { system: parts[0]!, code: parts[1]! };
}

/** A quantity: a number, and the unit it must have. */
export interface QuantityValue extends NumberValue {
  readonly system: string | undefined;
  readonly unit: string | undefined;
}

/** Reads `[prefix]number[|system|code]`. */
export function parseQuantity(text: string, name: string): QuantityValue {
  const [number = '', system, unit, more] = split(text, '|').map(unescaped);
  if (more !== undefined) {
    throw problem('invalid', 'search-quantity', `"${text}": write number|system|code.`, name);
  }
  return {
    ...parseNumber(number, name),
    system: system || undefined,
    unit: unit || undefined,
  };
}
