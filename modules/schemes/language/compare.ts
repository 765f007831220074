/**
 * Comparisons: numbers, codes, days, yes and no. A fact takes the kind of what it is compared with.
 */

import { addMonths } from '../../../src/sdk/index.ts';
import { compareNumbers, MIRRORED } from './arithmetic.ts';
import type { Compiling } from './compiling.ts';
import { not, quote, reachedBy } from './sql.ts';
import {
  type NumberValue,
  type Scalar,
  toCode,
  toDate,
  toNumber,
  toScalar,
  truth,
  type Value,
  wrong,
} from './values.ts';

/** Ages beyond 200 years take the general way of comparing; their days would leave the calendar. */
const AGE_MONTHS_MAX = 2400;

/** `<`, `<=`, `>`, `>=`. */
export function compareValues(
  _: Compiling,
  operator: string,
  left: Value,
  right: Value,
  at: number,
): string {
  if (left.is === 'date' || right.is === 'date') return compareDates(operator, left, right, at);
  for (const side of [left, right]) {
    if (side.is === 'boolean') throw wrong('yes and no have no order', at);
    if (side.is === 'code' || side.is === 'text') {
      throw wrong('codes have no order; use = or !=', at);
    }
  }
  const [a, b] = [toNumber(left, at), toNumber(right, at)];
  return compareAge(operator, a, b) ?? compareNumbers(operator, a, b);
}

/** True where both are the same; null where that cannot be known. */
export function equality(_: Compiling, left: Value, right: Value, at: number): string {
  const [a, b] = [toScalar(left, at), toScalar(right, at)];
  const kinds = new Set([a.is, b.is]);
  if (kinds.has('boolean')) return `(${truth(a, at)} = ${truth(b, at)})`;
  if (kinds.has('date')) return compareDates('=', a, b, at);
  if (kinds.has('text')) return textEquality(a, b, at);
  if (kinds.has('code')) return `(${toCode(a, at)} = ${toCode(b, at)})`;
  if (a.is === 'fact' && b.is === 'fact') {
    return `coalesce(${a.number} = ${b.number}, ${a.code} = ${b.code}, ${a.boolean} = ${b.boolean})`;
  }
  const [x, y] = [toNumber(a, at), toNumber(b, at)];
  return compareAge('=', x, y) ?? compareNumbers('=', x, y);
}

function textEquality(a: Scalar, b: Scalar, at: number): string {
  if (a.is === 'text' && b.is === 'text') return String(a.text === b.text);
  return a.is === 'text'
    ? codeAmong(b, [a.text], at)
    : codeAmong(a, [(b as { text: string }).text], at);
}

/** `x in (a | b)`. */
export function membership(_: Compiling, left: Value, right: Value, at: number): string {
  const items = right.is === 'list' ? right.items : [toScalar(right, at)];
  const texts = items.flatMap((item) => (item.is === 'text' ? [item.text] : []));
  if (texts.length === items.length) return codeAmong(toScalar(left, at), texts, at);
  const each = items.map((item) => equality(_, left, item, at));
  return `(${each.join(' or ')})`;
}

function codeAmong(value: Scalar, texts: readonly string[], at: number): string {
  if (value.is === 'text') return String(texts.includes(value.text));
  const odd = value.is === 'code' && texts.find((text) => value.among?.has(text) === false);
  if (odd) {
    const known = value.is === 'code' ? [...(value.among ?? [])].join(', ') : '';
    throw wrong(`'${odd}' is not one of ${known}`, at);
  }
  return `(${toCode(value, at)} in (${texts.map(quote).join(', ')}))`;
}

function compareDates(operator: string, left: Value, right: Value, at: number): string {
  const [a, b] = [toDate(left, at), toDate(right, at)];
  const exact = a.low === a.high && b.low === b.high;
  if (exact) return `(${a.low} ${operator} ${b.low})`;
  if (operator === '=') {
    return (
      `(case when ${a.high} < ${b.low} or ${b.high} < ${a.low} then false ` +
      `when ${a.low} = ${a.high} and ${b.low} = ${b.high} and ${a.low} = ${b.low} then true end)`
    );
  }
  if (operator === '<' || operator === '<=') {
    return compareDates(MIRRORED[operator] as string, right, left, at);
  }
  const opposite = operator === '>' ? '<=' : '<';
  return (
    `(case when ${a.low} ${operator} ${b.high} then true ` +
    `when ${a.high} ${opposite} ${b.low} then false end)`
  );
}

/** Age against a whole number becomes one comparison of days, which the rows answer at once. */
export function compareAge(
  operator: string,
  left: NumberValue,
  right: NumberValue,
): string | undefined {
  const { age } = left;
  if (!age) {
    return right.age && left.literal !== undefined
      ? compareAge(MIRRORED[operator] as string, right, left)
      : undefined;
  }
  const limit = Number(right.literal);
  if (!/^\d+$/.test(right.literal ?? '') || limit * age.months > AGE_MONTHS_MAX) return undefined;
  const reached = (count: number) => reachedBy(addMonths(age.on, -count * age.months));
  switch (operator) {
    case '>=':
      return reached(limit);
    case '>':
      return reached(limit + 1);
    case '<':
      return not(reached(limit));
    case '<=':
      return not(reached(limit + 1));
    case '=':
      return `(${reached(limit)} and ${not(reached(limit + 1))})`;
    default:
      return `(${not(reached(limit))} or ${reached(limit + 1)})`;
  }
}
