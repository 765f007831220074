/**
 * Groups of people of whom is asked whether a run serves them as well as others: by sex, age, area,
 * script, and by what is known of them. Those with least (no document, a guessed birth date) are the
 * ones whom matching fails first.
 */

import { columnOf, type Registry } from './registry.ts';
import { BIRTH, IDENTIFIER, PHONE, SEX } from './schema.ts';
import { textOf } from './values.ts';

/** One way to part people: the number of each person's group, and what the groups are called. */
export interface Dimension {
  readonly name: string;
  readonly groups: readonly string[];
  readonly of: Uint16Array;
}

/** Ages in completed years at which bands begin. */
const AGES = [0, 5, 18, 60];
const BANDS = ['0-4', '5-17', '18-59', '60+', 'unknown'];
/** More areas than this are not told apart. */
const AREAS_MAX = 1000;

function dimension(
  registry: Registry,
  name: string,
  groups: readonly string[],
  groupOf: (row: number) => number,
): Dimension {
  return {
    name,
    groups,
    of: Uint16Array.from({ length: registry.size }, (_, row) => groupOf(row)),
  };
}

/** The groups of a registry; a dimension that it knows nothing of is left out. */
export function dimensionsOf(registry: Registry): readonly Dimension[] {
  const { rows, width } = registry;
  const value = (name: string): ((row: number) => number) | undefined => {
    const column = columnOf(registry, name);
    return column && ((row) => rows[row * width + column.at]!);
  };
  const [sex, birth] = [value(SEX), value(BIRTH)];
  const [identifier, phone] = [value(IDENTIFIER), value(PHONE)];
  const found: Dimension[] = [];
  if (sex) {
    const { values } = columnOf(registry, SEX)!;
    const names = ['', '1', '2'];
    found.push(
      dimension(registry, 'sex', ['unknown', 'male', 'female'], (row) =>
        Math.max(0, names.indexOf(textOf(values, sex(row)))),
      ),
    );
  }
  if (birth) {
    const { days } = columnOf(registry, BIRTH)!.values;
    const latest = days.reduce((so, day) => Math.max(so, Math.floor(day / 10_000)), 0);
    found.push(
      dimension(registry, 'age', BANDS, (row) => {
        const day = days[birth(row)]!;
        const age = latest - Math.floor(day / 10_000);
        return day === 0 ? AGES.length : AGES.findLastIndex((from) => age >= from);
      }),
      dimension(registry, 'birth date', ['missing', 'year only', 'whole'], (row) => {
        const day = days[birth(row)]!;
        return day === 0 ? 0 : day % 10_000 === 0 ? 1 : 2;
      }),
    );
  }
  const has = ['without', 'with'];
  if (identifier)
    found.push(dimension(registry, 'identifier', has, (row) => +(identifier(row) > 0)));
  if (phone) found.push(dimension(registry, 'phone', has, (row) => +(phone(row) > 0)));
  if (registry.native.some((native) => native === 1)) {
    found.push(dimension(registry, 'script', ['Latin', 'other'], (row) => registry.native[row]!));
  }
  const { districts } = registry;
  if (districts.length > 2 && districts.length <= AREAS_MAX) {
    found.push(dimension(registry, 'area', districts, (row) => registry.district[row]!));
  }
  return found;
}
