/**
 * Arithmetic of rules in SQL: exact decimals, bounds kept where they can be, whole numbers computed
 * as bigint as long as none can overflow.
 */

import {
  calculate,
  certain,
  compare as compareRanges,
  exactly,
  isExact,
  type Range,
} from './sql.ts';
import { BIGINT_MAX, type NumberValue, numberValue, wrong } from './values.ts';

const SQL_MAX = 20_000;

/** Computes `left operator right`: + - * / div mod. */
export function arithmetic(
  operator: string,
  left: NumberValue,
  right: NumberValue,
  at: number,
): NumberValue {
  const product = operator === '*' && productOfQuotient(left, right, at);
  if (product) return product;
  const bothWhole = left.whole && right.whole;
  const most = reach(operator, left.most, right.most);
  const whole = bothWhole && operator !== '/' && most < BIGINT_MAX;
  const first = bothWhole && !whole ? decimal(left.range) : left.range;
  const range = calculate(operator, first, right.range, whole);
  // Bounds of bounds grow fourfold each time; no rule that a person can review comes near.
  if (range.low.length > SQL_MAX) throw wrong('this calculation is too deep; simplify it', at);
  const divides = operator === '/' || operator === 'div' || operator === 'mod';
  return {
    ...numberValue(range, { whole, most, sure: left.sure && right.sure && !divides }),
    ...(operator === '/' && { ratio: { over: left, under: right } }),
  };
}

/**
 * A quotient times a number is divided last, so that a third of 0.036 times four is 0.048 and no
 * digit less: a score that is truncated may depend on it.
 */
function productOfQuotient(
  left: NumberValue,
  right: NumberValue,
  at: number,
): NumberValue | undefined {
  if (!left.ratio && right.ratio) return productOfQuotient(right, left, at);
  const { ratio } = left;
  if (!ratio || right.ratio) return undefined;
  const over = arithmetic('*', known(ratio.over), known(right), at);
  return arithmetic('/', over, known(ratio.under), at);
}

/** The number where its bounds agree; what is multiplied further is no longer compared by them. */
function known(value: NumberValue): NumberValue {
  if (isExact(value.range)) return value;
  return numberValue(certain(value.range), { whole: value.whole, most: value.most });
}

function reach(operator: string, left: number, right: number): number {
  if (operator === '+' || operator === '-') return left + right;
  if (operator === '*') return left * right;
  if (operator === 'div') return left;
  if (operator === 'mod') return Math.min(left, right);
  return Number.POSITIVE_INFINITY;
}

function decimal({ low, high }: Range): Range {
  return low === high
    ? exactly(`${low}::numeric`)
    : { low: `${low}::numeric`, high: `${high}::numeric` };
}

/** Compares numbers; a quotient is compared as a fraction, so that 1/3 is exactly a third. */
export function compareNumbers(operator: string, left: NumberValue, right: NumberValue): string {
  const { ratio } = left;
  if (!ratio && right.ratio) return compareNumbers(MIRRORED[operator] as string, right, left);
  const exact = ratio && [ratio.over, ratio.under, right].every((each) => isExact(each.range));
  if (!exact) return compareRanges(operator, left.range, right.range);
  const [over, under] = [ratio.over.range.low, ratio.under.range.low];
  const product = arithmetic('*', right, ratio.under, 0).range.low;
  const sides = (symbol: string) => `(${over}) ${symbol} ${product}`;
  const symbol = operator === '!=' ? '<>' : operator;
  if (operator === '=' || operator === '!=') {
    return `(case when ${under} <> 0 then ${sides(symbol)} end)`;
  }
  return (
    `(case when ${under} > 0 then ${sides(symbol)} ` +
    `when ${under} < 0 then ${sides(MIRRORED[operator] as string)} end)`
  );
}

/** The same comparison with its sides exchanged. */
export const MIRRORED: Readonly<Record<string, string>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** Applies a function that never decreases to both bounds. */
function rising(value: NumberValue, apply: (sql: string) => string): Range {
  return isExact(value.range)
    ? exactly(apply(value.range.low))
    : { low: apply(value.range.low), high: apply(value.range.high) };
}

/** `floor`, `ceiling`, `truncate`, `round`, `abs` of a number. */
export function numberFunction(name: string, value: NumberValue, places: string): NumberValue {
  if (name === 'abs') {
    const sql = `abs(${certain(value.range)})`;
    return numberValue(sql, { ...value, sure: value.sure && isExact(value.range) });
  }
  if (value.whole) return value;
  const apply: Readonly<Record<string, (sql: string) => string>> = {
    floor: (sql) => `floor(${sql})`,
    ceiling: (sql) => `ceil(${sql})`,
    truncate: (sql) => `trunc(${sql})`,
    round: (sql) => `round(${sql}, ${places})`,
  };
  const range = rising(value, apply[name] as (sql: string) => string);
  return numberValue(range, { sure: value.sure, most: value.most + 1 });
}

/** The least or greatest of several; unknown as soon as one of them is. */
export function extreme(name: 'least' | 'greatest', values: readonly NumberValue[]): NumberValue {
  const sides = (side: 'low' | 'high') => {
    const inputs = values.map((each) => each.range[side]);
    const doubtful = values.filter((each) => !each.sure).map((each) => each.range[side]);
    const sql = `${name}(${inputs.join(', ')})`;
    if (doubtful.length === 0) return sql;
    return `(case when ${doubtful.map((each) => `${each} is not null`).join(' and ')} then ${sql} end)`;
  };
  const [low, high] = [sides('low'), sides('high')];
  return numberValue(low === high ? exactly(low) : { low, high }, {
    whole: values.every((each) => each.whole),
    most: Math.max(...values.map((each) => each.most)),
    sure: values.every((each) => each.sure),
  });
}

export const ROUNDING_MODES = ['down', 'up', 'half-up', 'half-even'] as const;
export type RoundingMode = (typeof ROUNDING_MODES)[number];

/** SQL of the multiple of `unit` (a positive literal) next to a number; half-up: away from zero. */
export function roundedTo(sql: string, unit: string, mode: RoundingMode): string {
  const parts = unit === '1' ? `(${sql})::numeric` : `((${sql})::numeric / ${unit})`;
  const rounded = {
    down: `trunc(${parts})`,
    up: `(sign(${parts}) * ceil(abs(${parts})))`,
    'half-up': `round(${parts})`,
    'half-even':
      `(case when abs(${parts} - trunc(${parts})) = 0.5 ` +
      `then trunc(${parts}) + sign(${parts}) * abs(trunc(${parts}) % 2) else round(${parts}) end)`,
  }[mode];
  return unit === '1' ? rounded : `(${rounded} * ${unit})`;
}
