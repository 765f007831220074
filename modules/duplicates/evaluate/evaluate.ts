/**
 * `npm run evaluate:duplicates`: how well duplicates are found, without labels, on any registry.
 *
 *   npm run evaluate:duplicates
 *     the public sets, where their folder is at hand (DUPLICATES_DATA, or ../shared/data/duplicates)
 *   npm run evaluate:duplicates -- RECORDS.csv [RECORDS2.csv] --map MAP.json --truth TRUTH.csv
 *       [--pairs OUT.csv] [--clusters OUT.csv] [--encoding windows-1256]
 *     any registry; two files are linked with each other. Without a truth figures are dashes
 *   npm run evaluate:duplicates -- --synthetic 100000 [--seed 1]
 *     a registry of invented households with hard cases; with --of Ethiopic, Bengali, Spanish or Hausa
 *     one of other columns and habits
 *
 * With --model-out FILE the weights are kept, with --model FILE those of another registry are used.
 *
 * The truth is looked at when everything is decided, and changes nothing but the figures printed.
 */

import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'csv-stringify/sync';
import type { Model } from '../matching/model.ts';
import { registryOf } from '../matching/registry.ts';
import { runMatching } from '../matching/run.ts';
import { probabilityOf } from '../matching/score.ts';
import type { ColumnMap } from './map.ts';
import type { Truth } from './measures.ts';
import {
  faultOf,
  InputFault,
  noTruth,
  type Records,
  readMap,
  readModel,
  readRecords,
  readTruth,
} from './read.ts';
import { type Evaluated, gradesOf, pairFigures, reportOf } from './report.ts';
import { HABITS, registryAbroad } from './synthetic/abroad.ts';
import { syntheticRegistry } from './synthetic/registry.ts';

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

/** Pairs written at least this likely. */
const WRITTEN_MIN = 0.01;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Finds duplicates among the records and measures the result against the truth. */
export function evaluate(
  title: string,
  records: Records,
  truthOf: () => Truth,
  model?: Model,
): Evaluated {
  const across = records.people.some(({ source }) => source === 1);
  const from = performance.now();
  const registry = registryOf(records.people);
  const run = runMatching(registry, { across, ...(model ? { model } : {}) });
  const seconds = (performance.now() - from) / 1000;
  const megabytes = process.memoryUsage.rss() / 1e6;
  const sides = { across, source: registry.source };
  return { title, registry, run, truth: truthOf(), sides, seconds, megabytes };
}

interface EvaluatedFiles {
  readonly records: Records;
  readonly evaluated: Evaluated;
}

function evaluateFiles(
  files: readonly string[],
  map: ColumnMap,
  truth: string | undefined,
  title: string,
  { model, encoding }: { readonly model?: Model; readonly encoding?: string } = {},
): EvaluatedFiles {
  const records = readRecords(files, map, encoding);
  const known = (): Truth => (truth === undefined ? noTruth(records) : readTruth(truth, records));
  return { records, evaluated: evaluate(title, records, known, model) };
}

/** Files that are written at the end: that they can be, is better known before the work. */
function checkWritable(files: readonly (string | undefined)[]): void {
  for (const file of files) {
    if (file === undefined) continue;
    try {
      appendFileSync(file, '');
    } catch (error) {
      throw faultOf(file, error);
    }
  }
}

function writePairs(file: string, { ids }: Records, evaluated: Evaluated): void {
  const { run } = evaluated;
  const grades = gradesOf(evaluated);
  const rows = [['id_a', 'id_b', 'p', 'grade']];
  for (let at = 0; at < run.pairs.size; at++) {
    const p = probabilityOf(run.logOdds[at]!);
    if (p < WRITTEN_MIN) continue;
    rows.push([ids[run.pairs.a[at]!]!, ids[run.pairs.b[at]!]!, p.toFixed(6), grades[at]!]);
  }
  writeFileSync(file, stringify(rows));
}

