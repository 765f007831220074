/**
 * The public sets: which of them there are, and whose weights are tried on which other.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputFault } from './bytes.ts';

/** Public sets: where their records lie below the data folder. */
const SETS: Readonly<Record<string, string>> = {
  febrl1: 'febrl/dataset1.csv',
  febrl2: 'febrl/dataset2.csv',
  febrl3: 'febrl/dataset3.csv',
  'febrl3-no-ssn': 'febrl/dataset3.csv',
  dsgen_A_10000: 'febrl-dsgen/dataset_A_10000.csv',
  dsgen_C_1000: 'febrl-dsgen/dataset_C_1000.csv',
  fake_1000: 'splink/fake_1000.csv',
  fake_20000: 'splink/fake_20000.csv',
  RLdata500: 'rldata/RLdata500.csv',
};

/** Which set's weights are tried on which other. */
export const TRANSFERS: ReadonlyArray<readonly [string, string]> = [
  ['febrl1', 'febrl3'],
  ['febrl3', 'febrl2'],
  ['dsgen_A_10000', 'dsgen_C_1000'],
  ['febrl3', 'dsgen_A_10000'],
  ['fake_1000', 'fake_20000'],
];

/** Files of a public set. */
export interface PublicSet {
  readonly name: string;
  readonly records: string;
  readonly map: string;
  readonly truth: string;
}

/** The public sets of the data folder. @throws InputFault where there is none */
export function publicSets(): ReadonlyMap<string, PublicSet> {
  const shared = join(import.meta.dirname, '../../../../shared/data/duplicates');
  const folder = process.env.DUPLICATES_DATA ?? shared;
  if (!existsSync(folder)) {
    throw new InputFault(
      `The public sets are not in ${folder}; name a registry, or set DUPLICATES_DATA.`,
    );
  }
  const sets = Object.entries(SETS).map(([name, file]) => ({
    name,
    records: join(folder, file),
    map: join(folder, `maps/${name}.json`),
    truth: join(folder, `truth/${name.replace('-no-ssn', '')}.csv`),
  }));
  return new Map(sets.map((set) => [set.name, set]));
}
