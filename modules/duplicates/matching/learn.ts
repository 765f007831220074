/**
 * A model learnt from the registry itself, without anybody's labels: u from random pairs and value
 * frequencies, m by expectation–maximisation, h from members of one household, shares from both.
 */

import type { Blocks } from './blocks.ts';
import { equalLevel } from './compare.ts';
import { type Learnt, type Levels, learn, PAIRS_MIN, shareOf } from './expectation.ts';
import { CROSSED, CROSSED_WITHIN, expectedM, type Model, normalised, startingM } from './model.ts';
import { addLevels, type Patterns } from './patterns.ts';
import { countsOf } from './rarity.ts';
import type { Column, Registry } from './registry.ts';
import {
  ADJACENT,
  BIRTH,
  EMAIL,
  type Field,
  GIVEN,
  IDENTIFIER,
  LEVELS,
  levelsOf,
  SEX,
  YEARS_EQUAL,
} from './schema.ts';
import type { Threads } from './threads.ts';
import { type HouseholdPatterns, type Lessons, lessonsOf, type Sample } from './training.ts';

/** Registries of fewer records borrow from what is expected of m. */
const SMALL = 2_000;
const SMALL_PRIOR_PAIRS = 200;
/** Pairs that one person's duplicates make, before anything is known, by record. */
const DUPLICATES_START = 0.05;
/** How much commoner household pairs are than duplicates, where no household is known. */
const HOUSEHOLD_RATIO = 16;

/** Share of pairs of members of one household who are twins, at least. */
const TWINS = 0.004;
/** Share of pairs of members who have neighbouring identifiers, of those who have any, at least. */
const NEIGHBOURS = 0.01;
/** Two in three twins are of one sex, everywhere (Weinberg's rule); by level. */
const TWINS_SEX = [1 / 3, 2 / 3];
/** Even where everybody has one value, somebody else might not. */
const EXACT_MAX = 1 - 1e-4;

export const pairsOf = (registry: Registry, across: boolean): number => {
  const { size, source } = registry;
  if (!across) return (size * (size - 1)) / 2;
  const second = source.reduce((so, each) => so + each, 0);
  return second * (size - second);
};

/** u: exact levels from how often values repeat, the others from pairs at random. */
function unrelated(registry: Registry, random: Patterns): number[][] {
  const sums = registry.columns.map(({ field }) =>
    new Float64Array(levelsOf(field.kind)).fill(0.5),
  );
  addLevels(random, () => 1, sums);
  return registry.columns.map(({ field }, column) => {
    const shares = normalised([...sums[column]!]);
    if (field.slots > 1) return shares;
    const { counts, held } = countsOf(registry, column);
    if (held < 2) return shares;
    const exact = exactShares(registry.columns[column]!, counts, held);
    const left = 1 - [...exact.values()].reduce((so, share) => so + share, 0);
    const rest = shares.reduce((so, share, level) => so + (exact.has(level) ? 0 : share), 0);
    return shares.map((share, level) => exact.get(level) ?? (share / rest) * left);
  });
}

/** How often two strangers have a value in common, by the level of it. */
function exactShares(
  { field, values }: Column,
  counts: Int32Array,
  held: number,
): ReadonlyMap<number, number> {
  const squares = new Map([[LEVELS[field.kind] - 1, 0]]);
  if (field.kind === 'date') squares.set(YEARS_EQUAL, 0);
  counts.forEach((count, value) => {
    if (count === 0) return;
    const level = equalLevel(field, values, value);
    squares.set(level, squares.get(level)! + (count / held) * ((count - 1) / (held - 1)));
  });
  const least = 0.5 / held ** 2;
  return new Map(
    [...squares].map(([level, share]) => [level, Math.min(EXACT_MAX, Math.max(share, least))]),
  );
}

interface Household {
  readonly h: number[][];
  readonly lambda: number;
  readonly within: number;
  readonly others: number;
  readonly crossed: number;
}

const UNKNOWN = { within: 0, others: 0, crossed: CROSSED_WITHIN };

/**
 * Whether it is not known of a field if the members of a family have it in common: a second family
 * name, the father's and the mother's name. Where no households teach it, their class learns it.
 */
const isFamilyMatter = ({ name, kind, shared }: Field): boolean =>
  !shared && (kind === 'names' || kind === 'text') && name !== EMAIL;

/**
 * How birth days of members of one household agree: of some of them they are equal. Where learning
 * took twins for one person written twice, it is put right here, before it teaches any further.
 */
function withTwins(days: readonly number[]): number[] {
  const equal = LEVELS.date - 1;
  const more = Math.max(0, TWINS - days[equal]!);
  return days.map((share, level) => share * (1 - more) + (level === equal ? more : 0));
}

/** How identifiers of members of one household agree: cards given out one after the other are neighbours. */
function withNeighbours(identifiers: readonly number[]): number[] {
  const more = Math.max(0, NEIGHBOURS - identifiers[ADJACENT]!);
  return identifiers.map((share, level) => share * (1 - more) + (level === ADJACENT ? more : 0));
}

/** h as it is learnt, with what is known of families anywhere. */
function asFamilies({ name }: Field, levels: readonly number[]): readonly number[] {
  if (name === BIRTH) return withTwins(levels);
  return name === IDENTIFIER ? withNeighbours(levels) : levels;
}

