/**
 * How sure a pair is, in the words of FHIR's match grade: certain, probable, possible.
 *
 * Certain asks for more than a high probability: nothing may contradict (an identifier, the sex),
 * what agrees must be enough to name a person, and no other record may come close. Members of one
 * household with one birth date and different given names are twins until somebody says otherwise.
 */

import type { Comparer } from './compare.ts';
import type { Registry } from './registry.ts';
import {
  ADJACENT,
  BIRTH,
  FAMILY,
  GIVEN,
  IDENTIFIER,
  MISSING,
  MOVED,
  SEX,
  YEARS_EQUAL,
} from './schema.ts';
import { probabilityOf } from './score.ts';

export type Grade = 'certain' | 'probable' | 'possible' | 'certainly-not';

const CERTAIN = 0.999;
const PROBABLE = 0.9;
const POSSIBLE = 0.5;
/** Bits by which a certain pair beats the best other record: a hundred to one. */
export const MARGIN_BITS = 6.6;

const EQUAL_DATE = 5;
const EQUAL_IDENTIFIER = 3;
const ONE_EDIT = 2;

/** Levels that grades look at. */
export interface GradeLevels {
  readonly given: number;
  readonly family: number;
  readonly birth: number;
  /** Whether month and day of the birth date are known. */
  readonly wholeDate: boolean;
  readonly sex: number;
  readonly identifier: number;
  readonly sameHousehold: boolean;
}

function contradicted({ identifier, sex }: GradeLevels): boolean {
  if (sex === 0) return true;
  return identifier === ADJACENT || (identifier !== MISSING && identifier < ONE_EDIT);
}

function named({ given, family, birth, wholeDate, identifier }: GradeLevels): boolean {
  if (identifier === EQUAL_IDENTIFIER) return true;
  return given >= 4 && family >= 3 && birth === EQUAL_DATE && wholeDate;
}

function isTwin({ sameHousehold, birth, given }: GradeLevels): boolean {
  const sameDay = birth === EQUAL_DATE || birth === YEARS_EQUAL;
  return sameHousehold && sameDay && given !== MISSING && given < 4;
}

/**
 * The grade of a pair.
 *
 * @param rival log-odds of the best pair of either record with one outside their cluster
 */
export function gradeOf(logOdds: number, levels: GradeLevels, rival: number): Grade {
  const p = probabilityOf(logOdds);
  if (p < POSSIBLE) return 'certainly-not';
  if (p < PROBABLE || isTwin(levels)) return 'possible';
  const sure = p >= CERTAIN && !contradicted(levels) && named(levels);
  return sure && logOdds - rival >= MARGIN_BITS ? 'certain' : 'probable';
}

/** Reads the levels that grades look at, from a registry. */
export function gradeReader(
  registry: Registry,
  comparer: Comparer,
): (a: number, b: number) => GradeLevels {
  const at = (name: string): number =>
    registry.columns.findIndex(({ field }) => field.name === name);
  const [given, family, birth, sex] = [at(GIVEN), at(FAMILY), at(BIRTH), at(SEX)];
  const identifier = at(IDENTIFIER);
  const level = (column: number, a: number, b: number): number =>
    column < 0 ? MISSING : comparer.level(column, a, b);
  const ordered = (level: number): number => (level === MOVED ? 0 : level);
  const { rows, width, household } = registry;
  return (a, b) => {
    const column = birth < 0 ? undefined : registry.columns[birth]!;
    const day = column?.values.days[rows[a * width + column.at]!] ?? 0;
    return {
      given: level(given, a, b),
      family: ordered(level(family, a, b)),
      birth: level(birth, a, b),
      wholeDate: day % 10_000 !== 0,
      sex: level(sex, a, b),
      identifier: level(identifier, a, b),
      sameHousehold: household[a] !== 0 && household[a] === household[b],
    };
  };
}

/** Of each person, the two best pairs' log-odds by cluster: what rivals a pair of its own cluster. */
export function rivalsOf(
  size: number,
  pairs: { readonly a: Int32Array; readonly b: Int32Array; readonly size: number },
  logOdds: Float64Array,
  clusters: Int32Array,
): Float64Array {
  const rivals = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  for (let at = 0; at < pairs.size; at++) {
    const [a, b] = [pairs.a[at]!, pairs.b[at]!];
    if (clusters[a] === clusters[b]) continue;
    rivals[a] = Math.max(rivals[a]!, logOdds[at]!);
    rivals[b] = Math.max(rivals[b]!, logOdds[at]!);
  }
  return rivals;
}
