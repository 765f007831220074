/**
 * What a part of a rule is once it has been compiled: a number with its bounds, a condition, a
 * code, a day, members, or a fact whose kind is told by what it stands beside.
 */

import { exactly, not, quote, type Range } from './sql.ts';
import { CriterionFault } from './syntax.ts';

/** A number. */
export interface NumberValue {
  readonly is: 'number';
  readonly range: Range;
  /** SQL of type bigint; else numeric. */
  readonly whole: boolean;
  /** It never lies beyond this, up or down. */
  readonly most: number;
  /** Never null. */
  readonly sure: boolean;
  /** The text of a literal. */
  readonly literal?: string;
  /** An age, which compares as days. */
  readonly age?: { readonly months: number; readonly on: string };
  /** A quotient, which compares as a fraction. */
  readonly ratio?: { readonly over: NumberValue; readonly under: NumberValue };
}

/** A fact of a registry: SQL of the value as number, as text, as yes or no; and whether known. */
export interface FactValue {
  readonly is: 'fact';
  readonly number: string;
  readonly code: string;
  readonly boolean: string;
  readonly any: string;
}

export interface CodeValue {
  readonly is: 'code';
  readonly sql: string;
  /** All codes that it can have, where these are few. */
  readonly among?: ReadonlySet<string>;
}

/** Days are compared as ISO text. */
export interface DateValue {
  readonly is: 'date';
  readonly low: string;
  readonly high: string;
  readonly literal?: string;
}

export type Scalar =
  | { readonly is: 'boolean'; readonly sql: string }
  | NumberValue
  | FactValue
  | CodeValue
  | DateValue
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'empty' };

export type Value =
  | Scalar
  | { readonly is: 'list'; readonly items: readonly Scalar[] }
  | MembersValue
  | ValuesValue;

/** Members for whom conditions hold. */
export interface MembersValue {
  readonly is: 'members';
  readonly where: readonly string[];
  /** The layer of the household that the conditions read; 0: facts of members only. */
  readonly layer: number;
}

/** A value of each of these members. */
export interface ValuesValue {
  readonly is: 'values';
  readonly where: readonly string[];
  readonly of: Scalar;
  readonly layer: number;
}

export function wrong(message: string, at: number): CriterionFault {
  return new CriterionFault(message, at);
}

export function unknownName(name: string, at: number, known: string): CriterionFault {
  return new CriterionFault(`${name} is not known here: ${known}`, at);
}

/** Whole numbers of this size and more are computed as decimals. */
export const BIGINT_MAX = 9e18;

/** A literal number. */
export function literal(text: string): NumberValue {
  const most = Math.abs(Number(text));
  const whole = /^-?\d+$/.test(text) && most < 1e18;
  const sql = text.startsWith('-') ? `(${text})` : text;
  return {
    is: 'number',
    range: exactly(whole ? `${sql}::bigint` : `${sql}::numeric`),
    whole,
    most,
    sure: true,
    literal: text,
  };
}

/** A number in SQL of type bigint, or numeric when it is not whole. */
export function numberValue(
  range: Range | string,
  options: { whole?: boolean; most?: number; sure?: boolean } = {},
): NumberValue {
  return {
    is: 'number',
    range: typeof range === 'string' ? exactly(range) : range,
    whole: options.whole ?? false,
    most: options.most ?? Number.POSITIVE_INFINITY,
    sure: options.sure ?? false,
  };
}

/** A condition; a fact by itself is a yes-or-no fact. */
export function truth(value: Value, at: number): string {
  if (value.is === 'boolean') return value.sql;
  if (value.is === 'fact') return value.boolean;
  if (value.is === 'empty') return 'null::boolean';
  throw wrong('a condition (yes or no) is expected here', at);
}

/** A number; a fact beside a number is a number. */
export function toNumber(value: Value, at: number): NumberValue {
  if (value.is === 'number') return value;
  if (value.is === 'fact') return numberValue(value.number);
  if (value.is === 'empty') return numberValue('null::numeric');
  throw wrong('a number is expected here', at);
}

/** SQL of a code. */
export function toCode(value: Value, at: number): string {
  if (value.is === 'code') return value.sql;
  if (value.is === 'fact') return value.code;
  if (value.is === 'empty') return 'null::text';
  throw wrong('a code is expected here', at);
}

/** A day; a fact beside a day is one. */
export function toDate(value: Value, at: number): DateValue {
  if (value.is === 'date') return value;
  if (value.is === 'fact') return { is: 'date', low: value.code, high: value.code };
  if (value.is === 'empty') return { is: 'date', low: 'null::text', high: 'null::text' };
  throw wrong('a day such as @2026-01-31 is expected here', at);
}

export function toScalar(value: Value, at: number): Scalar {
  if (value.is === 'members' || value.is === 'values' || value.is === 'list') {
    throw wrong('one value is expected here, not several; count, sum, or pick one', at);
  }
  return value;
}

export function logic(operator: string, left: string, right: string): string {
  if (operator === 'xor') return `(${left} <> ${right})`;
  if (operator === 'implies') return `(${not(left)} or ${right})`;
  return `(${left} ${operator} ${right})`;
}

/** SQL of a code or of a text. */
export function codeOf(value: Scalar, at: number): string {
  return value.is === 'text' ? quote(value.text) : toCode(value, at);
}
