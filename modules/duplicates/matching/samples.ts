/**
 * The pairs that learning looks at: at random, by rule, and of members of one household.
 * All choices are by hash of the place, so that the same registry always teaches the same.
 */

import { type Blocks, eachPairOf } from './blocks.ts';
import { GrowingInts } from './growing.ts';
import { join, mix } from './hash.ts';
import { listOf, partsReader, placeOf, sourcesOf } from './keys.ts';
import type { Registry } from './registry.ts';

/** Pairs by the rows of both, one behind the other. */
export type Pairs = Int32Array;

const RANDOM_PAIRS = 300_000;
/** Pairs of a rule that are looked at. */
const RULE_PAIRS = 150_000;
const HOUSEHOLD_PAIRS = 400_000;
/** Larger groups of one address or telephone are institutions or villages, not households. */
const HOUSEHOLD_SIZE_MAX = 15;

const [HOUSE, POSTAL] = [placeOf('house'), placeOf('postal')];
const [LINES, PHONES] = [listOf('lines'), listOf('phones')];

function add(pairs: GrowingInts, a: number, b: number): void {
  pairs.push(a);
  pairs.push(b);
}

/** Pairs at random; across two registries if there are two. */
export function randomPairs(registry: Registry, across: boolean): Pairs {
  const { size, source } = registry;
  const pairs = new GrowingInts();
  const wanted = Math.min(RANDOM_PAIRS, (size * (size - 1)) / 2);
  for (let at = 0; pairs.size < wanted * 2 && at < wanted * 4; at++) {
    const a = (mix(2 * at + 1) >>> 0) % size;
    const b = (mix(2 * at + 2) >>> 0) % size;
    if (a !== b && !(across && source[a] === source[b])) add(pairs, a, b);
  }
  return pairs.taken();
}

/** Pairs of a rule, and which part of all of them they are. */
export interface RulePairs {
  readonly pairs: Pairs;
  readonly part: number;
}

/**
 * Pairs that a rule makes, evenly thinned; the rule by its place among those of the blocks. Keys that
 * had to be made finer teach nothing: whom they bring together have more in common than the rule says,
 * such as the first letters of their names, and a village of one telephone, or of one birth day, would
 * pass for what duplicates look like.
 */
export function rulePairs(
  registry: Registry,
  blocks: Pick<Blocks, 'rules' | 'members' | 'places' | 'starts'>,
  place: number,
  across: boolean,
): RulePairs {
  const { from, usual: to } = blocks.rules[place]!;
  let all = 0;
  let people = 0;
  for (let at = from; at < to; at++) {
    all += people++;
    if (blocks.members[at]! < 0) people = 0;
  }
  const step = Math.max(1, all / RULE_PAIRS);
  const pairs = new GrowingInts();
  let seen = 0;
  let next = 0;
  const picked = (): boolean => {
    if (seen++ < next) return false;
    next += step;
    return true;
  };
  eachPairOf(registry, blocks, place, { across, picked }, (a, b) => add(pairs, a, b));
  return { pairs: pairs.taken(), part: Math.min(1, 1 / step) };
}

/** Members by household; where none are known, by telephone or by street and postal code. */
export function householdsOf(registry: Registry): { members: number[][]; known: boolean } {
  const groups = new Map<number, number[]>();
  const add = (key: number, row: number): void => {
    const members = groups.get(key);
    if (members) members.push(row);
    else groups.set(key, [row]);
  };
  const known = registry.households > 0;
  const parts = known ? undefined : partsReader(registry, sourcesOf(registry));
  for (let row = 0; row < registry.size; row++) {
    if (parts === undefined) {
      if (registry.household[row] !== 0) add(registry.household[row]!, row);
      continue;
    }
    const { one, many, sizes } = parts(row);
    const first = (list: number): number | undefined =>
      sizes[list] === 0 ? undefined : many[list]![0];
    const [line, phone, house] = [first(LINES), first(PHONES), one[HOUSE]!];
    if (line !== undefined && house !== 0) add(join(join(line, house), one[POSTAL]!), row);
    else if (phone !== undefined) add(phone, row);
  }
  const members = [...groups.values()].filter(
    ({ length }) => length > 1 && (known || length <= HOUSEHOLD_SIZE_MAX),
  );
  return { members, known };
}

/** Pairs of members of one household, evenly thinned, and how many there are. */
export function householdPairs(members: readonly (readonly number[])[]): {
  pairs: Pairs;
  all: number;
} {
  const all = members.reduce((so, { length }) => so + (length * (length - 1)) / 2, 0);
  const step = Math.max(1, all / HOUSEHOLD_PAIRS);
  const pairs = new GrowingInts();
  let seen = 0;
  let next = 0;
  for (const rows of members) {
    for (let i = 0; i < rows.length; i++) {
      for (let j = i + 1; j < rows.length; j++) {
        if (seen++ < next) continue;
        add(pairs, rows[i]!, rows[j]!);
        next += step;
      }
    }
  }
  return { pairs: pairs.taken(), all };
}
