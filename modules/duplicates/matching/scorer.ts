/**
 * Works out the bits of pairs, by the levels of their fields and the rarity of what is equal.
 */

import { type Comparer, comparerOf, UNEQUAL } from './compare.ts';
import { FieldBits } from './field-bits.ts';
import type { Model, Usual } from './model.ts';
import { areaColumnOf, RAREST, type Rarity, rarityOf } from './rarity.ts';
import type { Registry } from './registry.ts';
import {
  ALIKE,
  CROSSED_LEVEL_MAX,
  FAMILY,
  GIVEN,
  type Kind,
  LEVELS,
  MISSING,
  MOVED,
} from './schema.ts';
import {
  crossedBits,
  type FieldScore,
  householdsOfPair,
  logOddsOf,
  NOT_TRIED,
  type Scorer,
} from './score.ts';

/** Levels of values that are not equal are noted from here. */
const UNEQUAL_FROM = 16;

/** What sums in another order, or of shorter numbers, may differ by. */
const ROUNDING_BITS = 1e-3;

interface Names {
  bits: number;
  bitsH: number;
  crossed: number;
}

export function scorerOf(
  registry: Registry,
  model: Model,
  comparer = comparerOf(registry),
  rarity: Rarity = rarityOf(registry, model),
): Scorer {
  return new PairScorer(registry, model, comparer, rarity);
}

/** Kinds that are soon compared, so that nothing is gained by putting it off. */
const QUICK: readonly Kind[] = ['code', 'date'];
/** What stands for given and family name where columns are in order. */
const NAMES = -1;
/** Bits by which the sum of two chances is above the greater one, at most. */
const SUM_BITS = 1;

class PairScorer implements Scorer {
  w = 0;
  wH = 0;
  crossed = NOT_TRIED;
  readonly comparer: Comparer;
  readonly #registry: Registry;
  readonly #rows: Int32Array;
  readonly #width: number;
  /** What names are heard as, by value. */
  readonly #sounds: Int32Array;
  readonly #rarity: Rarity;
  readonly #of: FieldBits;
  readonly #shared: readonly boolean[];
  readonly #given: number;
  readonly #family: number;
  readonly #area: number;
  readonly #crossedWithin: number;
  readonly #nameColumns: readonly number[];
  readonly #others: readonly number[];
  readonly #places: Int32Array;
  readonly #isQuick: readonly boolean[];
  /** What is put off until it is needed, that first which settles most. */
  readonly #later: readonly number[];
  /** Most bits that a column can have where its values are not equal. */
  readonly #bestUnequal: readonly number[];
  /** Bits of names that are equal, by value, at most; and what equal sounds add to those that are not. */
  readonly #mostEqual: readonly Float32Array[];
  readonly #mostAlike: readonly number[];
  /** Of the pair at hand: levels by column, bits of rarity, whether a column is put off, names. */
  readonly #levels: Int8Array;
  readonly #bits: Float64Array;
  readonly #open: Uint8Array;
  readonly #found: Names = { bits: 0, bitsH: 0, crossed: NOT_TRIED };
  #share: number;
  #shareBits: number;
  #priorOf: Model | undefined;
  #priorBits = 0;

  constructor(registry: Registry, model: Model, comparer: Comparer, rarity: Rarity) {
    const { columns } = registry;
    this.#registry = registry;
    this.comparer = comparer;
    this.#rarity = rarity;
    this.#of = new FieldBits(registry, model);
    this.#shared = columns.map(({ field }) => field.shared);
    this.#given = columns.findIndex(({ field }) => field.name === GIVEN);
    this.#family = columns.findIndex(({ field }) => field.name === FAMILY);
    const area = areaColumnOf(registry);
    this.#area = area < 0 ? -1 : columns[area]!.at;
    this.#crossedWithin = model.crossedWithin;
    this.#share = model.crossed;
    this.#shareBits = Math.log2(model.crossed);
    this.#rows = registry.rows;
    this.#width = registry.width;
    this.#sounds = columns[Math.max(this.#given, this.#family)]?.values.sound ?? new Int32Array(1);
    this.#nameColumns = [this.#given, this.#family].filter((column) => column >= 0);
    this.#others = [...columns.keys()].filter((column) => !this.#nameColumns.includes(column));
    this.#places = Int32Array.from(columns, ({ at }) => at);
    this.#isQuick = columns.map(({ field }) => QUICK.includes(field.kind));
    this.#bestUnequal = columns.map((_, column) => this.#of.bestUnequal(column));
    this.#later = this.#inOrder();
    this.#mostEqual = columns.map(({ values }, column) =>
      this.#nameColumns.includes(column)
        ? Float32Array.from({ length: values.size }, (_, value) =>
            value === 0 ? 0 : this.#of.m(column, LEVELS.name - 1) + rarity.bits(column, value),
          )
        : new Float32Array(0),
    );
    this.#mostAlike = columns.map((_, column) =>
      Math.max(0, Math.log2(this.#of.u(column, ALIKE) / RAREST)),
    );
    this.#levels = new Int8Array(columns.length);
    this.#bits = new Float64Array(columns.length);
    this.#open = new Uint8Array(columns.length);
  }

