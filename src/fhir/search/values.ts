/**
 * The values of search terms: prefixes, partial dates as intervals, decimals with the precision in
 * which they were written, quantities and tokens.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#prefix, #date, #number, #quantity, #token
 */

import { Decimal as FloatingDecimal } from 'decimal.js';
import { problem } from '../../sdk/index.ts';
import { intervalOf } from '../definitions/dates.ts';
import { type DecimalRange, decimalRange } from '../definitions/decimals.ts';
import { split, unescaped } from './text-values.ts';

/** Digits enough for any number that is taken. */
const Decimal = FloatingDecimal.clone({ precision: 1000 });

export const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
export type Prefix = (typeof PREFIXES)[number];

/** Splits a prefix off a value; `eq` when there is none. */
export function prefixOf(text: string): { prefix: Prefix; rest: string } {
  const found = PREFIXES.find((prefix) => text.startsWith(prefix));
  return found ? { prefix: found, rest: text.slice(2) } : { prefix: 'eq', rest: text };
}

/** A date as the half-open interval that it covers; ISO instants in UTC, to the microsecond. */
export interface Interval {
  readonly prefix: Prefix;
  readonly lower: string;
  readonly upper: string;
}

/** Reads `[prefix]date`; partial dates cover their whole span; no zone means UTC. */
export function parseDate(text: string, name: string): Interval {
  const { prefix, rest } = prefixOf(text);
  const interval = spanOf(rest.replace(' ', '+'));
  if (!interval) {
    throw problem(
      'invalid',
      'search-date',
      `"${text}" is not a date; write e.g. 2026, 2026-01, 2026-01-31 or 2026-01-31T09:00:00Z.`,
      name,
    );
  }
  return { prefix, ...interval };
}

/**
 * Stored instants are kept to the microsecond. A value that is finer lies between two instants:
 * it is a span without length, at the end of its millisecond.
 */
function spanOf(text: string): { lower: string; upper: string } | undefined {
  const match = /^([^.]+\.)(\d{3})(\d{4,})(.*)$/.exec(text);
  if (!match) return intervalOf(text);
  const [, head, coarse, fine, zone] = match;
  const span = intervalOf(`${head}${coarse}${zone}`);
  return span && Number(fine) > 0 ? { lower: span.upper, upper: span.upper } : span;
}

/** A number with the range that its written precision covers, for `ap` a tenth; decimal texts. */
export interface NumberValue {
  readonly prefix: Prefix;
  readonly value: string;
  readonly low: string;
  readonly high: string;
}

/** Reads `[prefix]number`: `100` covers [99.5, 100.5), `1e2` covers [95, 105). */
export function parseNumber(text: string, name: string): NumberValue {
  const { prefix, rest } = prefixOf(text);
  const range = decimalRange(rest);
  if (!range) {
    throw problem(
      'invalid',
      'search-number',
      `"${text}" is not a number; write e.g. 12 or 5.40.`,
      name,
    );
  }
  return prefix === 'ap' ? { prefix, ...around(range.value) } : { prefix, ...range };
}

/** A number, and a tenth of it to either side. */
function around(value: string): DecimalRange {
  const exact = new Decimal(value);
  const tenth = exact.abs().div(10);
  return { value, low: exact.minus(tenth).toFixed(), high: exact.plus(tenth).toFixed() };
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
  if (more !== undefined || (system && !unit)) {
    throw problem(
      'invalid',
      'search-quantity',
      `"${text}": write number, number||unit or number|system|code.`,
      name,
    );
  }
  return {
    ...parseNumber(number, name),
    system: system || undefined,
    unit: unit || undefined,
  };
}
