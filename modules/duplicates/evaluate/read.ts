/**
 * Files of a registry, its map and its weights; every fault is told with the file and the line.
 *
 * Rows become numbers of a registry one by one and are not kept: a million people as objects would
 * take three gigabytes.
 */

import { readFileSync } from 'node:fs';
import { GrowingInts } from '../matching/growing.ts';
import type { Model } from '../matching/model.ts';
import { type Person, RegistryBuilder, registryOf } from '../matching/registry.ts';
import { Texts } from '../matching/texts.ts';
import { type Arranged, arranged } from './arrange.ts';
import { faultOf, InputFault } from './bytes.ts';
import { Ids, idsOf } from './ids.ts';
import { type ColumnMap, faultsOf, mapOf, strangeKeys } from './map.ts';
import { valuesReader } from './person.ts';
import { readTable } from './table.ts';
import { Unread } from './unread.ts';

/** People who were invented, with their ids. */
export interface Records {
  readonly people: readonly Person[];
  readonly ids: readonly string[];
}

/** A registry as it is compared, and what is printed of it. */
export interface Loaded extends Arranged {
  readonly ids: Ids;
  /** What was read otherwise than it may have been meant. */
  readonly notes: string[];
}

function readJson(file: string): unknown {
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

/** The ids of a file under way. */
class FileIds {
  readonly #file: string;
  readonly #column: string;
  readonly texts = new Texts();
  readonly #lines = new GrowingInts();

  constructor(file: string, column: string) {
    this.#file = file;
    this.#column = column;
  }

  /** @throws InputFault where an id is missing or stands twice */
  add(text: string, line: number): void {
    if (text === '') {
      throw new InputFault(
        `${this.#file}: line ${line} has no id in the column "${this.#column}".`,
      );
    }
    const number = this.texts.add(text);
    if (number <= this.#lines.size) {
      const before = this.#lines.taken()[number - 1]!;
      throw new InputFault(
        `${this.#file}: lines ${before} and ${line} have one id, "${text.slice(0, 80)}"; ` +
          'each record needs its own.',
      );
    }
    this.#lines.push(line);
  }
}

/** The registry of one or two files, in order. @param encoding of the files; UTF-8 where undefined */
export function readRecords(files: readonly string[], map: ColumnMap, encoding?: string): Loaded {
  const builder = new RegistryBuilder();
  const texts: Texts[] = [];
  const notes: string[] = [];
  for (const [source, file] of files.entries()) {
    const ids = new FileIds(file, map.id);
    let unread = new Unread(map, []);
    const told = readTable(file, encoding, (header) => {
      const faults = faultsOf(map, header);
      if (faults.length > 0) throw new InputFault(`${file}: ${faults.join(' ')}`);
      const read = valuesReader(map, header, source === 0 ? 0 : 1);
      const at = header.indexOf(map.id);
      unread = new Unread(map, header);
      return (values, line) => {
        ids.add((values[at] ?? '').trim(), line);
        const person = read(values);
        unread.see(values, person, line);
        builder.add(person);
      };
    });
    const strange = [...(source === 0 ? strangeKeys(map) : []), ...unread.notes()];
    notes.push(...told, ...strange.map((note) => `${file}: ${note}`));
    texts.push(ids.texts);
  }
  return { ...arranged(builder.build()), ids: new Ids(texts), notes };
}

/** The registry of people who were invented. */
export function loaded({ people, ids }: Records): Loaded {
  return { ...arranged(registryOf(people)), ids: idsOf(ids), notes: [] };
}
