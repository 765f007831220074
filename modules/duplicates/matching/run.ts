/**
 * A whole run: people in, scored pairs and clusters out.
 */

import { assign } from './assign.ts';
import { type Blocks, blocksOf } from './blocks.ts';
import { clustersOf, type Edge, type Verdicts } from './clusters.ts';
import { exclusive } from './exclusive.ts';
import { feedback } from './feedback.ts';
import { learnModel } from './learn.ts';
import { oneToOne } from './link.ts';
import type { Model } from './model.ts';
import { pairLogOdds, type ScoredPairs, scorePairs, settle } from './pairs.ts';
import type { Registry } from './registry.ts';
import type { Scorer } from './score.ts';
import type { Threads } from './threads.ts';

export interface Run {
  readonly blocks: Blocks;
  readonly model: Model;
  readonly pairs: ScoredPairs;
  readonly scorer: Scorer;
  /** Log-odds (bits) of each scored pair. */
  readonly logOdds: Float64Array;
  /** Number of the cluster of each person. */
  readonly clusters: Int32Array;
}

export interface MatchingOptions {
  /** Whether pairs are between two registries, not within one. */
  readonly across: boolean;
  /** The model to score by; without it one is learnt. */
  readonly model?: Model;
  readonly verdicts?: Verdicts;
  /** Other threads that help. */
  readonly threads?: Threads;
  /** Blocks of the registry that were made before. */
  readonly blocks?: Blocks;
}

/** Finds who is registered more than once; with two registries, who stands in both. */
export function runMatching(registry: Registry, options: MatchingOptions): Run {
  const { across, threads } = options;
  const blocks = options.blocks ?? blocksOf(registry, threads);
  const learnt = options.model ?? learnModel(registry, blocks, across, threads);
  const scoring = { across, ...(threads && { threads }) };
  const { pairs, scorer } = scorePairs(registry, blocks, learnt, scoring);
  const model = { ...settle(registry, pairs, learnt, across), usual: scorer.usual };
  scorer.expectCrossed(model.crossed);
  const alone = Float64Array.from({ length: pairs.size }, (_, at) =>
    pairLogOdds(registry, pairs, at, model),
  );
  const met = feedback(registry, pairs, alone, scorer);
  if (across) {
    const logOdds = oneToOne(registry.size, met.pairs, met.logOdds);
    const clusters = clustersOf(
      registry.size,
      assign(likelyEdges(met.pairs, met.logOdds)),
      () => 0,
      options.verdicts,
    );
    return { blocks, model, pairs: met.pairs, scorer, logOdds, clusters };
  }
  const informed = { ...met, logOdds: exclusive(registry, met.pairs, met.logOdds) };
  const edges = likelyEdges(informed.pairs, informed.logOdds);
  const said = new Map(edges.map(({ a, b, logOdds }) => [a * registry.size + b, logOdds]));
  const between = (a: number, b: number): number =>
    said.get(a * registry.size + b) ?? scorer.logOdds(a, b, model);
  const clusters = clustersOf(registry.size, edges, between, options.verdicts);
  return { blocks, model, scorer, ...informed, clusters };
}

function likelyEdges(pairs: ScoredPairs, logOdds: Float64Array): Edge[] {
  const edges: Edge[] = [];
  for (let at = 0; at < pairs.size; at++) {
    if (logOdds[at]! >= 0) edges.push({ a: pairs.a[at]!, b: pairs.b[at]!, logOdds: logOdds[at]! });
  }
  return edges;
}
