/**
 * How rare the values are that two people have in common: an equal rare name says more than an
 * equal common one, and an equal 1 January next to nothing.
 */

import { equalLevel } from './compare.ts';
import { PairCounts } from './counting.ts';
import type { Model, Usual } from './model.ts';
import type { Registry } from './registry.ts';
import { ALIKE, AREA, FAMILY, GIVEN, LEVELS, levelsOf } from './schema.ts';

export interface Rarity {
  /**
   * Bits to add where two people have this value of a column in common. Names of two people of one
   * area (its number, else 0) say less where the area has many of the name.
   */
  readonly bits: (column: number, value: number, area?: number) => number;
  /** The same for two names that are spelt differently and sound alike. */
  readonly alike: (column: number, a: number, b: number, area?: number) => number;
  /**
   * Bits by which the sounds of a person's given and family name go together more often than chance
   * has it, if another person has the same: names come from cultures.
   */
  readonly together: (a: number, b: number) => number;
  /** How names go together, for weighing people against this registry later. */
  readonly usual: Usual;
}

/** Values rarer than this say no more. */
export const RAREST = 1e-6;
/** Strength of what is usual among neighbours against the counts of one area. */
const AREA_PRIOR = 300;

/** How often each value of a column stands in the registry, and how many people have one. */
export function countsOf(registry: Registry, column: number): { counts: Int32Array; held: number } {
  const { rows, width, size } = registry;
  const { at, field, values } = registry.columns[column]!;
  const counts = new Int32Array(values.size);
  let held = 0;
  for (let row = 0; row < size; row++) {
    if (rows[row * width + at] !== 0) held++;
    for (let slot = 0; slot < field.slots; slot++) counts[rows[row * width + at + slot]!]!++;
  }
  counts[0] = 0;
  return { counts, held };
}

interface Local {
  /** How often a value stands in an area. */
  readonly pairs: PairCounts;
  /** People counted of each area. */
  readonly areas: Int32Array;
  /** How many times as often as in the whole registry two people of one area have a name in common. */
  readonly ratio: number;
}

/** The column that says where people live. */
export const areaColumnOf = (registry: Registry): number => {
  const at = (name: string): number =>
    registry.columns.findIndex(({ field }) => field.name === name);
  if (at(AREA) >= 0) return at(AREA);
  // Without households, records of one person would pass for neighbours who bear one name.
  return registry.households > 0 ? at('city') : -1;
};

/**
 * Counts of a name by area. A family's name is counted once a household, because its members have
 * it in common anyway: what is wanted is how many other families bear it.
 */
function localCounts(
  registry: Registry,
  column: number,
  area: number,
  once: boolean,
  classes?: Int32Array,
): Local {
  const { rows, width, size, columns, household } = registry;
  const [at, placeAt] = [columns[column]!.at, columns[area]!.at];
  const pairs = new PairCounts();
  const areas = new Int32Array(columns[area]!.values.size);
  const seen = new PairCounts();
  for (let row = 0; row < size; row++) {
    const value = rows[row * width + at]!;
    const name = classes ? classes[value]! : value;
    const place = rows[row * width + placeAt]!;
    if (name === 0 || place === 0) continue;
    if (once && household[row] !== 0 && seen.add(household[row]!, name) > 1) continue;
    pairs.add(name, place);
    areas[place]!++;
  }
  return { pairs, areas, ratio: localRatio(pairs, areas) };
}

/** Names go with areas: how much more neighbours have in common than people at large. */
function localRatio(pairs: PairCounts, areas: Int32Array): number {
  const named = new Map<number, number>();
  let together = 0;
  pairs.each((name, _, count) => {
    // One of two may be the other, written twice.
    together += count * Math.max(0, count - 2);
    named.set(name, (named.get(name) ?? 0) + count);
  });
  let all = 0;
  let neighbours = 0;
  for (const count of areas) {
    all += count;
    neighbours += count * (count - 1);
  }
  let chance = 0;
  for (const count of named.values()) chance += (count / all) ** 2;
  return neighbours === 0 ? 1 : Math.max(1, together / neighbours / chance);
}

interface Table {
  readonly bits: Float32Array;
  readonly counts: Int32Array;
  readonly held: number;
  readonly exact: number;
}

function tableOf(registry: Registry, column: number, model: Model): Table {
  const { field, values } = registry.columns[column]!;
  const u = model.fields[field.name]?.u ?? [];
  const exact = u[LEVELS[field.kind] - 1] ?? 1;
  const { counts, held } = countsOf(registry, column);
  const bits = new Float32Array(counts.length);
  if (field.rarity === 0 || held === 0) return { bits, counts, held, exact };
  const people = new Float64Array(levelsOf(field.kind));
  counts.forEach((count, value) => {
    people[equalLevel(field, values, value)]! += count;
  });
  for (let value = 1; value < counts.length; value++) {
    const level = equalLevel(field, values, value);
    const among = people[level]! / held;
    const share = Math.max(counts[value]! / held, RAREST);
    bits[value] = field.rarity * Math.log2((u[level] ?? 1) / (share * among));
  }
  return { bits, counts, held, exact };
}

/** Of each value of a column, the number of its sound. */
function soundsOf(registry: Registry, column: number): Int32Array {
  const { sound, size } = registry.columns[column]!.values;
  const numbers = new Map<number, number>();
  return Int32Array.from({ length: size }, (_, value) =>
    value === 0
      ? 0
      : (numbers.get(sound[value]!) ?? numbers.set(sound[value]!, numbers.size + 1).size),
  );
}