/** h, and the share of pairs that are members of one household. */
function household(
  registry: Registry,
  { patterns: sample, known, all, people, crossed }: HouseholdPatterns,
  m: Levels,
  u: Levels,
  pairsAll: number,
): Household | undefined {
  const fields = registry.columns.map(({ field }) => field);
  if (!fields.some(({ shared }) => shared)) return undefined;
  const start = fields.map((field, column) => {
    if (!isFamilyMatter(field)) return [...asFamilies(field, (field.shared ? m : u)[column]!)];
    return m[column]!.map((value, level) => (value + u[column]![level]!) / 2);
  });
  if (sample.pairs === 0) return { h: start, lambda: -1, ...UNKNOWN };
  const mixture = { fields, samples: [sample], start, fixed: [m], shares: [0.95, 0.05] };
  if (!known) {
    // People of one address are mostly duplicates where families were not registered together:
    // what is learnt from them would describe duplicates, so only their share is taken.
    const share = shareOf(sample, [start, m], mixture.shares);
    return { h: start, lambda: (share * all) / pairsAll, ...UNKNOWN };
  }
  const { levels, shares } = learn(mixture);
  const [different = 1, same = 0] = shares[0] ?? [];
  return {
    h: levels.map((of, column) => [...asFamilies(fields[column]!, of)]),
    lambda: (different * all) / pairsAll,
    within: same,
    others: (2 * all) / people,
    crossed: Math.max(CROSSED_WITHIN, crossed - same * CROSSED),
  };
}

function priorOf(
  registry: Registry,
  fields: readonly Field[],
): { levels: Levels; pairs: number } | undefined {
  if (registry.size >= SMALL) return undefined;
  return { levels: fields.map(({ kind }) => expectedM(kind)), pairs: SMALL_PRIOR_PAIRS };
}

/**
 * Patterns of the pairs of each rule that teaches. Rules whose pairs are mostly namesakes teach only
 * where a field would otherwise not be learnt: names go with villages, and strangers of one culture
 * would pass for what duplicates look like.
 */
function trainingSamples({ columns }: Registry, { rules, more }: Lessons): readonly Sample[] {
  const enough = ({ pairs }: Patterns): boolean => pairs > PAIRS_MIN;
  const samples = rules.filter(enough);
  const missing = columns.filter((_, column) => !samples.some(({ used }) => used[column]));
  if (missing.length === 0) return samples;
  const covers = ({ used }: Patterns): boolean =>
    missing.some((column) => used[columns.indexOf(column)]);
  return [...samples, ...more('if-needed').filter(enough).filter(covers)];
}

/**
 * Brothers and sisters: what families have in common is as like as in one person, names are not. Between
 * members at large and one person they are a class of their own, or twins would be taken for one person
 * whose given name is often another, and would teach it.
 */
function siblings(fields: readonly Field[], m: Levels, h: Levels): Levels {
  return fields.map((field, column) => {
    if (field.name === SEX) return TWINS_SEX;
    return (field.shared || isFamilyMatter(field) ? m : h)[column]!;
  });
}

/**
 * Pairs of each class that a sample is expected to have of itself: twins, where birth days agree by the
 * rule and given names are learnt.
 *
 * @param members pairs of members of one household in the whole registry
 */
function expectedIn({ used, part }: Sample, fields: readonly Field[], members: number): number[] {
  const isUsed = (name: string): boolean | undefined =>
    used[fields.findIndex((field) => field.name === name)];
  return isUsed(BIRTH) === false && isUsed(GIVEN) ? [0, 0, TWINS * members * part, 0] : [];
}

/**
 * The model of a registry. λM is what it starts from; `settle` finds it from scored pairs.
 *
 * @param across pairs are between two registries, not within one
 */
export function learnModel(
  registry: Registry,
  blocks: Blocks,
  across: boolean,
  threads?: Threads,
): Model {
  const lessons = lessonsOf(registry, blocks, across, threads);
  const fields = registry.columns.map(({ field }) => field);
  const u = unrelated(registry, lessons.random);
  const samples = trainingSamples(registry, lessons);
  const prior = priorOf(registry, fields);
  const start = fields.map(({ kind }) => startingM(kind));
  const common = { fields, samples, ...(prior ? { prior } : {}) };
  const two = learn({ ...common, start, fixed: [u], shares: [0.5, 0.5] });
  const pairsAll = Math.max(1, pairsOf(registry, across));
  const lambdaM = (DUPLICATES_START * registry.size) / pairsAll;
  const of = household(registry, lessons.household, two.levels, u, pairsAll);
  const lambdaH = of === undefined ? 0 : of.lambda < 0 ? HOUSEHOLD_RATIO * lambdaM : of.lambda;
  const three: Learnt = of
    ? learn({
        ...common,
        start: two.levels,
        fixed: [of.h, siblings(fields, two.levels, of.h), u],
        shares: [0.3, 0.15, 0.15, 0.4],
        expected: (sample) => expectedIn(sample, fields, lambdaH * pairsAll),
        ...(of.within === UNKNOWN.within && { open: fields.map(isFamilyMatter) }),
      })
    : two;
  const h = of ? three.second : u;
  return {
    fields: Object.fromEntries(
      fields.map(({ name }, column) => [
        name,
        { m: three.levels[column]!, h: h[column]!, u: u[column]! },
      ]),
    ),
    lambdaM,
    lambdaH: Math.min(lambdaH, 0.2),
    within: of?.within ?? 0,
    others: of?.others ?? 0,
    crossed: CROSSED,
    crossedWithin: of?.crossed ?? CROSSED_WITHIN,
  };
}
