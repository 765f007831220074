/**
 * The ids of records, as they stand in the files: letters one behind the other, since a million texts
 * for themselves would take ten times the memory.
 */

import { Texts } from '../matching/texts.ts';

/** Ids of the records of one or two files, in their order. */
export class Ids {
  /** Of each file. */
  readonly #files: readonly Texts[];
  readonly size: number;

  constructor(files: readonly Texts[]) {
    this.#files = files;
    this.size = files.reduce((so, texts) => so + texts.size - 1, 0);
  }

  /** How many files there are. */
  get files(): number {
    return this.#files.length;
  }

  /** The id of a record by its place among all. */
  at(place: number): string {
    let number = place + 1;
    for (const texts of this.#files) {
      if (number < texts.size) return texts.textOf(number);
      number -= texts.size - 1;
    }
    throw new RangeError(`no record ${place}`);
  }

  /** The place of a record of a file among all; −1 where the file has none of that id. */
  placeOf(id: string, file: number): number {
    const number = this.#files[file]!.numberOf(id);
    if (number === 0) return -1;
    return this.#files.slice(0, file).reduce((so, texts) => so + texts.size - 1, number - 1);
  }
}

/** Ids that were given elsewhere. */
export function idsOf(ids: Iterable<string>): Ids {
  const texts = new Texts();
  for (const id of ids) texts.add(id);
  return new Ids([texts]);
}
