/**
 * What an evaluation prints: one block a registry.
 */

import Table from 'cli-table3';
import { fairnessOf } from '../matching/fairness.ts';
import { type Grade, gradeOf, gradeReader, rivalsOf } from '../matching/grades.ts';
import type { Registry } from '../matching/registry.ts';
import type { Run } from '../matching/run.ts';
import { probabilityOf } from '../matching/score.ts';
import { dimensionsOf } from '../matching/subgroups.ts';
import { exactEquality } from './baseline.ts';
import {
  bCubed,
  calibrationError,
  clusterFigures,
  type Figures,
  figures,
  recallByGroup,
  type Sides,
  type Truth,
  truePairs,
} from './measures.ts';

export interface Evaluated {
  readonly title: string;
  readonly registry: Registry;
  readonly run: Run;
  readonly truth: Truth;
  readonly sides: Sides;
  /** Where each person stands in the files. */
  readonly places: Float64Array;
  /** Of the comparison, from the registry to clusters. */
  readonly seconds: number;
}

const THRESHOLDS = [0.5, 0.9, 0.99];

const show = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : '–');
const row = (name: string, { precision, recall, f1 }: Figures): string[] => [
  name,
  show(precision),
  show(recall),
  show(f1),
];

/** Grades of all scored pairs. */
export function gradesOf({ registry, run }: Pick<Evaluated, 'registry' | 'run'>): Grade[] {
  const rivals = rivalsOf(registry.size, run.pairs, run.logOdds, run.clusters);
  const levels = gradeReader(registry, run.scorer.comparer);
  return Array.from({ length: run.pairs.size }, (_, at) => {
    const [a, b] = [run.pairs.a[at]!, run.pairs.b[at]!];
    const rival = Math.max(rivals[a]!, rivals[b]!);
    return gradeOf(run.logOdds[at]!, levels(a, b), rival);
  });
}

/** Figures of the pairs at or above a probability. */
export function pairFigures(evaluated: Evaluated, threshold: number): Figures {
  const { run, truth, sides } = evaluated;
  return pairsWhere(
    evaluated,
    (at) => probabilityOf(run.logOdds[at]!) >= threshold,
    truePairs(truth, sides),
  );
}

function pairsWhere(
  { run, truth }: Evaluated,
  taken: (at: number) => boolean,
  all: number,
): Figures {
  let [right, found] = [0, 0];
  for (let at = 0; at < run.pairs.size; at++) {
    if (!taken(at)) continue;
    found++;
    if (truth[run.pairs.a[at]!] === truth[run.pairs.b[at]!]) right++;
  }
  return figures(right, found, all);
}

/** Probability from which a pair counts as found, and holds somebody, in the figures by group. */
const REVIEWED = 0.5;

/** Recall and wrong holds by group, as the run itself estimates them and as the truth has them. */
function groupsOf({ registry, run, truth, sides }: Evaluated): string {
  const dimensions = dimensionsOf(registry).filter(({ name }) => name !== 'area');
  if (dimensions.length === 0) return '';
  const table = new Table({
    head: ['group', 'people', 'true pairs', 'recall', 'estimate', 'held wrongly', ''],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  const known = recallByGroup(run, truth, sides, dimensions);
  for (const each of fairnessOf(run, registry.size, dimensions, REVIEWED)) {
    const { pairs, found } = known.get(`${each.dimension} ${each.group}`)!;
    table.push([
      `${each.dimension}: ${each.group}`,
      String(each.people),
      String(pairs),
      show(found / pairs),
      show(each.recall),
      `${(each.falseHoldRate * 100).toFixed(3)} %`,
      each.flagged ? 'flagged' : '',
    ]);
  }
  return table.toString();
}

/** Who was compared with nobody, and what was not compared, a line each. */
function leftOut({ blocks: { unseen, skipped } }: Run): string[] {
  const { unknown, crowded } = unseen;
  return [
    ...(unknown > 0 ? [`${unknown} records say too little to be compared with any other`] : []),
    ...(crowded > 0
      ? [`${crowded} records have nothing that not too many others have, and were not compared`]
      : []),
    ...skipped.map(
      ({ rule, keys, people }) =>
        `rule "${rule}": ${keys} keys too common, ${people} people not compared by it`,
    ),
  ];
}

/**
 * The figures of an evaluation as text.
 *
 * @param grades of all pairs, where they are known
 */
export function reportOf(evaluated: Evaluated, grades = gradesOf(evaluated)): string {
  const { title, registry, run, truth, sides } = evaluated;
  const all = truePairs(truth, sides);
  const same = (at: number): boolean => truth[run.pairs.a[at]!] === truth[run.pairs.b[at]!];
  const p = run.logOdds.map((bits) => probabilityOf(bits));
  let kept = 0;
  for (let at = 0; at < p.length; at++) if (same(at)) kept++;
  const table = new Table({
    head: [title, 'precision', 'recall', 'F1'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right'],
  });
  for (const threshold of THRESHOLDS) {
    table.push(row(`pairs, p ≥ ${threshold}`, pairFigures(evaluated, threshold)));
  }
  table.push(
    row(
      'pairs graded certain',
      pairsWhere(evaluated, (at) => grades[at] === 'certain', all),
    ),
    row('clusters, pairwise', clusterFigures(run.clusters, truth, sides)),
    row('clusters, B³', bCubed(run.clusters, truth)),
    row('exact equality (openIMIS)', exactEquality(registry, truth, sides)),
  );
  return [
    table.toString(),
    groupsOf(evaluated),
    `${registry.size} records, ${all} true pairs, ${run.pairs.compared} compared ` +
      `(${(run.pairs.compared / Math.max(1, registry.size)).toFixed(1)} a record); ` +
      `pairs completeness ${show(kept / all)}; calibration error ${show(all === 0 ? Number.NaN : calibrationError(p, same))}; ` +
      `compared in ${evaluated.seconds.toFixed(1)} s`,
    ...leftOut(run),
  ].join('\n');
}
