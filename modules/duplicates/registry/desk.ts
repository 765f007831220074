/**
 * The desk: a few people compared with those found for them in the stored registry, by the same
 * functions and weights as a run over everybody.
 */

import { comparerOf } from '../matching/compare.ts';
import { type Grade, gradeOf, gradeReader } from '../matching/grades.ts';
import type { Model } from '../matching/model.ts';
import { type Person, type Registry, registryOf } from '../matching/registry.ts';
import { type FieldScore, probabilityOf, type Scorer, scorerOf } from '../matching/score.ts';
import type { StoredFeature } from '../store/features.ts';
import { type CountKey, type Counts, countKeysOf, storedRarity } from './counts.ts';
import { personFrom } from './facts.ts';

/** Pairs compared at one desk remember levels for so many values, as a power of two. */
const MEMO_BITS = 12;

/** A record found for somebody, and how much it speaks for one person. */
export interface Scored {
  readonly candidate: StoredFeature;
  /** Bits. */
  readonly logOdds: number;
  readonly p: number;
  readonly grade: Grade;
}

/** People with their candidates, as numbers. Ask for `wanted` counts, then score. */
export class Desk {
  readonly #registry: Registry;
  readonly #people: readonly Person[];
  readonly #candidates: readonly StoredFeature[];

  /** @param candidates records, each once, that any of the people may be */
  constructor(people: readonly Person[], candidates: readonly StoredFeature[]) {
    this.#people = people;
    this.#candidates = candidates;
    const others = candidates.map((each) =>
      personFrom(each.facts, { householdId: each.household_id, area: each.area }),
    );
    this.#registry = registryOf([...people, ...others]);
  }

  /** Counts that scores depend on. */
  wanted(): CountKey[] {
    return countKeysOf(
      this.#registry,
      Array.from({ length: this.#registry.size }, (_, row) => row),
    );
  }

  /** Scores pairs of the desk by a model and counts. */
  under(model: Model, counts: Counts): Judge {
    return new Judge(this.#registry, this.#people.length, this.#candidates, model, counts);
  }
}

/** A desk with its model: scores pairs and says why. */
export class Judge {
  readonly #scorer: Scorer;
  readonly #levels: ReturnType<typeof gradeReader>;
  readonly #first: number;
  readonly #candidates: readonly StoredFeature[];
  readonly #model: Model;

  constructor(
    registry: Registry,
    people: number,
    candidates: readonly StoredFeature[],
    model: Model,
    counts: Counts,
  ) {
    const comparer = comparerOf(registry, MEMO_BITS);
    this.#scorer = scorerOf(registry, model, comparer, storedRarity(registry, model, counts));
    this.#levels = gradeReader(registry, comparer);
    this.#first = people;
    this.#candidates = candidates;
    this.#model = model;
  }

  /** Log-odds of a person and a candidate, by their places. */
  logOdds(person: number, candidate: number): number {
    return this.#scorer.logOdds(person, this.#first + candidate, this.#model);
  }

  /** Log-odds of two candidates. */
  between(one: number, other: number): number {
    return this.#scorer.logOdds(this.#first + one, this.#first + other, this.#model);
  }

  /** What each field said. */
  explain(person: number, candidate: number): readonly FieldScore[] {
    return this.#scorer.explain(person, this.#first + candidate);
  }

  /**
   * Candidates of a person that are likely enough, the likeliest first. What rivals a candidate is
   * another that is not the same person as it.
   *
   * @param pMin  candidates less likely are left out
   */
  ranked(person: number, candidates: readonly number[], pMin: number): Scored[] {
    const bits = candidates.map((at) => ({ at, logOdds: this.logOdds(person, at) }));
    const likely = bits
      .filter(({ logOdds }) => probabilityOf(logOdds) >= pMin)
      .sort((x, y) => y.logOdds - x.logOdds);
    return likely.map(({ at, logOdds }) => {
      const rival = likely.find((each) => each.at !== at && this.between(at, each.at) < 0);
      const levels = this.#levels(person, this.#first + at);
      return {
        candidate: this.#candidates[at]!,
        logOdds,
        p: probabilityOf(logOdds),
        grade: gradeOf(logOdds, levels, rival?.logOdds ?? Number.NEGATIVE_INFINITY),
      };
    });
  }
}
