/**
 * Adds figures up: totals and cells of a split. One table of numbers from which every rendering
 * comes, so that they cannot differ. Pure.
 */

import { ageBands, type Coordinates, combinations, type Dimension, SEXES } from './dimensions.ts';
import type { Indicator } from './indicator.ts';
import type { AreaRow, FigureRow } from './store/figures.ts';

/** What is known besides the figures themselves. */
export interface Frame {
  readonly ageBounds: readonly number[];
  /** Areas directly below the report's; they always appear. */
  readonly children: readonly AreaRow[];
  /** FHIR ids of schemes by rid. */
  readonly schemes: ReadonlyMap<bigint, string>;
}

/** A number with what it counts; amounts are in minor units of the currency. */
export interface Sum {
  readonly count: bigint;
  readonly value: bigint;
}

/** One cell of a split. */
export interface Cell extends Sum {
  readonly coordinates: Coordinates;
}

/** Code for figures without a known area or scheme, or of the report's own area itself. */
export const HERE = 'here';
const NO_SCHEME = 'none';

/** Figures of one indicator, by currency: undefined stands for what is no money. */
export function byCurrency(
  indicator: Indicator,
  rows: readonly FigureRow[],
): Map<string | undefined, FigureRow[]> {
  const own = rows.filter((row) => row.indicator === indicator.code);
  if (own.length === 0) return new Map([[undefined, []]]);
  return Map.groupBy(own, (row) => row.currency ?? undefined);
}

/** The total of rows. */
export function total(rows: readonly FigureRow[]): Sum {
  let count = 0n;
  let value = 0n;
  for (const row of rows) {
    count += row.count;
    value += row.value;
  }
  return { count, value };
}

/** Every cell of a split, those with zero included, in the order of the codes. */
export function cellsOf(
  indicator: Indicator,
  split: readonly Dimension[],
  rows: readonly FigureRow[],
  frame: Frame,
): Cell[] {
  const sums = new Map<string, FigureRow[]>();
  for (const row of rows) {
    const key = split.map((dimension) => codeOf(row, dimension, frame)).join('\u0000');
    const list = sums.get(key) ?? [];
    list.push(row);
    sums.set(key, list);
  }
  const codes = split.map((dimension) => {
    const found = rows.map((row) => codeOf(row, dimension, frame));
    return [
      dimension,
      [...new Set([...knownCodes(indicator, dimension, frame), ...found.sort()])],
    ] as const;
  });
  return combinations(codes).map((coordinates) => {
    const key = split.map((dimension) => coordinates[dimension]).join('\u0000');
    return { coordinates, ...total(sums.get(key) ?? []) };
  });
}

function knownCodes(indicator: Indicator, dimension: Dimension, frame: Frame): readonly string[] {
  switch (dimension) {
    case 'sex':
      return SEXES;
    case 'age':
      return ageBands(frame.ageBounds);
    case 'category':
      return indicator.category?.codes ?? [];
    case 'area':
      return frame.children.map((area) => area.fhir_id);
    case 'scheme':
      return [];
  }
}

/** The code of a row on a dimension. */
export function codeOf(row: FigureRow, dimension: Dimension, frame: Frame): string {
  switch (dimension) {
    case 'sex':
      return row.sex;
    case 'age':
      return row.age_band;
    case 'category':
      return row.category;
    case 'area':
      return frame.children.find((area) => area.area_id === row.child_id)?.fhir_id ?? HERE;
    case 'scheme':
      return row.scheme_id === null
        ? NO_SCHEME
        : (frame.schemes.get(row.scheme_id) ?? `rid-${row.scheme_id}`);
  }
}
