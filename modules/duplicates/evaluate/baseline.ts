/**
 * The rule beside which a run is shown: openIMIS and its kin call two people one if given name,
 * family name and birth date are written exactly alike.
 */

import { columnOf, type Registry } from '../matching/registry.ts';
import { BIRTH, FAMILY, GIVEN } from '../matching/schema.ts';
import { type Figures, figures, type Sides, type Truth, truePairs } from './measures.ts';

/** Figures of exact equality; somebody who lacks one of the three equals nobody. */
export function exactEquality(registry: Registry, truth: Truth, sides: Sides): Figures {
  const columns = [GIVEN, FAMILY, BIRTH].map((name) => columnOf(registry, name));
  const { rows, width, size } = registry;
  const groups = new Map<string, number>();
  const both = new Map<string, number>();
  const numbers = new Int32Array(size);
  const shared = new Int32Array(size);
  for (let row = 0; row < size; row++) {
    const values = columns.map((column) => (column ? rows[row * width + column.at]! : 0));
    const key = values.includes(0) ? `alone ${row}` : values.join(' ');
    numbers[row] = groups.get(key) ?? groups.set(key, groups.size).size - 1;
    const pair = `${numbers[row]} ${truth[row]}`;
    shared[row] = both.get(pair) ?? both.set(pair, both.size).size - 1;
  }
  const all = truePairs(truth, sides);
  return figures(truePairs(shared, sides), truePairs(numbers, sides), all);
}
