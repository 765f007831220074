/**
 * Functions whose values no finite decimal states: `sqrt`, `ln`, `log`, `exp`, `power`. Scores are
 * published with them (the logarithm of the size, income by the root of the size), and both engines
 * must come to one amount: each rounds input to 20 and result to 10 decimals, halves away from zero.
 *
 * The SQL functions stand in migrations/0146_schemes_curve.sql.
 */

import { Decimal } from 'decimal.js';
import { numberOf } from './evaluate.ts';
import { certain } from './sql.ts';
import { type NumberValue, numberValue } from './values.ts';

/** Inputs that each takes besides the number it is called on. */
export const CURVES: Readonly<Record<string, 0 | 1>> = {
  ...{ sqrt: 0, ln: 0, exp: 0 },
  ...{ log: 1, power: 1 },
};

/** e to this is the largest value: of more, nobody's money is computed. */
const EXPONENT_MAX = 40;

const exact = Decimal.clone({ precision: 60, rounding: Decimal.ROUND_HALF_UP });

/** SQL of a curve at numbers; null where it has no value, or one beyond e to the 40th. */
export function curve(name: string, inputs: readonly NumberValue[]): NumberValue {
  const sql = inputs.map(({ range }) => `(${certain(range)})::numeric`);
  return numberValue(`schemes_${name}(${sql.join(', ')})`);
}

/** The same by decimal.js; undefined where the SQL is null. */
export function curveAt(name: string, texts: readonly string[]): unknown {
  const [x, y] = texts.map((text) => new exact(text).toDecimalPlaces(20));
  const value = x && atPoint(name, x, y ?? x);
  return value && numberOf(value.toDecimalPlaces(10).toFixed());
}

function atPoint(name: string, x: Decimal, y: Decimal): Decimal | undefined {
  switch (name) {
    case 'sqrt':
      return x.isNegative() && !x.isZero() ? undefined : x.sqrt();
    case 'ln':
      return x.gt(0) ? x.ln() : undefined;
    case 'log':
      return x.gt(0) && y.gt(0) && !y.eq(1) ? x.ln().div(y.ln()) : undefined;
    case 'exp':
      return x.abs().lte(EXPONENT_MAX) ? x.exp() : undefined;
    default:
      return power(x, y);
  }
}

function power(x: Decimal, y: Decimal): Decimal | undefined {
  if (x.isZero()) return y.isNegative() && !y.isZero() ? undefined : new exact(y.isZero() ? 1 : 0);
  if (x.isNegative() && !y.isInteger()) return undefined;
  return y.mul(x.abs().ln()).abs().lte(EXPONENT_MAX) ? x.pow(y) : undefined;
}
