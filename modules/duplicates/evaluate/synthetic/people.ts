/**
 * People in households, as they are: before any clerk writes them down. Villages speak one culture
 * each; families share a name, a telephone and a village; there are twins, and sons who bear their
 * father's name.
 */

import type { Chance } from './chance.ts';
import { CULTURES, type Culture } from './cultures.ts';

/** A name by its spellings, the usual first. */
export type Spellings = readonly string[];

export interface Human {
  readonly person: number;
  readonly given: Spellings;
  readonly family: Spellings;
  readonly birth: readonly [number, number, number];
  readonly sex: 'male' | 'female';
  readonly phone: string;
  readonly nationalId: string;
}

export interface Family {
  readonly household: number;
  readonly village: number;
  readonly members: readonly Human[];
}

/** Share of names that are none of the common ones. */
const RARE = 0.35;
const PHONE_SHARE = 0.75;
const OWN_PHONE = 0.12;
const ID_SHARE = 0.6;
/** Identifiers scatter over a prime range, so that no two people have one. */
const ID_RANGE = 89_999_999;
const ID_STEP = 48_271;
const TWINS = 0.02;
const NAMED_AFTER_FATHER = 0.06;

function rareName(chance: Chance, culture: Culture): Spellings {
  const count = 2 + chance.below(2);
  const syllables = Array.from({ length: count }, () => chance.pick(culture.syllables));
  const word = syllables.join('');
  const usual = word[0]!.toUpperCase() + word.slice(1);
  return [usual, respelled(chance, usual)];
}

const HABITS: ReadonlyArray<readonly [string, string]> = [
  ['ou', 'u'],
  ['u', 'oo'],
  ['i', 'y'],
  ['k', 'c'],
  ['sh', 'ch'],
  ['ph', 'f'],
  ['a', 'aa'],
  ['w', 'u'],
  ['e', 'i'],
  ['l', 'll'],
  ['h', ''],
];

/** Another spelling of the same sound, as another clerk would hear it. */
export function respelled(chance: Chance, name: string): string {
  const fitting = HABITS.filter(([from]) => name.toLowerCase().includes(from, 1));
  if (fitting.length === 0) return name;
  const [from, to] = chance.pick(fitting);
  return name[0]! + name.slice(1).replace(from, to);
}

function nameOf(chance: Chance, culture: Culture, sex: 'male' | 'female' | 'family'): Spellings {
  return chance.happens(RARE) ? rareName(chance, culture) : chance.common(culture[sex]);
}

/** The people of a registry, family by family. */
export class World {
  readonly #chance: Chance;
  #people = 0;
  #households = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  family(village: number): Family {
    const chance = this.#chance;
    const culture = CULTURES[village % CULTURES.length]!;
    const father = nameOf(chance, culture, 'male');
    const house = culture.family.length > 0 ? nameOf(chance, culture, 'family') : father;
    const phone = chance.happens(PHONE_SHARE) ? this.#phone() : '';
    const grandfather = nameOf(chance, culture, 'male');
    const patronymic = culture.family.length === 0;
    const adult = (sex: 'male' | 'female'): Human => {
      const given = sex === 'male' ? father : nameOf(chance, culture, sex);
      const own = nameOf(chance, culture, patronymic ? 'male' : 'family');
      const family =
        sex === 'female' && (patronymic || chance.happens(0.5))
          ? own
          : patronymic
            ? grandfather
            : house;
      return this.#human(given, family, sex, 1945 + chance.below(60), phone);
    };
    const members = [adult(chance.happens(0.6) ? 'male' : 'female')];
    if (chance.happens(0.7)) members.push(adult(members[0]!.sex === 'male' ? 'female' : 'male'));
    const children = chance.below(6);
    for (let at = 0; at < children; at++) {
      const sex = chance.happens(0.5) ? 'male' : 'female';
      const named = sex === 'male' && at === 0 && chance.happens(NAMED_AFTER_FATHER);
      const given = named ? father : this.#newName(culture, sex, members);
      const child = this.#human(given, house, sex, 2000 + chance.below(25), phone);
      members.push(child);
      if (!chance.happens(TWINS)) continue;
      const other = chance.happens(0.5) ? 'male' : 'female';
      const twin = this.#human(this.#newName(culture, other, members), house, other, 2000, phone);
      members.push({ ...twin, birth: child.birth });
    }
    return { household: this.#households++, village, members };
  }

  /** A name that no brother or sister bears. */
  #newName(culture: Culture, sex: 'male' | 'female', members: readonly Human[]): Spellings {
    for (;;) {
      const name = nameOf(this.#chance, culture, sex);
      if (!members.some(({ given }) => given[0] === name[0])) return name;
    }
  }

  #phone(): string {
    return `+2547${String(this.#chance.below(100_000_000)).padStart(8, '0')}`;
  }

  #human(
    given: Spellings,
    family: Spellings,
    sex: 'male' | 'female',
    year: number,
    phone: string,
  ): Human {
    const chance = this.#chance;
    const birth = [year, 1 + chance.below(12), 1 + chance.below(28)] as const;
    const own = chance.happens(OWN_PHONE) ? this.#phone() : phone;
    const number = (this.#people * ID_STEP) % ID_RANGE;
    const nationalId = chance.happens(ID_SHARE) ? String(10_000_000 + number) : '';
    return { person: this.#people++, given, family, birth, sex, phone: own, nationalId };
  }
}
