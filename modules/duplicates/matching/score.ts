/**
 * The score of a pair: bits for "one person" against "unrelated", bits for "same household,
 * different person", and the posterior that follows from both and from how rare duplicates are.
 *
 *   log-odds = log₂(λM/λU) + w − log₂(1 + 2^(log₂(λH/λU) + wH))
 */

import { type Comparer, comparerOf, UNEQUAL } from './compare.ts';
import { type FieldModel, type Model, type Usual, weightsOf } from './model.ts';
import { areaColumnOf, type Rarity, rarityOf } from './rarity.ts';
import type { Registry } from './registry.ts';
import {
  ALIKE,
  CROSSED_LEVEL_MAX,
  FAMILY,
  GIVEN,
  type Kind,
  LEVELS,
  levelsOf,
  MISSING,
} from './schema.ts';

/** What one field said about a pair. */
export interface FieldScore {
  readonly field: string;
  readonly level: number;
  readonly bitsM: number;
  readonly bitsH: number;
  /** The part of both that comes from the rarity of what is equal. */
  readonly rarity: number;
}

export interface Scorer {
  /** Works out a pair; its bits are then in `w` and `wH`. */
  readonly score: (a: number, b: number) => void;
  w: number;
  wH: number;
  /** Bits by which names written in the other order fit better; −∞ where that was not tried. */
  crossed: number;
  /** From now on this share of records is held to have names in the other order. */
  readonly expectCrossed: (share: number) => void;
  /**
   * Bits for one person against two members of one household, from what is personal: a family moves and
   * changes its telephone as one, while names and birth days stay everybody's own.
   */
  readonly personal: (a: number, b: number) => number;
  /**
   * Log-odds of a pair under a model; −∞, and nothing worked out, where they are surely below
   * `floor`: what has not been looked at could not lift them.
   */
  readonly logOdds: (a: number, b: number, model: Model, floor?: number) => number;
  /** Levels of given and family name, and whether names were taken as crossed, of the last pair. */
  readonly explain: (a: number, b: number) => readonly FieldScore[];
  readonly comparer: Comparer;
  readonly usual: Usual;
}

/** Levels of values that are not equal are noted from here. */
const UNEQUAL_FROM = 16;

/** What sums in another order may differ by. */
const ROUNDING_BITS = 1e-6;

interface Names {
  bits: number;
  bitsH: number;
  crossed: number;
}

const NOT_TRIED = Number.NEGATIVE_INFINITY;

/**
 * Bits that a pair gains because its names may stand in the other order.
 *
 * @param crossed bits by which the other order fits better; −∞ where it was not tried
 * @param share of records whose names stand in the other order
 */
export const crossedBits = (crossed: number, share: number): number =>
  crossed === NOT_TRIED ? 0 : log2Sum(Math.log2(1 - share), Math.log2(share) + crossed);

/** Probability that the names of a pair of one person stand in two orders. */
export const crossedChance = (crossed: number, share: number): number =>
  crossed === NOT_TRIED ? 0 : (share * 2 ** crossed) / (1 - share + share * 2 ** crossed);

export function log2Sum(x: number, y: number): number {
  const high = x > y ? x : y;
  return high + Math.log2(2 ** (x - high) + 2 ** (y - high));
}

/** What is known of the households of a pair: 0 nothing, 1 that they are one, 2 that they are two. */
export function householdsOfPair(registry: Registry, a: number, b: number): 0 | 1 | 2 {
  const { household } = registry;
  if (household[a] === 0 || household[b] === 0) return 0;
  return household[a] === household[b] ? 1 : 2;
}

/**
 * Log-odds (bits) that a pair is one person.
 *
 * @param households 0 unknown, 1 the same, 2 different. Members of one household are one person
 *   written twice or two members, never strangers; members of two are two members of one household
 *   only where that was registered twice.
 */
export function logOddsOf(w: number, wH: number, model: Model, households: 0 | 1 | 2 = 0): number {
  if (households === 1 && model.within > 0) {
    return Math.log2(model.within / (1 - model.within)) + w - wH;
  }
  const lambdaH = households === 2 ? model.lambdaM * model.others : model.lambdaH;
  return logOdds(w, wH, model.lambdaM, lambdaH);
}

