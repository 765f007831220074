/**
 * Rows of the table of texts: up to four texts of a resource stand in one row, because the head of a
 * row is five times as long as a name. In which column a text stands is told by its key; several of
 * one key stand in several rows.
 *
 * The rows of a version follow from it alone, so that those to remove can be computed. Leaves which
 * texts share rows to `../definitions/shared-rows.ts`.
 */

import type { StringRow } from '../definitions/definitions.ts';

type Four<Value> = [Value, Value, Value, Value];

/** A row of `str`: texts of one or more keys that differ in their lowest two bits only. */
export interface TextRow {
  readonly param: number;
  /** Folded texts by column; null where there is none. */
  readonly texts: Readonly<Four<string | null>>;
  /** The texts as written, as `rawOf` puts them together. */
  readonly raw: string | null;
}

/** Between the texts as written; no text of FHIR needs it. */
const SEPARATOR = '\u0001';

/** The part of a key that stands in the row. */
export function rowsKey(key: number): number {
  return key & ~3;
}

/** The column in which the texts of a key stand. */
export function columnOf(key: number): 0 | 1 | 2 | 3 {
  return (key & 3) as 0 | 1 | 2 | 3;
}

/** A text as it is compared as a whole. */
export function wholeOf(text: string): string {
  return text.includes(SEPARATOR) ? text.replaceAll(SEPARATOR, ' ') : text;
}

/** SQL of a text as written; empty where it is the folded one with a capital. */
export function rawColumn(raw: string, key: number): string {
  return `coalesce(split_part(${raw}, chr(1), ${columnOf(key) + 1}), '')`;
}

/** Puts texts into as few rows as their keys allow. */
export function textRows(texts: readonly StringRow[]): TextRow[] {
  const rows: { param: number; texts: Four<string | null>; raws: Four<string | null> }[] = [];
  for (const { param: key, val, raw } of texts) {
    const param = rowsKey(key);
    const column = columnOf(key);
    let row = rows.find((each) => each.param === param && each.texts[column] === null);
    if (!row) {
      row = { param, texts: [null, null, null, null], raws: [null, null, null, null] };
      rows.push(row);
    }
    row.texts[column] = val;
    row.raws[column] = raw;
  }
  return rows.map(({ param, texts, raws }) => ({ param, texts, raw: rawOf(raws) }));
}

function rawOf(raws: Readonly<Four<string | null>>): string | null {
  if (raws.every((raw) => raw === null)) return null;
  return raws.map((raw) => (raw === null ? '' : wholeOf(raw))).join(SEPARATOR);
}

/** The same for equal rows. */
export function textRowKey({ param, texts, raw }: TextRow): string {
  const [a, b, c, d] = texts;
  return `${param}${SEPARATOR}${a ?? ''}${SEPARATOR}${b ?? ''}${SEPARATOR}${c ?? ''}${SEPARATOR}${
    d ?? ''
  }${SEPARATOR}${raw ?? ''}`;
}