function writeClusters(file: string, { ids }: Records, { run }: Evaluated): void {
  const rows = ids.map((id, at) => [id, String(run.clusters[at])]);
  writeFileSync(file, stringify([['id', 'cluster'], ...rows]));
}

/** Which set's weights are tried on which other. */
const TRANSFERS: ReadonlyArray<readonly [string, string]> = [
  ['febrl1', 'febrl3'],
  ['febrl3', 'febrl2'],
  ['dsgen_A_10000', 'dsgen_C_1000'],
  ['febrl3', 'dsgen_A_10000'],
  ['fake_1000', 'fake_20000'],
];

function publicSets(): void {
  const shared = join(import.meta.dirname, '../../../../shared/data/duplicates');
  const folder = process.env.DUPLICATES_DATA ?? shared;
  if (!existsSync(folder)) {
    throw new InputFault(
      `The public sets are not in ${folder}; name a registry, or set DUPLICATES_DATA.`,
    );
  }
  const models = new Map<string, Model>();
  const one = (name: string, title: string, model?: Model): Evaluated => {
    const map = readMap(join(folder, `maps/${name}.json`));
    const truth = join(folder, `truth/${name.replace('-no-ssn', '')}.csv`);
    const options = model ? { model } : {};
    return evaluateFiles([join(folder, SETS[name]!)], map, truth, title, options).evaluated;
  };
  for (const name of Object.keys(SETS)) {
    const evaluated = one(name, name);
    models.set(name, evaluated.run.model);
    say(reportOf(evaluated));
  }
  for (const [from, to] of TRANSFERS) {
    const { f1 } = pairFigures(one(to, to, models.get(from)!), 0.5);
    say(`weights learnt on ${from}, used on ${to}: F1 of pairs at p ≥ 0.5 ${f1.toFixed(4)}`);
  }
}

function synthetic(size: number, seed: number, of?: string): EvaluatedFiles {
  if (!(Number.isInteger(size) && size > 0)) throw new InputFault('--synthetic is a whole number.');
  const habit = HABITS.find(({ name }) => name === of);
  if (of !== undefined && habit === undefined) {
    throw new InputFault(`--of is one of ${HABITS.map(({ name }) => name).join(', ')}.`);
  }
  const { records, truth } = habit
    ? registryAbroad(habit, size, seed)
    : syntheticRegistry(size, seed);
  const title = `synthetic ${of ?? ''} ${size}, seed ${seed}`;
  return { records, evaluated: evaluate(title, records, () => truth) };
}

function main(): void {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      map: text,
      truth: text,
      pairs: text,
      clusters: text,
      synthetic: text,
      seed: text,
      of: text,
      model: text,
      'model-out': text,
      encoding: text,
    },
  });
  if (positionals.length === 0 && values.synthetic === undefined) return publicSets();
  const title = positionals.join(' and ');
  let done: EvaluatedFiles;
  if (values.synthetic !== undefined) {
    done = synthetic(Number(values.synthetic), Number(values.seed ?? 1), values.of);
  } else if (values.map && positionals.length <= 2) {
    checkWritable([values.pairs, values.clusters, values['model-out']]);
    const { truth, encoding } = values;
    const model = values.model ? readModel(values.model) : undefined;
    done = evaluateFiles(positionals, readMap(values.map), truth, title, {
      ...(model && { model }),
      ...(encoding && { encoding }),
    });
  } else {
    throw new InputFault(
      'RECORDS.csv [RECORDS2.csv] --map MAP.json [--truth TRUTH.csv] are needed.',
    );
  }
  say(reportOf(done.evaluated));
  for (const note of done.records.notes ?? []) say(`note: ${note}`);
  if (values.pairs) writePairs(values.pairs, done.records, done.evaluated);
  if (values.clusters) writeClusters(values.clusters, done.records, done.evaluated);
  if (values['model-out']) {
    writeFileSync(values['model-out'], JSON.stringify(done.evaluated.run.model, null, 1));
  }
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    if (
      !(
        error instanceof InputFault ||
        (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
      )
    )
      throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}