function logOdds(w: number, wH: number, lambdaM: number, lambdaH: number): number {
  const unrelated = 1 - lambdaM - lambdaH;
  const household = Math.log2(lambdaH / unrelated) + wH;
  return Math.log2(lambdaM / unrelated) + w - log2Sum(0, household);
}

export const probabilityOf = (logOdds: number): number => 1 / (1 + 2 ** -logOdds);

export function scorerOf(
  registry: Registry,
  model: Model,
  comparer = comparerOf(registry),
  rarity: Rarity = rarityOf(registry, model),
): Scorer {
  return new PairScorer(registry, model, comparer, rarity);
}

function silent(levels: number): FieldModel {
  const even = Array<number>(levels).fill(1 / levels);
  return { m: even, h: even, u: even };
}

/** Kinds by what comparing two values costs. */
const BY_COST: readonly Kind[] = ['code', 'date', 'house', 'names', 'text', 'number', 'identifier'];

const costOf = ({ columns }: Registry, column: number): number =>
  BY_COST.indexOf(columns[column]!.field.kind);

class PairScorer implements Scorer {
  w = 0;
  wH = 0;
  crossed = Number.NEGATIVE_INFINITY;
  readonly comparer: Comparer;
  readonly #registry: Registry;
  readonly #rarity: Rarity;
  readonly #mu: readonly Float64Array[];
  readonly #hu: readonly Float64Array[];
  readonly #exact: ReadonlyArray<
    ReadonlyArray<{ readonly common: number; readonly chance: number }>
  >;
  readonly #shared: readonly boolean[];
  readonly #given: number;
  readonly #family: number;
  readonly #area: number;
  readonly #crossedWithin: number;
  readonly #nameColumns: readonly number[];
  /** The other columns, those first that are soon compared. */
  readonly #order: readonly number[];
  /** Most bits that a column can have where its values are not equal. */
  readonly #bestUnequal: readonly number[];
  /** Of the pair at hand: levels by column, bits of rarity, columns not yet looked at, names. */
  readonly #levels: Int8Array;
  readonly #bits: Float64Array;
  readonly #open: Int8Array;
  readonly #found: Names = { bits: 0, bitsH: 0, crossed: NOT_TRIED };
  #share: number;
  #priorOf: Model | undefined;
  #priorBits = 0;

  constructor(registry: Registry, model: Model, comparer: Comparer, rarity: Rarity) {
    this.#registry = registry;
    this.comparer = comparer;
    this.#rarity = rarity;
    const columns = registry.columns.map(({ field }) => ({
      ordered: LEVELS[field.kind],
      // A model from elsewhere says nothing about a field that it does not know.
      of: model.fields[field.name] ?? silent(levelsOf(field.kind)),
    }));
    this.#mu = columns.map(({ ordered, of }) => Float64Array.from(weightsOf(of.m, of.u, ordered)));
    this.#hu = columns.map(({ ordered, of }) => Float64Array.from(weightsOf(of.h, of.u, ordered)));
    this.#exact = columns.map(({ of }) =>
      of.h.map((h, level) => {
        const ratio = h / of.u[level]!;
        return { common: Math.max(0, ratio - 1), chance: Math.min(1, ratio) };
      }),
    );
    this.#shared = registry.columns.map(({ field }) => field.shared);
    this.#given = registry.columns.findIndex(({ field }) => field.name === GIVEN);
    this.#family = registry.columns.findIndex(({ field }) => field.name === FAMILY);
    const area = areaColumnOf(registry);
    this.#area = area < 0 ? -1 : registry.columns[area]!.at;
    this.#crossedWithin = model.crossedWithin;
    this.#share = model.crossed;
    this.#nameColumns = [this.#given, this.#family].filter((column) => column >= 0);
    this.#order = registry.columns
      .map((_, column) => column)
      .filter((column) => !this.#nameColumns.includes(column))
      .sort((x, y) => costOf(registry, x) - costOf(registry, y) || x - y);
    this.#bestUnequal = registry.columns.map(({ field }, column) => {
      const top = LEVELS[field.kind] - 1;
      return Math.max(...[...this.#mu[column]!].filter((_, level) => level !== top));
    });
    this.#levels = new Int8Array(registry.columns.length);
    this.#bits = new Float64Array(registry.columns.length);
    this.#open = new Int8Array(registry.columns.length);
  }

