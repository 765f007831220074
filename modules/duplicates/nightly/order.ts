/**
 * Neighbours side by side: most pairs are of one village, and what lies together in memory is
 * compared in half the time.
 */

import { columnOf, type Registry } from '../matching/registry.ts';
import { AREA, POSTAL } from '../matching/schema.ts';

/** What tells neighbours, the best first. */
const PLACES = [AREA, 'city', POSTAL, 'district'];

/** Everybody in use: facts, and internal ids. */
export interface Everybody {
  readonly registry: Registry;
  readonly ids: Float64Array;
}

/** Everybody in the order of areas and, within them, of households. */
export function neighbourly({ registry, ids }: Everybody): Everybody {
  const { size, width, rows, household } = registry;
  const area = PLACES.map((name) => columnOf(registry, name)).find(Boolean)?.at;
  const places = Int32Array.from({ length: size }, (_, row) =>
    area === undefined ? 0 : rows[row * width + area]!,
  );
  const order = ordered(
    ordered(
      new Int32Array(size).map((_, at) => at),
      household,
    ),
    places,
  );
  const moved = new Int32Array(rows.length);
  for (let to = 0; to < size; to++) {
    const from = order[to]! * width;
    moved.set(rows.subarray(from, from + width), to * width);
  }
  return {
    ids: Float64Array.from(order, (at) => ids[at]!),
    registry: {
      ...registry,
      rows: moved,
      household: picked(household, order),
      district: picked(registry.district, order),
      native: picked(registry.native, order),
      source: picked(registry.source, order),
    } satisfies Registry,
  };
}

function picked<Numbers extends Int32Array | Uint8Array>(of: Numbers, order: Int32Array): Numbers {
  return of.map((_, to) => of[order[to]!]!) as Numbers;
}

/** The rows by a number that each has, in rising order; those of one number as they were. */
function ordered(rows: Int32Array, numbers: Int32Array): Int32Array {
  let most = 0;
  for (const number of numbers) if (number > most) most = number;
  const starts = new Int32Array(most + 2);
  for (const number of numbers) starts[number + 1]!++;
  for (let number = 1; number < starts.length; number++) starts[number]! += starts[number - 1]!;
  const into = new Int32Array(rows.length);
  for (const row of rows) into[starts[numbers[row]!]!++] = row;
  return into;
}
