/**
 * What a run found, as CSV: likely pairs, and the cluster of every record. Lines are written a portion
 * at a time.
 */

import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import type { Grade } from '../matching/grades.ts';
import type { Run } from '../matching/run.ts';
import { probabilityOf } from '../matching/score.ts';
import { faultOf } from './bytes.ts';
import type { Ids } from './ids.ts';

/** What is written of an evaluation. */
export interface Written {
  /** Where each person stands in the files. */
  readonly places: Float64Array;
  readonly run: Pick<Run, 'logOdds' | 'clusters'> & {
    readonly pairs: Pick<Run['pairs'], 'a' | 'b' | 'size'>;
  };
}

/** Pairs written at least this likely. */
const WRITTEN_MIN = 0.01;
/** Lines that are written at once. */
const PORTION = 10_000;

/** Files that are written at the end: that they can be, is better known before the work. */
export function checkWritable(files: readonly (string | undefined)[]): void {
  for (const file of files) {
    if (file === undefined) continue;
    try {
      appendFileSync(file, '');
    } catch (error) {
      throw faultOf(file, error);
    }
  }
}

function writeRows(file: string, rows: Iterable<readonly (string | number)[]>): void {
  try {
    const handle = openSync(file, 'w');
    try {
      let held: (readonly (string | number)[])[] = [];
      const flush = (): void => {
        const bytes = Buffer.from(stringify(held));
        for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
        held = [];
      };
      for (const row of rows) if (held.push(row) === PORTION) flush();
      flush();
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw faultOf(file, error);
  }
}

/** Writes `id_a,id_b,p,grade`; of each pair that record first that stands first in the files. */
export function writePairs(
  file: string,
  ids: Ids,
  evaluated: Written,
  grades: readonly Grade[],
): void {
  const { run, places } = evaluated;
  function* rows(): Generator<readonly string[]> {
    yield ['id_a', 'id_b', 'p', 'grade'];
    for (let at = 0; at < run.pairs.size; at++) {
      const p = probabilityOf(run.logOdds[at]!);
      if (p < WRITTEN_MIN) continue;
      const [a, b] = [places[run.pairs.a[at]!]!, places[run.pairs.b[at]!]!];
      yield [ids.at(Math.min(a, b)), ids.at(Math.max(a, b)), p.toFixed(6), grades[at]!];
    }
  }
  writeRows(file, rows());
}

/** Writes `id,cluster` of every record, in the order of the files. */
export function writeClusters(file: string, ids: Ids, { run, places }: Written): void {
  const numbers = new Float64Array(places.length);
  places.forEach((place, row) => {
    numbers[place] = places[run.clusters[row]!]!;
  });
  function* rows(): Generator<readonly (string | number)[]> {
    yield ['id', 'cluster'];
    for (let place = 0; place < numbers.length; place++) yield [ids.at(place), numbers[place]!];
  }
  writeRows(file, rows());
}
