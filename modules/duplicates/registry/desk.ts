/**
 * The desk: a few people compared with those found for them in the stored registry, by the same
 * functions and weights as a run over everybody.
 */

import { comparerOf } from '../matching/compare.ts';
import { type Grade, gradeOf, gradeReader } from '../matching/grades.ts';
import type { Model } from '../matching/model.ts';
import { type Person, type Registry, registryOf } from '../matching/registry.ts';
import { type FieldScore, probabilityOf, type Scorer } from '../matching/score.ts';
import { scorerOf } from '../matching/scorer.ts';
import type { StoredFeature } from '../store/features.ts';
import { type CountKey, type Counts, countKeysOf, storedRarity } from './counts.ts';
import { personFrom } from './facts.ts';

/** Pairs compared at one desk remember levels for so many values at most, as a power of two. */
const MEMO_BITS_MAX = 12;
/** Room for the values of so many rows of a desk: a small one is not to clear more than it uses. */
const memoBits = (rows: number): number => Math.min(MEMO_BITS_MAX, 32 - Math.clz32(rows) + 1);

/** Candidates of one person that are ranked: each is held against those before it. */
const LIKELY_MAX = 50;

/** A record found for somebody, and how much it speaks for one person. */
export interface Scored {
  readonly candidate: StoredFeature;
  /** Bits. */
  readonly logOdds: number;
  readonly p: number;
  readonly grade: Grade;
}

/** Which candidates each person is compared with, by their places. */
export type Among = (person: number) => readonly number[];

/** People with their candidates, as numbers. Ask for `wanted` counts, then score. */
export class Desk {
  readonly registry: Registry;
  readonly people: number;
  readonly candidates: readonly StoredFeature[];
  readonly among: Among;

  /**
   * @param candidates records, each once, that any of the people may be
   * @param among  all of them, unless told otherwise
   */
  constructor(people: readonly Person[], candidates: readonly StoredFeature[], among?: Among) {
    this.people = people.length;
    this.candidates = candidates;
    const everybody = candidates.map((_, at) => at);
    this.among = among ?? (() => everybody);
    const others = candidates.map((each) =>
      personFrom(each.facts, { householdId: each.household_id, area: each.area }),
    );
    this.registry = registryOf([...people, ...others]);
  }

  /** Counts that scores of people and candidates depend on. */
  wanted(): CountKey[] {
    return countKeysOf(
      this.registry,
      Array.from({ length: this.people }, (_, row) => row),
    );
  }

  /**
   * Scores all pairs by a model and counts.
   *
   * @param pMin  candidates less likely are left out
   */
  under(model: Model, counts: Counts, pMin: number): Judge {
    return new Judge(this, model, counts, pMin);
  }
}

/** A candidate that is likely enough. */
interface Likely {
  readonly at: number;
  /** Bits. */
  readonly logOdds: number;
}

/** A desk with its model: ranks candidates and says why. Teach it the counts that `rivals` want first. */
export class Judge {
  readonly #desk: Desk;
  readonly #model: Model;
  readonly #scorer: Scorer;
  readonly #levels: ReturnType<typeof gradeReader>;
  readonly #likely: readonly (readonly Likely[])[];

  constructor(desk: Desk, model: Model, counts: Counts, pMin: number) {
    const { registry, people, among } = desk;
    const comparer = comparerOf(registry, memoBits(registry.size));
    this.#desk = desk;
    this.#model = model;
    this.#scorer = scorerOf(registry, model, comparer, storedRarity(registry, model, counts));
    this.#levels = gradeReader(registry, comparer);
    this.#likely = Array.from({ length: people }, (_, person) =>
      among(person)
        .map((at) => ({ at, logOdds: this.#scorer.logOdds(person, people + at, model) }))
        .filter(({ logOdds }) => probabilityOf(logOdds) >= pMin)
        .sort((x, y) => y.logOdds - x.logOdds)
        .slice(0, LIKELY_MAX),
    );
  }

  /** Counts that candidates depend on which rival each other. */
  rivals(): CountKey[] {
    const rows = new Set<number>();
    for (const likely of this.#likely) {
      if (likely.length > 1) for (const { at } of likely) rows.add(this.#desk.people + at);
    }
    return rows.size === 0 ? [] : countKeysOf(this.#desk.registry, [...rows]);
  }

  /** What each field said. */
  explain(person: number, candidate: number): readonly FieldScore[] {
    return this.#scorer.explain(person, this.#desk.people + candidate);
  }

  /**
   * Candidates of a person that are likely enough, the likeliest first. What rivals a candidate is
   * another that is not the same person as it.
   *
   * @param seen  places of candidates; others are as if they were not there
   */
  ranked(person: number, seen?: ReadonlySet<number>): (Scored & { readonly at: number })[] {
    const all = this.#likely[person]!;
    const likely = seen ? all.filter(({ at }) => seen.has(at)) : all;
    return likely.map(({ at, logOdds }) => {
      const rival = likely.find((each) => each.at !== at && this.#between(at, each.at) < 0);
      const levels = this.#levels(person, this.#desk.people + at);
      return {
        at,
        candidate: this.#desk.candidates[at]!,
        logOdds,
        p: probabilityOf(logOdds),
        grade: gradeOf(logOdds, levels, rival?.logOdds ?? Number.NEGATIVE_INFINITY),
      };
    });
  }

  /** Log-odds of two candidates. */
  #between(one: number, other: number): number {
    const { people } = this.#desk;
    return this.#scorer.logOdds(people + one, people + other, this.#model);
  }
}
