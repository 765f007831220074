/**
 * A run over everybody: records in, pairs, counts and a model out. Knows no database; it works in a
 * process of its own (`process.ts`), and writes in the form in which COPY takes it.
 */

import { CROWD } from '../compare-all.ts';
import { blocksOf, type Unseen } from '../matching/blocks.ts';
import type { Verdicts } from '../matching/clusters.ts';
import { outsideCrowds, SUSPECTED_MIN } from '../matching/crowds.ts';
import { gradeOf, gradeReader, rivalsOf } from '../matching/grades.ts';
import { keyOfIdentifier } from '../matching/keys.ts';
import type { Registry } from '../matching/registry.ts';
import { type Run, runMatching } from '../matching/run.ts';
import { probabilityOf } from '../matching/score.ts';
import { shared } from '../matching/shared.ts';
import type { Threads } from '../matching/threads.ts';
import { countAll } from '../registry/counts.ts';
import { explanationOf } from '../registry/explain.ts';
import { fitted, type TaughtModel } from '../registry/weights.ts';
import { refusalOf } from './drift.ts';
import { type Everybody, neighbourly } from './order.ts';

/** Registries of fewer people do not teach, and are compared one by one with the shipped weights. */
export const TEACHING_MIN = 2_000;
/** Pairs are answered from this probability. */
const KEPT_MIN = 0.1;

/** By what everybody is compared. */
export interface Order {
  /** The model in force. */
  readonly now: TaughtModel;
  /** Whether it was learnt here: only then can a new one be held against it. */
  readonly taught: boolean;
  /** Internal ids of two records that were decided on, and whether they are one person. */
  readonly verdicts: readonly (readonly [number, number, boolean])[];
}

/** What a run over everybody found, in short. */
export interface Findings {
  readonly people: number;
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
  /** Who was compared with nobody. */
  readonly unseen: Unseen;
  /** Keys that too many people share, and how many do. */
  readonly crowded: { readonly keys: readonly number[]; readonly people: readonly number[] };
}

/** What was found: in short, and as lines of COPY. */
export interface Found {
  readonly findings: Findings;
  /** a, b, log-odds, grade, explanation, whether the pair is to be raised. */
  readonly pairs: Iterable<string>;
  /** Kind, hash and how many. */
  readonly counts: () => Iterable<string>;
}

/** Everybody as they are compared: neighbours side by side, for several threads or one. */
export function ready(everybody: Everybody, several: boolean): Everybody {
  const { registry, ids } = neighbourly(everybody);
  return { registry: several ? shared(registry) : registry, ids };
}

/** Compares everybody who is `ready` with everybody who shares a key; `threads` help. */
export function compareEverybody(
  { registry, ids }: Everybody,
  order: Order,
  threads?: Threads,
): Found {
  const people = registry.size;
  const counts = (): string[] => countLines(registry);
  if (people < TEACHING_MIN) {
    const unseen = blocksOf(registry).unseen;
    const none = { compared: 0, skipped: [], unseen, crowded: { keys: [], people: [] } };
    return { findings: { people, ...none }, pairs: [], counts };
  }
  const inForce = fitted(order.now, people);
  const blocks = blocksOf(registry, threads);
  const verdicts = verdictsOf(ids, order.verdicts);
  const options = { across: false, verdicts, blocks, ...(threads && { threads }) };
  let run = runMatching(registry, options);
  const learnt = { people, model: run.model };
  const refused = order.taught ? refusalOf(learnt.model, inForce) : undefined;
  if (refused !== undefined) run = runMatching(registry, { ...options, model: inForce });
  const findings = {
    people,
    learnt,
    ...(refused !== undefined && { refused }),
    compared: run.pairs.compared,
    skipped: run.blocks.skipped,
    unseen: run.blocks.unseen,
    crowded: crowdedKeys(registry, run),
  };
  return { findings, pairs: pairLines(registry, ids, run), counts };
}

/** Keys that too many share, of values that tell nobody apart as well. */
function crowdedKeys(registry: Registry, { blocks }: Run): Findings['crowded'] {
  const crowds = [
    ...[...blocks.large].map(([key, people]) => ({ key, people })),
    ...registry.placeholders.map(({ hash, people }) => ({ key: keyOfIdentifier(hash), people })),
  ].filter(({ people }) => people > CROWD);
  const unique = new Map(crowds.map(({ key, people }) => [key, people]));
  return { keys: [...unique.keys()], people: [...unique.values()] };
}

function countLines(registry: Registry): string[] {
  const lines: string[] = [];
  countAll(registry).stored((kind, hash, held) => lines.push(`${kind}\t${hash}\t${held}\n`));
  return lines;
}

/** Verdicts by the places of records; those about records that are gone are left out. */
function verdictsOf(ids: Float64Array, said: Order['verdicts']): Verdicts {
  const places = new Map<number, number>();
  for (const [a, b] of said) places.set(a, -1).set(b, -1);
  if (places.size > 0) {
    ids.forEach((id, at) => {
      if (places.has(id)) places.set(id, at);
    });
  }
  const duplicate: [number, number][] = [];
  const different: [number, number][] = [];
  for (const [a, b, same] of said) {
    const [x, y] = [places.get(a)!, places.get(b)!];
    if (x >= 0 && y >= 0) (same ? duplicate : different).push([x, y]);
  }
  return { duplicate, different };
}

function* pairLines(registry: Registry, ids: Float64Array, run: Run): Generator<string> {
  const { pairs, logOdds, clusters, scorer } = run;
  const levels = gradeReader(registry, scorer.comparer);
  const rivals = rivalsOf(registry.size, pairs, logOdds, clusters);
  const likely: { a: number; b: number; at: number }[] = [];
  for (let at = 0; at < pairs.size; at++) {
    if (probabilityOf(logOdds[at]!) < SUSPECTED_MIN) continue;
    likely.push({ a: pairs.a[at]!, b: pairs.b[at]!, at });
  }
  const raisable = new Set(outsideCrowds(likely).map(({ at }) => at));
  for (let at = 0; at < pairs.size; at++) {
    const bits = logOdds[at]!;
    if (probabilityOf(bits) < KEPT_MIN) continue;
    const [a, b] = [pairs.a[at]!, pairs.b[at]!];
    const grade = gradeOf(bits, levels(a, b), Math.max(rivals[a]!, rivals[b]!));
    const why = explanationOf(scorer.explain(a, b), bits).replaceAll('\\', '\\\\');
    const [low, high] = [Math.min(ids[a]!, ids[b]!), Math.max(ids[a]!, ids[b]!)];
    yield `${low}\t${high}\t${bits}\t${grade}\t${why}\t${raisable.has(at) ? 't' : 'f'}\n`;
  }
}
