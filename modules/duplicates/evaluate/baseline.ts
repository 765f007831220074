/**
 * The rule beside which a run is shown: openIMIS and its kin call two people one if given name,
 * family name and birth date are written exactly alike.
 */

import { columnOf, type Registry } from '../matching/registry.ts';
import { BIRTH, FAMILY, GIVEN } from '../matching/schema.ts';
import { type Groups, groupsBy, together } from './groups.ts';
import { type Figures, partitionFigures, type Sides, type Truth } from './measures.ts';

/** Figures of exact equality; somebody who lacks one of the three equals nobody. */
export function exactEquality(registry: Registry, truth: Truth, sides: Sides): Figures {
  const { rows, width, size } = registry;
  const columns = [GIVEN, FAMILY, BIRTH].map((name) => columnOf(registry, name));
  const alike = columns.map((column): Groups => {
    // A number of its own where the value is missing.
    const numbers = new Int32Array(size).map(
      (_, row) => (column && rows[row * width + column.at]) || -1 - row,
    );
    return groupsBy(numbers);
  });
  return partitionFigures(alike.reduce(together), truth, sides);
}