  get usual(): Usual {
    return this.#rarity.usual;
  }

  expectCrossed(share: number): void {
    this.#share = share;
  }

  score(a: number, b: number): void {
    this.#work(a, b, Number.NEGATIVE_INFINITY);
  }

  /** Works out a pair unless its `w` surely stays below the least; answers whether it may not. */
  #work(a: number, b: number, least: number): boolean {
    const { comparer } = this;
    const names = this.#names(a, b);
    let w = names.bits + crossedBits(names.crossed, this.#share);
    let hope = 0;
    let open = 0;
    const [levels, bits, order] = [this.#levels, this.#bits, this.#order];
    for (let at = 0; at < order.length; at++) {
      const column = order[at]!;
      const level = comparer.first(column, a, b);
      levels[column] = level;
      if (level === UNEQUAL) {
        hope += this.#bestUnequal[column]!;
        this.#open[open++] = column;
      } else if (level !== MISSING) {
        bits[column] = this.#bonus(column, level, comparer.equalValue(), a, b);
        w += this.#mu[column]![level]! + bits[column]!;
      }
    }
    for (let at = 0; at < open; at++) {
      if (w + hope < least) return false;
      const column = this.#open[at]!;
      hope -= this.#bestUnequal[column]!;
      const level = comparer.unequal(column, a, b);
      levels[column] = level === MISSING ? MISSING : level + UNEQUAL_FROM;
      if (level !== MISSING) w += this.#mu[column]![level]!;
    }
    if (w < least) return false;
    let wH = 0;
    for (let at = 0; at < order.length; at++) {
      const column = order[at]!;
      const level = levels[column]!;
      if (level >= UNEQUAL_FROM) wH += this.#hu[column]![level - UNEQUAL_FROM]!;
      else if (level !== MISSING) wH += this.#household(column, level, 1, bits[column]!);
    }
    this.crossed = names.crossed;
    this.w = w;
    // A son who is named after his grandfather has his father's names in the other order.
    const crossed = names.crossed + names.bits - names.bitsH;
    this.wH = wH + names.bitsH + crossedBits(crossed, this.#crossedWithin);
    return true;
  }

  /** Bits of given and family name, and by how many the other order fits better. */
  #names(a: number, b: number): Names {
    const names = this.#found;
    names.bits = 0;
    names.bitsH = 0;
    let best = 0;
    let least = this.#given < 0 || this.#family < 0 ? 0 : LEVELS.name;
    for (let at = 0; at < this.#nameColumns.length; at++) {
      const column = this.#nameColumns[at]!;
      const level = this.comparer.level(column, a, b);
      if (level === MISSING) continue;
      const equal = this.comparer.equalValue();
      const bonus = this.#bonus(column, level, equal, a, b);
      names.bits += this.#mu[column]![level]! + bonus;
      names.bitsH += this.#household(column, level, equal, bonus);
      if (level > best) best = level;
      if (level < least) least = level;
    }
    if (least >= ALIKE) names.bits = Math.min(names.bits, this.#jointly(a, b));
    const crossed = best <= CROSSED_LEVEL_MAX ? this.#crossed(a, b) : NOT_TRIED;
    names.crossed = crossed - names.bits;
    return names;
  }

  personal(a: number, b: number): number {
    let bits = 0;
    let names = 0;
    let highest = 0;
    for (let column = 0; column < this.#mu.length; column++) {
      const isName = column === this.#given || column === this.#family;
      if (this.#shared[column] && !isName) continue;
      const level = this.comparer.level(column, a, b);
      if (level === MISSING) continue;
      const equal = this.comparer.equalValue();
      const bonus = this.#bonus(column, level, equal, a, b);
      const bitsM = this.#mu[column]![level]! + bonus;
      bits += bitsM - this.#household(column, level, equal, bonus);
      if (!isName) continue;
      names += bitsM;
      if (level > highest) highest = level;
    }
    const crossed = highest <= CROSSED_LEVEL_MAX ? this.#crossed(a, b) : NOT_TRIED;
    return bits + crossedBits(crossed - names, this.#share);
  }

  logOdds(a: number, b: number, model: Model, floor = Number.NEGATIVE_INFINITY): number {
    const households = householdsOfPair(this.#registry, a, b);
    // Members of one household are weighed against each other, not against strangers.
    const least = households === 1 ? Number.NEGATIVE_INFINITY : floor - this.#prior(model);
    if (!this.#work(a, b, least)) return Number.NEGATIVE_INFINITY;
    return logOddsOf(this.w, this.wH, model, households);
  }

  /** Bits of "one person" before a pair of two households or none is looked at, at most. */
  #prior(model: Model): number {
    if (this.#priorOf !== model) {
      this.#priorOf = model;
      const { lambdaM, lambdaH, others } = model;
      const most = Math.max(lambdaM * others, lambdaH);
      this.#priorBits = Math.log2(lambdaM / (1 - lambdaM - most)) + ROUNDING_BITS;
    }
    return this.#priorBits;
  }

  /**
   * Bits for "same household". What members have in common (a family's name, the birth day of twins)
   * says more the rarer it is; what they share by chance, no more than between strangers.
   */
  #household(column: number, level: number, equal: number, bonus: number): number {
    if (equal === 0) return this.#hu[column]![level]! + (this.#shared[column] ? bonus : 0);
    const { common, chance } = this.#exact[column]![level]!;
    return Math.log2(common * 2 ** bonus + chance);
  }

  /** Bits for the rarity of what two people have in common in a column. */
  #bonus(column: number, level: number, equal: number, a: number, b: number): number {
    const { rows, width } = this.#registry;
    if (column !== this.#given && column !== this.#family) {
      return equal === 0 ? 0 : this.#rarity.bits(column, equal);
    }
    const home = this.#area < 0 ? 0 : rows[a * width + this.#area]!;
    const area = this.#area >= 0 && home === rows[b * width + this.#area] ? home : 0;
    if (equal !== 0) return this.#rarity.bits(column, equal, area);
    if (level < ALIKE) return 0;
    const { at } = this.#registry.columns[column]!;
    return this.#rarity.alike(column, rows[a * width + at]!, rows[b * width + at]!, area);
  }

  /** The bits of two names that agree, given how often they go together in the whole registry. */
  #jointly(a: number, b: number): number {
    const { rows, width, columns } = this.#registry;
    let bits = 0;
    for (const column of [this.#given, this.#family]) {
      const { at } = columns[column]!;
      const [x, y] = [rows[a * width + at]!, rows[b * width + at]!];
      if (x === 0 || y === 0) return Number.POSITIVE_INFINITY;
      const level = x === y ? LEVELS.name - 1 : ALIKE;
      const rarity = x === y ? this.#rarity.bits(column, x) : this.#rarity.alike(column, x, y);
      bits += this.#mu[column]![level]! + rarity;
    }
    return bits - this.#rarity.together(a, b);
  }

  /** The bits of the names, were they written in the other order; −∞ where one is missing. */
  #crossed(a: number, b: number): number {
    const [first, second] = this.comparer.crossed(a, b);
    if (first === MISSING || second === MISSING) return NOT_TRIED;
    return (
      this.#mu[this.#given]![first]! +
      this.#mu[this.#family]![second]! +
      this.#crossedRarity(a, b) +
      this.#crossedRarity(b, a)
    );
  }

  /** Bits for the rarity of a given name that is the other's family name. */
  #crossedRarity(a: number, b: number): number {
    const { rows, width, columns } = this.#registry;
    const value = rows[a * width + columns[this.#given]!.at]!;
    if (value !== rows[b * width + columns[this.#family]!.at]) return 0;
    return Math.min(this.#rarity.bits(this.#given, value), this.#rarity.bits(this.#family, value));
  }

  explain(a: number, b: number): readonly FieldScore[] {
    return this.#registry.columns.flatMap(({ field }, column) => {
      const level = this.comparer.level(column, a, b);
      if (level === MISSING) return [];
      const equal = this.comparer.equalValue();
      const rarity = this.#bonus(column, level, equal, a, b);
      const bitsM = this.#mu[column]![level]! + rarity;
      const bitsH = this.#household(column, level, equal, rarity);
      return [{ field: field.name, level, bitsM, bitsH, rarity }];
    });
  }
}
