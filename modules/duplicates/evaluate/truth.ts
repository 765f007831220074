/**
 * The truth about the records of files: who of them is one person. It is looked at when everything
 * is decided.
 */

import { Texts } from '../matching/texts.ts';
import { InputFault } from './bytes.ts';
import type { Ids } from './ids.ts';
import type { Truth } from './measures.ts';
import { listed, type RowTaker, readTable } from './table.ts';

/** Rows of a truth that name records which the files do not have. */
interface Strangers {
  count: number;
  first: string;
}

/** The truth as `id,cluster`; records that it does not name are people of their own. */
function byCluster(
  ids: Ids,
  truth: Truth,
  strangers: Strangers,
  [id, cluster]: readonly [number, number],
): RowTaker {
  const clusters = new Texts();
  return (values) => {
    const name = (values[id] ?? '').trim();
    const key = (values[cluster] ?? '').trim();
    // Who is in no cluster is alone.
    const number = key === '' ? -1 : ids.size + clusters.add(key);
    let known = false;
    for (let file = 0; file < ids.files; file++) {
      const place = ids.placeOf(name, file);
      if (place < 0) continue;
      known = true;
      if (number >= 0) truth[place] = number;
    }
    if (!known && strangers.count++ === 0) strangers.first = `${name},${key}`;
  };
}

/** The truth as pairs, closed: if A is B and B is C, A is C. */
function byPairs(
  ids: Ids,
  truth: Truth,
  strangers: Strangers,
  [left, right]: readonly [number, number],
): RowTaker {
  const last = ids.files - 1;
  return (values) => {
    const [one, other] = [(values[left] ?? '').trim(), (values[right] ?? '').trim()];
    const [a, b] = [ids.placeOf(one, 0), ids.placeOf(other, last)];
    if (a < 0 || b < 0) {
      if (strangers.count++ === 0) strangers.first = `${one},${other}`;
      return;
    }
    const [x, y] = [topOf(truth, a), topOf(truth, b)];
    truth[Math.max(x, y)] = Math.min(x, y);
  };
}

/** The first of those who are known to be one; the way there is made shorter. */
function topOf(truth: Truth, at: number): number {
  let place = at;
  while (truth[place] !== place) {
    truth[place] = truth[truth[place]!]!;
    place = truth[place]!;
  }
  return place;
}

/** Everybody a person of their own: the truth where nobody knows it. Figures are dashes. */
export const noTruth = (size: number): Truth => new Int32Array(size).map((_, at) => at);

/**
 * The truth for records, from `id,cluster` or from pairs `id_a,id_b`.
 *
 * @param notes are told what was read otherwise than it may have been meant
 */
export function readTruth(file: string, ids: Ids, notes: string[]): Truth {
  const truth = noTruth(ids.size);
  const strangers: Strangers = { count: 0, first: '' };
  let pairs = false;
  const told = readTable(file, undefined, (header) => {
    const places = (...names: readonly string[]): [number, number] =>
      names.map((name) => header.indexOf(name)) as [number, number];
    const [clusters, both] = [places('id', 'cluster'), places('id_a', 'id_b')];
    if (!clusters.includes(-1)) return byCluster(ids, truth, strangers, clusters);
    pairs = !both.includes(-1);
    if (pairs) return byPairs(ids, truth, strangers, both);
    throw new InputFault(
      `${file}: the truth has the columns id,cluster or id_a,id_b, not ${listed(header)}.`,
    );
  });
  notes.push(...told);
  if (strangers.count > 0) {
    notes.push(
      `${file}: ${strangers.count} rows, the first ${strangers.first.slice(0, 80)}, name records ` +
        'that the files do not have.',
    );
  }
  return pairs ? truth.map((_, at) => topOf(truth, at)) : truth;
}
