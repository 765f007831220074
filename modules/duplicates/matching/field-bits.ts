/**
 * Bits of what fields say, by column of a registry and level: for "one person" and for "same
 * household, different person", each against "unrelated".
 */

import { type FieldModel, type Model, weightsOf } from './model.ts';
import type { Registry } from './registry.ts';
import { LEVELS, levelsOf, YEARS_EQUAL } from './schema.ts';
import { textOf } from './values.ts';

/** Room for the levels of a column. */
const STRIDE = 8;

/** A field's model; even where it is not known, and where it knows fewer levels than there are now. */
function whole(of: FieldModel | undefined, levels: number): FieldModel {
  const even = Array<number>(levels).fill(1 / levels);
  const fill = (known: readonly number[] = []): readonly number[] =>
    known.length >= levels ? known : [...known, ...even.slice(known.length)];
  return { m: fill(of?.m), h: fill(of?.h), u: fill(of?.u) };
}

export class FieldBits {
  readonly #registry: Registry;
  readonly #fields: readonly FieldModel[];
  /** By column and level. */
  readonly #m: Float64Array;
  readonly #h: Float64Array;
  /** Of what members of a household have in common, and what they share by chance. */
  readonly #common: Float64Array;
  readonly #chance: Float64Array;
  readonly #shared: readonly boolean[];

  constructor(registry: Registry, model: Model) {
    const { columns } = registry;
    this.#registry = registry;
    // A model from elsewhere says nothing about a field that it does not know.
    this.#fields = columns.map(({ field }) =>
      whole(model.fields[field.name], levelsOf(field.kind)),
    );
    const room = (): Float64Array => new Float64Array(columns.length * STRIDE);
    [this.#m, this.#h, this.#common, this.#chance] = [room(), room(), room(), room()];
    for (const [column, { m, h, u }] of this.#fields.entries()) {
      const ordered = LEVELS[columns[column]!.field.kind];
      this.#m.set(weightsOf(m, u, ordered), column * STRIDE);
      this.#h.set(weightsOf(h, u, ordered), column * STRIDE);
      for (const [level, share] of h.entries()) {
        const ratio = share / u[level]!;
        this.#common[column * STRIDE + level] = Math.max(0, ratio - 1);
        this.#chance[column * STRIDE + level] = Math.min(1, ratio);
      }
    }
    this.#shared = columns.map(({ field }) => field.shared);
  }

  /** How often unrelated people agree so. */
  u(column: number, level: number): number {
    return this.#fields[column]!.u[level] ?? 1;
  }

  /** Bits of a level for "one person". */
  m(column: number, level: number): number {
    return this.#m[column * STRIDE + level]!;
  }

  /**
   * Bits for "same household". What members have in common (a family's name, the birth day of twins)
   * says more the rarer it is; what they share by chance, no more than between strangers.
   *
   * @param equal the value that both have, 0 where they are not equal
   * @param bonus bits for its rarity
   */
  h(column: number, level: number, equal: number, bonus: number): number {
    const at = column * STRIDE + level;
    if (equal === 0) return this.#h[at]! + (this.#shared[column] ? bonus : 0);
    return Math.log2(this.#common[at]! * 2 ** bonus + this.#chance[at]!);
  }

  /** Most bits for "one person" of values that are not equal. */
  bestUnequal(column: number): number {
    const best = Math.max(...this.unequalLevels(column).map((level) => this.m(column, level)));
    return this.mayBeMissing(column) ? Math.max(0, best) : best;
  }

  /** Levels that values of a column have which are not equal. */
  unequalLevels(column: number): number[] {
    const { kind } = this.#registry.columns[column]!.field;
    return Array.from({ length: levelsOf(kind) }, (_, level) => level).filter(
      (level) => level !== LEVELS[kind] - 1 && !(kind === 'date' && level === YEARS_EQUAL),
    );
  }

  /** Whether two values of a column that are there may be impossible to compare (of two systems). */
  mayBeMissing(column: number): boolean {
    const { field, values } = this.#registry.columns[column]!;
    if (field.kind === 'identifier') return true;
    if (field.kind !== 'code') return false;
    return [...Array(values.size).keys()].some((value) => textOf(values, value).includes(':'));
  }
}