  get usual(): Usual {
    return this.#rarity.usual;
  }

  expectCrossed(share: number): void {
    this.#share = share;
    this.#shareBits = Math.log2(share);
  }

  /** What is put off: that first which may lose most, names among them. */
  #inOrder(): number[] {
    const loss = (column: number): number => this.#bestUnequal[column]! - this.#of.m(column, 0);
    const ofNames = this.#nameColumns.reduce((so, column) => so + loss(column), 0);
    return [NAMES, ...this.#others.filter((column) => !this.#isQuick[column])]
      .map((column) => ({ column, loss: column === NAMES ? ofNames / 2 : loss(column) }))
      .sort((x, y) => y.loss - x.loss)
      .map(({ column }) => column);
  }

  /** Works out a pair unless its `w` surely stays below the least; answers whether it may not. */
  #work(a: number, b: number, least: number): boolean {
    const comparer = this.comparer;
    const levels = this.#levels;
    const bits = this.#bits;
    const open = this.#open;
    const others = this.#others;
    const places = this.#places;
    const rows = this.#rows;
    const from = a * this.#width;
    const to = b * this.#width;
    const namesMost = this.#namesMost(from, to);
    let w = 0;
    let hope = namesMost;
    for (let at = 0; at < others.length; at++) {
      const column = others[at]!;
      const place = places[column]!;
      open[column] = 0;
      if (rows[from + place] === 0 || rows[to + place] === 0) {
        levels[column] = MISSING;
        continue;
      }
      let level = comparer.first(column, a, b);
      if (level === UNEQUAL) {
        if (this.#isQuick[column]) {
          level = comparer.unequal(column, a, b);
          if (level !== MISSING) {
            w += this.#of.m(column, level);
            level += UNEQUAL_FROM;
          }
        } else {
          hope += this.#bestUnequal[column]!;
          open[column] = 1;
        }
      } else if (level !== MISSING) {
        bits[column] = this.#bonus(column, level, comparer.equalValue(), a, b);
        w += this.#of.m(column, level) + bits[column]!;
      }
      levels[column] = level;
    }
    const names = this.#found;
    for (let at = 0; at < this.#later.length; at++) {
      const column = this.#later[at]!;
      if (column !== NAMES && open[column] === 0) continue;
      if (w + hope < least) return false;
      if (column === NAMES) {
        hope -= namesMost;
        this.#names(a, b);
        w += names.bits + crossedBits(names.crossed, this.#share);
      } else {
        hope -= this.#bestUnequal[column]!;
        const level = comparer.unequal(column, a, b);
        levels[column] = level === MISSING ? MISSING : level + UNEQUAL_FROM;
        if (level !== MISSING) w += this.#of.m(column, level);
      }
    }
    if (w < least) return false;
    this.#finish(w);
    return true;
  }

  /** Works out "same household" for the pair at hand. */
  #finish(w: number): void {
    const names = this.#found;
    const levels = this.#levels;
    let wH = 0;
    for (let at = 0; at < this.#others.length; at++) {
      const column = this.#others[at]!;
      const level = levels[column]!;
      if (level >= UNEQUAL_FROM) wH += this.#of.h(column, level - UNEQUAL_FROM, 0, 0);
      else if (level !== MISSING) wH += this.#of.h(column, level, 1, this.#bits[column]!);
    }
    this.crossed = names.crossed;
    this.w = w;
    // A son who is named after his grandfather has his father's names in the other order.
    const crossed = names.crossed + names.bits - names.bitsH;
    this.wH = wH + names.bitsH + crossedBits(crossed, this.#crossedWithin);
  }

