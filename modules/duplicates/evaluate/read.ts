/**
 * Files of a registry and of its truth, read as CSV; every fault is told with the file and the line.
 */

import { readFileSync } from 'node:fs';
import type { Model } from '../matching/model.ts';
import type { Person } from '../matching/registry.ts';
import { type ColumnMap, faultsOf, mapOf, personReader, strangeKeys, unreadOf } from './map.ts';
import type { Truth } from './measures.ts';
import { faultOf, InputFault, readTable, type TextTable } from './table.ts';

export { faultOf, InputFault } from './table.ts';

export interface Records {
  readonly people: readonly Person[];
  readonly ids: readonly string[];
  /** What was read otherwise than it may have been meant. */
  readonly notes?: string[];
}

export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, ''));
  } catch (error) {
    throw faultOf(file, error);
  }
}

/** A map of columns. @throws InputFault naming every key that has a wrong form */
export function readMap(file: string): ColumnMap {
  const { map, faults } = mapOf(readJson(file));
  if (faults.length > 0) throw new InputFault(`${file}: ${faults.join(' ')}`);
  return map;
}

/** Weights kept by --model-out. */
export function readModel(file: string): Model {
  const model = readJson(file) as Partial<Model> | null;
  if (typeof model?.fields === 'object' && typeof model.lambdaM === 'number') return model as Model;
  throw new InputFault(`${file}: these are no weights; --model-out writes them.`);
}

/** The ids of a file's rows. @throws InputFault where one is missing or stands twice */
function idsOf(file: string, column: string, { rows, lines }: TextTable): string[] {
  const seen = new Map<string, number>();
  return rows.map((row, at) => {
    const id = row[column] ?? '';
    if (id === '') {
      throw new InputFault(`${file}: line ${lines[at]} has no id in the column "${column}".`);
    }
    const before = seen.get(id);
    if (before !== undefined) {
      throw new InputFault(
        `${file}: lines ${before} and ${lines[at]} have one id, "${id}"; each record needs its own.`,
      );
    }
    seen.set(id, lines[at]!);
    return id;
  });
}

/** The people of one or two files, in order. @param encoding of the files; UTF-8 where undefined */
export function readRecords(files: readonly string[], map: ColumnMap, encoding?: string): Records {
  const people: Person[] = [];
  const ids: string[] = [];
  const notes: string[] = [];
  for (const [source, file] of files.entries()) {
    const table = readTable(file, encoding);
    const faults = faultsOf(map, table.header);
    if (faults.length > 0) throw new InputFault(`${file}: ${faults.join(' ')}`);
    const read = personReader(map, source === 0 ? 0 : 1);
    for (const id of idsOf(file, map.id, table)) ids.push(id);
    for (const row of table.rows) people.push(read(row));
    const unread = [...(source === 0 ? strangeKeys(map) : []), ...unreadOf(map, table)];
    notes.push(...table.notes, ...unread.map((note) => `${file}: ${note}`));
  }
  return { people, ids, notes };
}

/**
 * The truth for these records, from `id,cluster` or from pairs `id_a,id_b` (closed: if A is B and B
 * is C, A is C). Records that it does not name are people of their own.
 */
export function readTruth(file: string, { ids, people, notes }: Records): Truth {
  const { header, rows } = readTable(file);
  if (header.includes('id') && header.includes('cluster')) {
    const cluster = new Map(rows.map((row) => [row.id!, row.cluster!]));
    const numbers = new Map<string, number>();
    return Int32Array.from(ids, (id, at) => {
      const key = cluster.has(id) ? `c${cluster.get(id)}` : `r${at}`;
      return numbers.get(key) ?? numbers.set(key, numbers.size).size - 1;
    });
  }
  if (!header.includes('id_a') || !header.includes('id_b')) {
    throw new InputFault(
      `${file}: the truth has the columns id,cluster or id_a,id_b, not ${header.join(',')}.`,
    );
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
  let unknown: (typeof rows)[number] | undefined;
  for (const row of rows) {
    const a = first.get(row.id_a!);
    const b = (two ? second : first).get(row.id_b!);
    if (a === undefined || b === undefined) {
      unknown ??= row;
      continue;
    }
    root[Math.max(find(a), find(b))] = Math.min(find(a), find(b));
  }
  if (unknown !== undefined) {
    const { id_a: a, id_b: b } = unknown;
    notes?.push(`${file}: pairs as ${a},${b} name records that the files do not have.`);
  }
  return Int32Array.from(ids, (_, at) => find(at));
}

/** The truth where nobody knows it: everybody is a person of their own, and figures are dashes. */
export const noTruth = ({ ids }: Records): Truth => Int32Array.from(ids, (_, at) => at);