interface Sounds {
  readonly of: Int32Array;
  readonly counts: Float64Array;
  readonly local: Local | undefined;
}

/** The share of an area, drawn towards what is usual among neighbours where the area is small. */
export function shareAmong(here: number, all: number, usual: number): number {
  const drawn = (here - 2 + AREA_PRIOR * Math.min(1, usual)) / (all - 2 + AREA_PRIOR);
  return Math.max(drawn, RAREST);
}

function shareNear(of: Local, name: number, place: number, share: number): number {
  const [here, all] = [of.pairs.of(name, place), of.areas[place]!];
  return shareAmong(here, all, share * of.ratio);
}

export function rarityOf(registry: Registry, model: Model): Rarity {
  const tables = registry.columns.map((_, column) => tableOf(registry, column, model));
  const area = areaColumnOf(registry);
  const isName = registry.columns.map(({ field }) => field.name === GIVEN || field.name === FAMILY);
  const countLocally = (column: number, of?: Int32Array): Local | undefined =>
    area < 0 || !isName[column]
      ? undefined
      : localCounts(registry, column, area, registry.columns[column]!.field.name === FAMILY, of);
  const locals = registry.columns.map((_, column) => countLocally(column));
  const sounds = registry.columns.map((_, column): Sounds | undefined => {
    if (!isName[column]) return undefined;
    const of = soundsOf(registry, column);
    const counts = new Float64Array(of.length + 1);
    tables[column]!.counts.forEach((count, value) => {
      counts[of[value]!]! += count;
    });
    return { of, counts, local: countLocally(column, of) };
  });
  const bits = (column: number, value: number, place = 0): number => {
    const { bits: usual, counts, held, exact } = tables[column]!;
    const of = locals[column];
    if (place === 0 || of === undefined) return usual[value] ?? 0;
    const near = shareNear(of, value, place, counts[value]! / held);
    return Math.min(usual[value]!, Math.log2(exact / near));
  };
  const alike = (column: number, a: number, b: number, place = 0): number => {
    const of = sounds[column];
    const sound = of?.of[a] ?? 0;
    if (of === undefined || sound === 0 || sound !== of.of[b]) return 0;
    const { counts, held } = tables[column]!;
    const u = model.fields[registry.columns[column]!.field.name]?.u ?? [];
    // The commoner is what was meant; the question is how many others are spelt away from it.
    const others = of.counts[sound]! - Math.max(counts[a]!, counts[b]!);
    const share = Math.max(others / held, RAREST);
    const usual = Math.log2((u[ALIKE] ?? share) / share);
    if (place === 0 || of.local === undefined) return usual;
    const near = shareNear(of.local, sound, place, share);
    return Math.min(usual, Math.log2((u[ALIKE] ?? near) / near));
  };
  const { together, both } = togetherOf(registry, sounds);
  const near = registry.columns.flatMap(({ field }, column) =>
    locals[column] ? [[field.name, locals[column].ratio] as const] : [],
  );
  return { bits, alike, together, usual: { near: Object.fromEntries(near), both } };
}

function togetherOf(
  registry: Registry,
  sounds: readonly (Sounds | undefined)[],
): { together: Rarity['together']; both: number } {
  const at = (name: string): number =>
    registry.columns.findIndex(({ field }) => field.name === name);
  const [given, family] = [at(GIVEN), at(FAMILY)];
  if (given < 0 || family < 0) return { together: () => 0, both: 1 };
  const { rows, width, size, columns } = registry;
  const [g, f] = [sounds[given]!, sounds[family]!];
  const soundOf = (of: Sounds, column: number, row: number): number =>
    of.of[rows[row * width + columns[column]!.at]!]!;
  const counts = new PairCounts();
  for (let row = 0; row < size; row++) {
    const [first, second] = [soundOf(g, given, row), soundOf(f, family, row)];
    if (first !== 0 && second !== 0) counts.add(first, second);
  }
  const expectedOf = (first: number, second: number): number =>
    (g.counts[first]! * f.counts[second]!) / size;
  const both = usualRatio(counts, expectedOf);
  const together = (a: number, b: number): number => {
    const [first, second] = [soundOf(g, given, a), soundOf(f, family, a)];
    if (first === 0 || second === 0) return 0;
    if (first !== soundOf(g, given, b) || second !== soundOf(f, family, b)) return 0;
    return companyBits(counts.of(first, second), expectedOf(first, second), both);
  };
  return { together, both };
}

/** Bits by which so many bear two names rather than as many as chance has it. */
export function companyBits(held: number, expected: number, usual: number): number {
  const ratio = (held - 2 + COMPANY_PRIOR * usual) / (expected + COMPANY_PRIOR);
  return Math.max(0, Math.log2(ratio));
}

/** People expected to bear two names, from which on their number tells something. */
const COMPANY_MIN = 2;
/** Strength of what is usual, in people expected. */
const COMPANY_PRIOR = 1;

/**
 * How many times as often as chance has it two people agree on both names, over names that many
 * bear; 1 where there are none. Rare names come from cultures as common ones do, but too few people
 * bear two of them to see it.
 */
function usualRatio(
  counts: PairCounts,
  expectedOf: (first: number, second: number) => number,
): number {
  let found = 0;
  let chance = 0;
  counts.each((first, second, count) => {
    const expected = expectedOf(first, second);
    if (expected < COMPANY_MIN) return;
    found += count * Math.max(0, count - 2);
    chance += count * expected;
  });
  return chance === 0 ? 1 : Math.max(1, found / chance);
}