  /** Most bits of given and family name, by what shows without looking at letters. */
  #namesMost(from: number, to: number): number {
    const rows = this.#rows;
    const given = this.#given;
    const family = this.#family;
    const straight = this.#nameMost(given, from, to) + this.#nameMost(family, from, to);
    if (given < 0 || family < 0) return straight;
    const given1 = rows[from + this.#places[given]!]!;
    const given2 = rows[to + this.#places[given]!]!;
    if (given1 === given2 || given1 === 0 || given2 === 0) return straight;
    const family1 = rows[from + this.#places[family]!]!;
    const family2 = rows[to + this.#places[family]!]!;
    if (family1 === family2 || family1 === 0 || family2 === 0) return straight;
    const crossed =
      this.#shareBits +
      (given1 === family2 ? this.#mostEqual[given]![given1]! : this.#bestUnequal[given]!) +
      (family1 === given2 ? this.#mostEqual[family]![family1]! : this.#bestUnequal[family]!);
    return (straight > crossed ? straight : crossed) + SUM_BITS;
  }

  #nameMost(column: number, from: number, to: number): number {
    if (column < 0) return 0;
    const x = this.#rows[from + this.#places[column]!]!;
    const y = this.#rows[to + this.#places[column]!]!;
    if (x === 0 || y === 0) return 0;
    if (x === y) return this.#mostEqual[column]![x]!;
    const alike = this.#sounds[x] === this.#sounds[y] ? this.#mostAlike[column]! : 0;
    return this.#bestUnequal[column]! + alike;
  }

  /** Bits of given and family name, and by how many the other order fits better. */
  #names(a: number, b: number): void {
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
      names.bits += this.#of.m(column, level) + bonus;
      names.bitsH += this.#of.h(column, level, equal, bonus);
      const like = level === MOVED ? CROSSED_LEVEL_MAX : level;
      if (like > best) best = like;
      if (like < least) least = like;
    }
    if (least >= ALIKE) names.bits = Math.min(names.bits, this.#jointly(a, b));
    const crossed = best <= CROSSED_LEVEL_MAX ? this.#crossed(a, b) : NOT_TRIED;
    names.crossed = crossed - names.bits;
  }

  personal(a: number, b: number): number {
    let bits = 0;
    let names = 0;
    let highest = 0;
    for (let column = 0; column < this.#registry.columns.length; column++) {
      const isName = column === this.#given || column === this.#family;
      if (this.#shared[column] && !isName) continue;
      const level = this.comparer.level(column, a, b);
      if (level === MISSING) continue;
      const equal = this.comparer.equalValue();
      const bonus = this.#bonus(column, level, equal, a, b);
      const bitsM = this.#of.m(column, level) + bonus;
      bits += bitsM - this.#of.h(column, level, equal, bonus);
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

  /** Bits for the rarity of what two people have in common in a column. */
  #bonus(column: number, level: number, equal: number, a: number, b: number): number {
    const rows = this.#rows;
    const width = this.#width;
    if (column !== this.#given && column !== this.#family) {
      return equal === 0 ? 0 : this.#rarity.bits(column, equal);
    }
    const home = this.#area < 0 ? 0 : rows[a * width + this.#area]!;
    const area = this.#area >= 0 && home === rows[b * width + this.#area] ? home : 0;
    if (equal !== 0) return this.#rarity.bits(column, equal, area);
    if (level < ALIKE || level === MOVED) return 0;
    const at = this.#places[column]!;
    return this.#rarity.alike(column, rows[a * width + at]!, rows[b * width + at]!, area);
  }

  /** The bits of two names that agree, given how often they go together in the whole registry. */
  #jointly(a: number, b: number): number {
    const rows = this.#rows;
    let bits = 0;
    for (let at = 0; at < this.#nameColumns.length; at++) {
      const column = this.#nameColumns[at]!;
      const place = this.#places[column]!;
      const x = rows[a * this.#width + place]!;
      const y = rows[b * this.#width + place]!;
      if (x === 0 || y === 0) return Number.POSITIVE_INFINITY;
      const level = x === y ? LEVELS.name - 1 : ALIKE;
      const rarity = x === y ? this.#rarity.bits(column, x) : this.#rarity.alike(column, x, y);
      bits += this.#of.m(column, level) + rarity;
    }
    return bits - this.#rarity.together(a, b);
  }

  /** The bits of the names, were they written in the other order; −∞ where one is missing. */
  #crossed(a: number, b: number): number {
    const first = this.comparer.across(this.#given, a, this.#family, b);
    const second = this.comparer.across(this.#family, a, this.#given, b);
    if (first === MISSING || second === MISSING) return NOT_TRIED;
    return (
      this.#of.m(this.#given, first) +
      this.#of.m(this.#family, second) +
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
      const bitsM = this.#of.m(column, level) + rarity;
      const bitsH = this.#of.h(column, level, equal, rarity);
      return [{ field: field.name, level, bitsM, bitsH, rarity }];
    });
  }
}
