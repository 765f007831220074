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

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Model } from '../matching/model.ts';
import { runMatching } from '../matching/run.ts';
import { withThreads } from '../matching/threads.ts';
import { InputFault } from './bytes.ts';
import type { ColumnMap } from './map.ts';
import type { Truth } from './measures.ts';
import { type Loaded, loaded, readMap, readModel, readRecords } from './read.ts';
import { type Evaluated, gradesOf, pairFigures, reportOf } from './report.ts';
import { publicSets, TRANSFERS } from './sets.ts';
import { HABITS, registryAbroad } from './synthetic/abroad.ts';
import { syntheticRegistry } from './synthetic/registry.ts';
import { noTruth, readTruth } from './truth.ts';
import { checkWritable, writeClusters, writePairs } from './write.ts';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/**
 * Finds duplicates among the records and measures the result against the truth.
 *
 * @param truthOf who is who, in the order of the files; asked when everything is decided
 */
export function evaluate(
  title: string,
  { registry, places }: Pick<Loaded, 'registry' | 'places'>,
  truthOf: () => Truth,
  model?: Model,
): Evaluated {
  const across = registry.source.includes(1);
  const from = performance.now();
  const run = withThreads(registry.size, (threads) =>
    runMatching(registry, { across, ...(model && { model }), ...(threads && { threads }) }),
  );
  const seconds = (performance.now() - from) / 1000;
  const known = truthOf();
  const truth = new Int32Array(known.length).map((_, row) => known[places[row]!]!);
  const sides = { across, source: registry.source };
  return { title, registry, places, run, truth, sides, seconds };
}

interface Done {
  readonly records: Loaded;
  readonly evaluated: Evaluated;
  /** Seconds of reading, as a clock and as the processors count them. */
  readonly read: number;
  readonly cpu: number;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

interface FileOptions {
  readonly truth?: string;
  readonly model?: Model;
  readonly encoding?: string;
}

function evaluateFiles(
  title: string,
  files: readonly string[],
  map: ColumnMap,
  { truth, model, encoding }: FileOptions,
): Done {
  const [from, before] = [performance.now(), cpuSeconds()];
  const records = readRecords(files, map, encoding);
  const [read, cpu] = [(performance.now() - from) / 1000, cpuSeconds() - before];
  const { ids, notes } = records;
  const known = (): Truth =>
    truth === undefined ? noTruth(ids.size) : readTruth(truth, ids, notes);
  return { records, evaluated: evaluate(title, records, known, model), read, cpu };
}

function evaluatePublicSets(): void {
  const sets = publicSets();
  const models = new Map<string, Model>();
  const one = (name: string, model?: Model): Evaluated => {
    const { records, map, truth } = sets.get(name)!;
    const options = { truth, ...(model && { model }) };
    return evaluateFiles(name, [records], readMap(map), options).evaluated;
  };
  for (const name of sets.keys()) {
    const evaluated = one(name);
    models.set(name, evaluated.run.model);
    say(reportOf(evaluated));
  }
  for (const [from, to] of TRANSFERS) {
    const { f1 } = pairFigures(one(to, models.get(from)!), 0.5);
    say(`weights learnt on ${from}, used on ${to}: F1 of pairs at p ≥ 0.5 ${f1.toFixed(4)}`);
  }
}

function evaluateInvented(size: number, seed: number, of?: string): Done {
  if (!(Number.isInteger(size) && size > 0)) throw new InputFault('--synthetic is a whole number.');
  const habit = HABITS.find(({ name }) => name === of);
  if (of !== undefined && habit === undefined) {
    throw new InputFault(`--of is one of ${HABITS.map(({ name }) => name).join(', ')}.`);
  }
  const [from, before] = [performance.now(), cpuSeconds()];
  const { records, truth } = habit
    ? registryAbroad(habit, size, seed)
    : syntheticRegistry(size, seed);
  const registry = loaded(records);
  const [read, cpu] = [(performance.now() - from) / 1000, cpuSeconds() - before];
  const title = `synthetic ${of ?? ''} ${size}, seed ${seed}`;
  return { records: registry, evaluated: evaluate(title, registry, () => truth), read, cpu };
}

/** What it took. */
function effortOf({ read, cpu, evaluated: { seconds } }: Done): string {
  const { maxRSS } = process.resourceUsage();
  return (
    `${(read + seconds).toFixed(1)} s from records to clusters: read in ${read.toFixed(1)} s ` +
    `(${cpu.toFixed(1)} s of a processor), compared in ${seconds.toFixed(1)} s; ` +
    `${Math.round((maxRSS * 1024) / 1e6)} MB at most`
  );
}

/** Options of the command line: texts all of them. */
function readArguments() {
  const text = { type: 'string' } as const;
  return parseArgs({
    allowPositionals: true,
    options: {
      ...{ map: text, truth: text, pairs: text, clusters: text, encoding: text },
      ...{ synthetic: text, seed: text, of: text, model: text, 'model-out': text },
    },
  });
}

function main(): void {
  const { values, positionals } = readArguments();
  if (positionals.length === 0 && values.synthetic === undefined) return evaluatePublicSets();
  const { map, truth, encoding, pairs, clusters } = values;
  let done: Done;
  checkWritable([pairs, clusters, values['model-out']]);
  if (values.synthetic !== undefined) {
    done = evaluateInvented(Number(values.synthetic), Number(values.seed ?? 1), values.of);
  } else if (map && positionals.length <= 2) {
    done = evaluateFiles(positionals.join(' and '), positionals, readMap(map), {
      ...(truth && { truth }),
      ...(values.model && { model: readModel(values.model) }),
      ...(encoding && { encoding }),
    });
  } else {
    throw new InputFault(
      'RECORDS.csv [RECORDS2.csv] --map MAP.json [--truth TRUTH.csv] are needed.',
    );
  }
  const { records, evaluated } = done;
  const effort = effortOf(done);
  const grades = gradesOf(evaluated);
  say(reportOf(evaluated, grades));
  say(effort);
  for (const note of records.notes) say(`note: ${note}`);
  if (pairs) writePairs(pairs, records.ids, evaluated, grades);
  if (clusters) writeClusters(clusters, records.ids, evaluated);
  if (values['model-out']) {
    writeFileSync(values['model-out'], JSON.stringify(evaluated.run.model, null, 1));
  }
}

/** Whether a fault is the caller's. */
const isOfCaller = (error: unknown): error is Error =>
  error instanceof InputFault ||
  Boolean((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'));

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    if (!isOfCaller(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}
