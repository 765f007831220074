/**
 * What agreement means: of each field and level, how often it is seen among pairs of one person (m),
 * of different members of one household (h), and of unrelated people (u).
 *
 * Fellegi & Sunter (1969), with a third class between the two: members of a household share a family
 * name, a telephone and a village, and would pass for duplicates if only two classes were known.
 */

import { type Kind, LEVELS, levelsOf } from './schema.ts';

export interface FieldModel {
  readonly m: readonly number[];
  readonly h: readonly number[];
  readonly u: readonly number[];
}

export interface Model {
  /** By name of the field. */
  readonly fields: Readonly<Record<string, FieldModel>>;
  /** Share of all pairs that are one person, and that are different members of one household. */
  readonly lambdaM: number;
  readonly lambdaH: number;
  /** Share of pairs inside one household that are one person; 0 where no household is known. */
  readonly within: number;
  /** Other members that a member of a household has, on average. */
  readonly others: number;
  /** Share of records whose given and family name stand crossed. */
  readonly crossed: number;
  /** Share of pairs of members of one household of whom each bears the other's names. */
  readonly crossedWithin: number;
  /** How names go together where it was learnt; chance, where that is not known. */
  readonly usual?: Usual;
}

/** How many times as often as chance has it people have names in common. */
export interface Usual {
  /** Neighbours, by name of the field. */
  readonly near: Readonly<Record<string, number>>;
  /** Both names, where one is in common. */
  readonly both: number;
}

/** Records with crossed names, unless an installation knows better. */
export const CROSSED = 0.01;
/** Members of one household who bear each other's names, where no household is known. */
export const CROSSED_WITHIN = 0.0001;

/**
 * What is expected of m before anything is learnt: most values of one person agree, small errors
 * are commoner than large ones. It counts where a registry is too small to tell.
 */
const EXPECTED: Readonly<Record<Kind, readonly number[]>> = {
  name: [0.02, 0.01, 0.03, 0.05, 0.14, 0.74, 0.01],
  names: [0.06, 0.02, 0.04, 0.05, 0.13, 0.7],
  date: [0.02, 0.01, 0.03, 0.03, 0.08, 0.71, 0.1, 0.02],
  identifier: [0.04, 0.02, 0.08, 0.84, 0.02],
  number: [0.15, 0.03, 0.07, 0.75],
  text: [0.12, 0.05, 0.13, 0.7],
  house: [0.12, 0.08, 0.8],
  code: [0.05, 0.95],
};

export const expectedM = (kind: Kind): readonly number[] => EXPECTED[kind];

/** Where learning starts: each level three times as frequent as the one below it. */
export function startingM(kind: Kind): number[] {
  const weights = Array.from({ length: levelsOf(kind) }, (_, level) =>
    level < LEVELS[kind] ? 3 ** level : 1,
  );
  return normalised(weights);
}

/** The weights as shares of one. */
export function normalised(weights: readonly number[]): number[] {
  const sum = weights.reduce((so, weight) => so + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * log₂(p/q) by level, made to rise with the level: where a higher level came out lower by chance,
 * both get their mean (pool adjacent violators, weighted by p + q).
 *
 * @param ordered how many of the levels are in order; those after it stay as they are
 */
export function weightsOf(p: readonly number[], q: readonly number[], ordered: number): number[] {
  const pools: Array<{ weight: number; mass: number; levels: number }> = [];
  for (let level = 0; level < ordered; level++) {
    pools.push({
      weight: Math.log2(p[level]! / q[level]!),
      mass: p[level]! + q[level]!,
      levels: 1,
    });
    while (pools.length > 1 && pools.at(-2)!.weight > pools.at(-1)!.weight) {
      const above = pools.pop()!;
      const below = pools.pop()!;
      const mass = above.mass + below.mass;
      const weight = (above.weight * above.mass + below.weight * below.mass) / mass;
      pools.push({ weight, mass, levels: above.levels + below.levels });
    }
  }
  const rising = pools.flatMap(({ weight, levels }) => Array<number>(levels).fill(weight));
  const rest = p.slice(ordered).map((value, at) => Math.log2(value / q[ordered + at]!));
  return [...rising, ...rest];
}
