/**
 * What figures are split by: area, scheme, sex, age, and one category of the indicator's own.
 * A cell of a split is written as its stratum: `age=P5Y--P18Y,sex=female`.
 *
 * Age bands are written as ISO 8601 derived periods (IHE mADX): `P5Y--P18Y` is from the 5th up to,
 * not including, the 18th birthday; the last band ends at `P9999Y`.
 */

import { codeSystem } from '../../src/sdk/index.ts';

/** Dimensions that any indicator may be split by; `category` stands for the indicator's own. */
export type Dimension = 'area' | 'scheme' | 'sex' | 'age' | 'category';

/** A dimension of one indicator's own: state, reason, channel, band. */
export interface Category {
  /** Code of the dimension in CodeSystem `indicator-dimension`. */
  readonly code: string;
  readonly title: string;
  /** System of its codes. */
  readonly system: string;
  /** Codes that always appear, with zero where nothing happened; others appear when met. */
  readonly codes: readonly string[];
}

/** System of the codes of dimensions. */
export const DIMENSIONS = codeSystem('indicator-dimension');

/** System of the codes of age bands. */
export const AGE_BANDS = codeSystem('age-band');

export const SEXES = ['male', 'female', 'other', 'unknown'] as const;
export const SEX_SYSTEM = 'http://hl7.org/fhir/administrative-gender';

/** Codes of the bands that begin at these ages, `unknown` last. */
export function ageBands(bounds: readonly number[]): string[] {
  const bands = bounds.map((from, index) => `P${from}Y--P${bounds[index + 1] ?? 9999}Y`);
  return [...bands, 'unknown'];
}

/** One coordinate of a cell. */
export type Coordinates = Readonly<Partial<Record<Dimension, string>>>;

/** The stratum of a cell: `dimension=code` pairs in alphabetical order; empty for the total. */
export function stratumOf(coordinates: Readonly<Record<string, string>>): string {
  return Object.keys(coordinates)
    .sort()
    .map((dimension) => `${dimension}=${coordinates[dimension]}`)
    .join(',');
}

/** Every combination of the codes of several dimensions, the first varying slowest. */
export function combinations(
  codes: readonly (readonly [Dimension, readonly string[]])[],
): Coordinates[] {
  let found: Coordinates[] = [{}];
  for (const [dimension, values] of codes) {
    found = found.flatMap((each) => values.map((value) => ({ ...each, [dimension]: value })));
  }
  return found;
}
