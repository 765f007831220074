/**
 * Files of a registry and of its truth, read as CSV; every fault is told with the file and the line.
 */

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import type { Person } from '../matching/registry.ts';
import { type ColumnMap, faultsOf, personReader, type Row } from './map.ts';
import type { Truth } from './measures.ts';

/** A fault of a file or of the command line: its message is for whoever called. */
export class InputFault extends Error {}

export interface Records {
  readonly people: readonly Person[];
  readonly ids: readonly string[];
}

function rowsOf(file: string): { header: string[]; rows: Row[] } {
  let header: string[] = [];
  try {
    const rows: Row[] = parse(readFileSync(file), {
      bom: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      columns: (names: string[]) => (header = names),
    });
    return { header, rows };
  } catch (error) {
    throw new InputFault(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputFault(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const readMap = (file: string): ColumnMap => readJson(file) as ColumnMap;

/** The people of one or two files, in order. */
export function readRecords(files: readonly string[], map: ColumnMap): Records {
  const people: Person[] = [];
  const ids: string[] = [];
  for (const [source, file] of files.entries()) {
    const { header, rows } = rowsOf(file);
    const faults = faultsOf(map, header);
    if (faults.length > 0) throw new InputFault(`${file}: ${faults.join(' ')}`);
    const read = personReader(map, source === 0 ? 0 : 1);
    for (const row of rows) {
      people.push(read(row));
      ids.push(row[map.id] ?? '');
    }
  }
  return { people, ids };
}

/**
 * The truth for these records, from `id,cluster` or from pairs `id_a,id_b` (closed: if A is B and B
 * is C, A is C). Records that it does not name are people of their own.
 */
export function readTruth(file: string, { ids, people }: Records): Truth {
  const { header, rows } = rowsOf(file);
  if (header.includes('id') && header.includes('cluster')) {
    const cluster = new Map(rows.map((row) => [row.id!, row.cluster!]));
    const numbers = new Map<string, number>();
    return Int32Array.from(ids, (id, at) => {
      const key = cluster.has(id) ? `c${cluster.get(id)}` : `r${at}`;
      return numbers.get(key) ?? numbers.set(key, numbers.size).size - 1;
    });
  }
  if (!header.includes('id_a') || !header.includes('id_b')) {
    throw new InputFault(`${file}: the truth has the columns id,cluster or id_a,id_b.`);
  }
  const two = people.some(({ source }) => source === 1);
  const first = new Map<string, number>();
  const second = new Map<string, number>();
  ids.forEach((id, at) => {
    (people[at]!.source === 0 ? first : second).set(id, at);
  });
  const root = Int32Array.from(ids, (_, at) => at);
  const find = (at: number): number => {
    let top = at;
    while (root[top] !== top) top = root[top]!;
    return top;
  };
  for (const row of rows) {
    const a = first.get(row.id_a!);
    const b = (two ? second : first).get(row.id_b!);
    if (a === undefined || b === undefined) continue;
    root[Math.max(find(a), find(b))] = Math.min(find(a), find(b));
  }
  return Int32Array.from(ids, (_, at) => find(at));
}
