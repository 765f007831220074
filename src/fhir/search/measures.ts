/**
 * Conditions on dates, numbers and quantities: ranges against ranges.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#prefix
 */

import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { unitHash } from '../definitions/hash.ts';
import { type BaseUnit, baseUnit, baseUnitHash, inBaseUnits } from '../definitions/units.ts';
import type { Values } from './parts.ts';
import {
  type Interval,
  type NumberValue,
  type Prefix,
  parseQuantity,
  type QuantityValue,
} from './values.ts';

/** Tests an instant column against a search interval. */
export function instantTest(column: string, value: Interval, values: Values): string {
  return intervalTest(column, column, value, values, true);
}

/**
 * `lower` and `upper` are columns of the stored interval [lower, upper). For an instant both are
 * the instant itself (`point`).
 */
export function intervalTest(
  lower: string,
  upper: string,
  { prefix, lower: from, upper: to }: Interval,
  values: Values,
  point = false,
): string {
  const a = values.add(from, 'timestamptz');
  const b = values.add(to, 'timestamptz');
  const ends = point ? `${upper} <` : `${upper} <=`;
  // What ends before has begun before: said, because the index is by the beginning.
  const begins = point ? '' : ` and ${lower} < ${b}`;
  const inside = `(${lower} >= ${a}${begins} and ${ends} ${b})`;
  const tests: Record<Prefix, string> = {
    eq: inside,
    ne: `not ${inside}`,
    gt: point ? `${upper} >= ${b}` : `${upper} > ${b}`,
    lt: `${lower} < ${a}`,
    ge: point ? `${lower} >= ${a}` : `(${upper} > ${b} or ${inside})`,
    le: point ? `${lower} < ${b}` : `(${lower} < ${a} or ${inside})`,
    sa: `${lower} >= ${b}`,
    eb: point ? `${upper} < ${a}` : endsBefore(lower, upper, a, from === to),
    ap: `(${lower} < ${b}::timestamptz + greatest(abs(extract(epoch from now() - ${a})) * 0.1, 0) * interval '1 second'
      and ${upper} >= ${a}::timestamptz - greatest(abs(extract(epoch from now() - ${a})) * 0.1, 0) * interval '1 second')`,
  };
  return tests[prefix];
}

/** Tests a row of `dat`. */
export function dateTest(info: SearchParameterInfo, value: Interval, values: Values): string {
  const param = values.add(info.key, 'int');
  return `param = ${param} and ${intervalTest('lower', 'upper', value, values)}`;
}

/**
 * Rows of `dat` that pass a test, as selects of `rid`. What ends after a date is not told by its
 * beginning, by which the index is: what lasts a year at most has begun within the year before, and
 * what lasts longer has an index of its own.
 */
export function dateSet(test: string, { prefix, upper: to }: Interval, values: Values): string {
  const all = `select rid from dat where ${test}`;
  if (prefix !== 'gt' && prefix !== 'ge') return all;
  const since = `${values.add(to, 'timestamptz')} - interval '367 days'`;
  return `${all} and lower >= ${since} union all ${all} and lower < ${since} and ${LASTING}`;
}

/** The predicate of the index `dat_lasting`. */
const LASTING = `case when isfinite(lower) and isfinite(upper)
  then upper - lower > interval '366 days' else true end`;

/** Tests the column of a number. */
export function numberTest(val: string, value: NumberValue, values: Values): string {
  const exact = values.add(value.value, 'numeric');
  const low = values.add(value.low, 'numeric');
  const high = values.add(value.high, 'numeric');
  const inside = `(${val} >= ${low} and ${val} < ${high})`;
  const tests: Record<Prefix, string> = {
    eq: inside,
    ne: `not ${inside}`,
    gt: `${val} > ${exact}`,
    lt: `${val} < ${exact}`,
    ge: `${val} >= ${exact}`,
    le: `${val} <= ${exact}`,
    sa: `${val} > ${exact}`,
    eb: `${val} < ${exact}`,
    ap: `${val} between ${low} and ${high}`,
  };
  return tests[value.prefix];
}

/** Tests a row of `num`; `unit` 0 for any unit. */
export function unitTest(key: number, unit: bigint, value: NumberValue, values: Values): string {
  const param = values.add(key, 'int');
  const test = numberTest('val', value, values);
  return `param = ${param} and unit = ${values.add(unit, 'bigint')} and ${test}`;
}

/** A quantity that is searched, in base units where its unit has any. */
export function quantityAsked(
  text: string,
  name: string,
): { readonly value: QuantityValue; readonly base: BaseUnit | undefined } {
  const value = parseQuantity(text, name);
  const base = baseUnit(value.system, value.unit);
  return { value: base ? { ...value, ...inBaseUnits(value, base) } : value, base };
}

/** Tests a row of `num` against a quantity. */
export function quantityTest(
  info: SearchParameterInfo,
  text: string,
  name: string,
  values: Values,
): string {
  const { value, base } = quantityAsked(text, name);
  if (base) return unitTest(info.key, baseUnitHash(base), value, values);
  const unit = value.unit === undefined ? 0n : unitHash(value.system ?? '', value.unit);
  return unitTest(info.key, unit, value, values);
}

/** A value without length stands inside the millisecond that ends at it: instants end before it. */
function endsBefore(lower: string, upper: string, at: string, finer: boolean): string {
  if (!finer) return `(${lower} < ${at} and ${upper} <= ${at})`;
  const instant = `${lower} >= ${at} - interval '1 millisecond'`;
  return `(${upper} < ${at} or (${upper} = ${at} and ${instant}))`;
}
