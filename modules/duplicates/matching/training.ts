/**
 * What a registry teaches: pairs at random, of each rule and of members of one household, counted by
 * the pattern of their levels; one sample a turn.
 */

import type { Blocks } from './blocks.ts';
import { type Comparer, comparerOf } from './compare.ts';
import { RULES, type Training } from './keys.ts';
import { countPatterns, type Patterns } from './patterns.ts';
import type { Registry } from './registry.ts';
import { householdPairs, householdsOf, type Pairs, randomPairs, rulePairs } from './samples.ts';
import { type Threads, together } from './threads.ts';
import { inTurns, newTurns, type Turn, type Work } from './turns.ts';

/** What is counted. */
export interface Counting extends Work {
  readonly kind: 'count';
  readonly registry: Registry;
  readonly blocks: Pick<Blocks, 'rules' | 'members' | 'places' | 'starts'>;
  readonly across: boolean;
  readonly samples: readonly Wanted[];
}

/** A sample: of a rule by its place among the rules of the blocks, at random, or of households. */
type Wanted = number | 'random' | 'household';

/** Pairs of members of one household. */
export interface HouseholdPatterns {
  readonly patterns: Patterns;
  /** Whether households are known; else they are guessed from telephones and addresses. */
  readonly known: boolean;
  /** How many pairs of members there are, and members. */
  readonly all: number;
  readonly people: number;
  /** Share of the pairs of whom each bears the other's names. */
  readonly crossed: number;
}

/** Patterns of pairs of a rule, and which part of its pairs they are. */
export interface Sample extends Patterns {
  readonly part: number;
}

interface Counted extends Turn {
  readonly patterns: Sample;
  readonly household?: HouseholdPatterns;
}

/** Counts the samples whose turn comes to this thread. */
export function countShare({ registry, blocks, across, samples, taken }: Counting): Counted[] {
  const comparer = comparerOf(registry);
  return inTurns(taken, samples.length, (turn): Counted => {
    const sample = samples[turn]!;
    if (sample === 'household') {
      const household = ofHouseholds(registry, comparer);
      return { turn, patterns: { ...household.patterns, part: 1 }, household };
    }
    if (sample === 'random') {
      const pairs = randomPairs(registry, across);
      return { turn, patterns: { ...countPatterns(comparer, pairs), part: 1 } };
    }
    const { pairs, part } = rulePairs(registry, blocks, sample, across);
    const { fields } = RULES[blocks.rules[sample]!.rule]!;
    return { turn, patterns: { ...countPatterns(comparer, pairs, fields), part } };
  });
}

function ofHouseholds(registry: Registry, comparer: Comparer): HouseholdPatterns {
  const { members, known } = householdsOf(registry);
  const { pairs, all } = householdPairs(members);
  return {
    patterns: countPatterns(comparer, pairs),
    ...{ known, all },
    people: members.reduce((so, { length }) => so + length, 0),
    crossed: known ? crossedShare(comparer, pairs) : 0,
  };
}

/** Share of pairs of whom each bears the other's names. */
function crossedShare(comparer: Comparer, pairs: Pairs): number {
  let crossed = 0;
  for (let pair = 0; pair < pairs.length; pair += 2) {
    const [a, b] = [pairs[pair]!, pairs[pair + 1]!];
    if (comparer.areCrossed(a, b) && !comparer.namesAlike(a, b)) crossed++;
  }
  return (2 * crossed) / pairs.length;
}

/** All that a registry teaches. */
export interface Lessons {
  readonly random: Patterns;
  readonly household: HouseholdPatterns;
  readonly rules: readonly Sample[];
  /** Counts what rules of another training teach. */
  readonly more: (training: Training) => Sample[];
}

/** Counts what a registry teaches; `threads` help. */
export function lessonsOf(
  registry: Registry,
  { rules, members, places, starts }: Blocks,
  across: boolean,
  threads?: Threads,
): Lessons {
  const blocks = { rules, members, places, starts };
  const count = (samples: readonly Wanted[]): Counted[] =>
    together(
      threads,
      { kind: 'count', registry, blocks, across, samples, taken: newTurns() },
      countShare,
    );
  const trained = (training: Training): number[] =>
    [...rules.keys()].filter((place) => RULES[rules[place]!.rule]!.trains === training);
  const [household, random, ...others] = count(['household', 'random', ...trained('always')]);
  return {
    household: household!.household!,
    random: random!.patterns,
    rules: others.map(({ patterns }) => patterns),
    more: (training) => count(trained(training)).map(({ patterns }) => patterns),
  };
}
