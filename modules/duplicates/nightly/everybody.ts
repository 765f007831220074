/**
 * A run over everybody: records in, pairs, counts and a model out. Knows no database; it works in a
 * process of its own (`process.ts`).
 */

import { type Grade, gradeOf, gradeReader, rivalsOf } from '../matching/grades.ts';
import { type Person, type Registry, registryOf } from '../matching/registry.ts';
import { type Run, runMatching } from '../matching/run.ts';
import { probabilityOf } from '../matching/score.ts';
import { countAll } from '../registry/counts.ts';
import { explanationOf } from '../registry/explain.ts';
import { fitted, type TaughtModel } from '../registry/weights.ts';
import { refusalOf } from './drift.ts';

/** Registries of fewer people do not teach, and are compared one by one with the shipped weights. */
export const TEACHING_MIN = 2_000;
/** Pairs are answered from this probability. */
const KEPT_MIN = 0.1;

/** A pair by the places of its records. */
export interface FoundPair {
  readonly a: number;
  readonly b: number;
  readonly logOdds: number;
  readonly grade: Grade;
  readonly explanation: string;
}

/** What a run over everybody found. */
export interface Findings {
  readonly pairs: readonly FoundPair[];
  /** Kind, hash and how many, one after another. */
  readonly counts: Int32Array;
  /** The model learnt; absent where the registry is too small. */
  readonly learnt?: TaughtModel;
  /** Why the learnt one was not used. */
  readonly refused?: string;
  readonly compared: number;
  readonly skipped: readonly {
    readonly rule: string;
    readonly keys: number;
    readonly people: number;
  }[];
}

/**
 * Compares everybody with everybody who shares a key.
 *
 * @param now  the model in force
 * @param taught  whether it was learnt here: only then can a new one be held against it
 */
export function compareEverybody(
  people: readonly Person[],
  now: TaughtModel,
  taught: boolean,
): Findings {
  const registry = registryOf(people);
  const size = people.length;
  const counts = Int32Array.from(
    [...countAll(registry).stored()].flatMap(({ kind, hash, held }) => [kind, hash, held]),
  );
  if (size < TEACHING_MIN) return { pairs: [], counts, compared: 0, skipped: [] };
  const inForce = fitted(now, size);
  let run = runMatching(registry, { across: false });
  const learnt = { people: size, model: run.model };
  const refused = taught ? refusalOf(learnt.model, inForce) : undefined;
  if (refused !== undefined) run = runMatching(registry, { across: false, model: inForce });
  return {
    pairs: pairsOf(registry, run),
    counts,
    learnt,
    ...(refused !== undefined && { refused }),
    compared: run.pairs.compared,
    skipped: run.blocks.skipped,
  };
}

function pairsOf(registry: Registry, { pairs, logOdds, clusters, scorer }: Run): FoundPair[] {
  const levels = gradeReader(registry, scorer.comparer);
  const rivals = rivalsOf(registry.size, pairs, logOdds, clusters);
  const found: FoundPair[] = [];
  for (let at = 0; at < pairs.size; at++) {
    const bits = logOdds[at]!;
    if (probabilityOf(bits) < KEPT_MIN) continue;
    const [a, b] = [pairs.a[at]!, pairs.b[at]!];
    const rival = Math.max(rivals[a]!, rivals[b]!);
    const grade = gradeOf(bits, levels(a, b), rival);
    found.push({ a, b, logOdds: bits, grade, explanation: explanationOf(scorer.explain(a, b)) });
  }
  return found;
}
