/**
 * Units of UCUM reduced to base units, so that `5400 mg` is found by `5.4 g`, the same for what is
 * stored and what is asked. Magnitudes come from the package of the US National Library of
 * Medicine; the arithmetic on values is decimal, so that 1 mg is exactly 0.001 g.
 *
 * Compared as written: units that are not UCUM's, that carry an annotation (`{score}`), that are
 * arbitrary (`[iU]`, which UCUM lets nobody convert), and that are logarithms (`[pH]`, `B`).
 *
 * Spec: https://hl7.org/fhir/R4/search.html#quantity, https://ucum.org/ucum
 */

import { createRequire } from 'node:module';
import { Decimal } from 'decimal.js';
import { LRUCache } from 'lru-cache';
import type { DecimalRange } from './decimals.ts';
import { unitHash } from './hash.ts';

export const UCUM = 'http://unitsofmeasure.org';

/** A unit as a measure of base units. */
export interface BaseUnit {
  /** The same for units that can be compared. */
  readonly name: string;
  /** A decimal text in base units; plain, without exponent. */
  convert(value: string): string;
}

/** Longer codes are no unit that anybody measures in. */
const CODE_MAX = 64;
const KNOWN_MAX = 2000;
/** Digits that magnitudes, which are floating point, are good for. */
const DIGITS = 14;
/** A magnitude of fewer digits is taken as exact. */
const DIGITS_EXACT = 10;

const Exact = Decimal.clone({ precision: 150, toExpNeg: -9e15, toExpPos: 9e15 });

/** What we use of the package, which brings no types. */
interface Ucum {
  getSpecifiedUnit(code: string, use: 'validate'): { readonly unit: UcumUnit | null };
  convertToBaseUnits(code: string, value: number): { readonly magnitude?: number };
}

interface UcumUnit {
  readonly magnitude_?: number;
  readonly dim_?: { readonly dimVec_?: readonly number[] | null } | null;
  readonly moleExp_?: number;
  readonly isArbitrary_?: boolean;
  readonly isSpecial_?: boolean;
}

const known = new LRUCache<string, { readonly unit: BaseUnit | undefined }>({ max: KNOWN_MAX });
let loaded: Ucum | undefined;

/** The package, loaded when the first unit is met: that takes a fifth of a second. */
function ucum(): Ucum {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  loaded = require('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance() as Ucum;
  return loaded;
}

/** A unit in base units; undefined when it can only be compared as written. */
export function baseUnit(system: string | undefined, code: string | undefined) {
  if (system !== UCUM || !code || code.length > CODE_MAX || code.includes('{')) return undefined;
  let found = known.get(code);
  if (!found) {
    found = { unit: reduced(code) };
    known.set(code, found);
  }
  return found.unit;
}

/** The unit of a number row that is in base units; no code of UCUM begins with `=`. */
export function baseUnitHash({ name }: BaseUnit): bigint {
  return unitHash(UCUM, `=${name}`);
}

/** The last conversion: several parameters read one element, one after the other. */
let last: { unit: BaseUnit; from: DecimalRange; range: DecimalRange } | undefined;

/** The range of a number in base units. */
export function inBaseUnits(from: DecimalRange, unit: BaseUnit): DecimalRange {
  const { low, high, value } = from;
  const same = last?.unit === unit && last.from.value === value && last.from.low === low;
  if (same && last!.from.high === high) return last!.range;
  const range = { low: unit.convert(low), high: unit.convert(high), value: unit.convert(value) };
  last = { unit, from: { low, high, value }, range };
  return range;
}

function reduced(code: string): BaseUnit | undefined {
  let unit: UcumUnit | null;
  try {
    unit = ucum().getSpecifiedUnit(code, 'validate').unit;
  } catch {
    return undefined; // what the package trips over is no unit
  }
  const dimensions = unit?.dim_?.dimVec_;
  if (!unit || !dimensions || !unit.magnitude_ || unit.isArbitrary_) return undefined;
  const name = `${dimensions.join(',')};${unit.moleExp_ ?? 0}`;
  if (unit.isSpecial_) {
    return name === KELVIN
      ? { name, convert: (text) => convertBy(text, degrees(code)) }
      : undefined;
  }
  if (!Number.isFinite(unit.magnitude_)) return undefined;
  const exact = new Exact(unit.magnitude_).toSignificantDigits(DIGITS);
  if (exact.sd() <= DIGITS_EXACT) {
    return { name, convert: (text) => convertBy(text, (value) => value.times(exact)) };
  }
  const magnitude = unit.magnitude_;
  return {
    name,
    convert: (text) =>
      convertBy(text, (value) => value.times(magnitude).toSignificantDigits(DIGITS)),
  };
}

/** Kelvin alone, in the order of the package's dimensions. */
const KELVIN = '0,0,0,0,1,0,0;0';

/** Degrees do not begin at nought. */
function degrees(code: string): (value: Decimal) => Decimal {
  return (value) => {
    const { magnitude } = ucum().convertToBaseUnits(code, value.toNumber());
    return new Exact(magnitude ?? Number.NaN).toSignificantDigits(DIGITS);
  };
}

function convertBy(text: string, convert: (value: Decimal) => Decimal): string {
  if (text.endsWith('Infinity')) return text;
  return convert(new Exact(text)).toFixed();
}
