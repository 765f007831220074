/**
 * A synthetic registry: people written down by clerks, some of them twice. Whole families are
 * registered again under another head, single members in a second household; the second time names
 * are spelt, swapped, cut or written in another script, dates guessed, telephones borrowed, and
 * some have moved. Its truth is known.
 */

import type { Person } from '../../matching/registry.ts';
import type { ColumnMap, Row } from '../map.ts';
import { personReader } from '../person.ts';
import type { Records } from '../read.ts';
import { Chance } from './chance.ts';
import { type Family, type Human, respelled, type Spellings, World } from './people.ts';

export const SYNTHETIC_MAP: ColumnMap = {
  id: 'id',
  given: 'given',
  family: 'family',
  birthDate: { columns: 'birth', format: 'yyyy-MM-dd' },
  sex: { column: 'sex' },
  phones: 'phone',
  country: 'KE',
  identifiers: [{ column: 'national_id', system: 'national' }],
  address: { city: 'village', district: 'district' },
  household: 'household',
};

const FAMILY_TWICE = 0.04;
const MEMBER_TWICE = 0.04;
const VILLAGE_PEOPLE = 400;
const VILLAGES_BY_DISTRICT = 25;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** How badly one record is written; 0 as it is. */
interface Hand {
  readonly slips: number;
  readonly native: boolean;
}

const SYLLABLES = 'ba ke li mo nu ra sa te wi zo ga du fe ji ka ro'.split(' ');

/** A name for a village, the same for the same number. */
function villageName(village: number): string {
  const chance = new Chance(village * 7919 + 13);
  return Array.from({ length: 3 + (village % 2) }, () => chance.pick(SYLLABLES)).join('');
}

class Clerk {
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  #slip(word: string): string {
    const chance = this.#chance;
    const at = chance.below(word.length);
    const letter = chance.pick([...LETTERS]);
    const kinds = [
      word.slice(0, at) + word.slice(at + 1),
      word.slice(0, at) + letter + word.slice(at),
      word.slice(0, at) + letter + word.slice(at + 1),
      word.slice(0, at) + (word[at + 1] ?? '') + word[at] + word.slice(at + 2),
    ];
    return word.length < 3 ? word : chance.pick(kinds);
  }

  #word(spellings: Spellings, { slips, native }: Hand): string {
    const chance = this.#chance;
    const latin = spellings.filter((word) => /^\p{Script=Latin}/u.test(word));
    const other = spellings.find((word) => !latin.includes(word));
    if (native && other !== undefined) return other;
    let word = chance.happens(slips * 0.3) ? chance.pick(latin) : latin[0]!;
    if (chance.happens(slips * 0.12)) word = respelled(chance, word);
    if (chance.happens(slips * 0.12)) word = this.#slip(word);
    return chance.happens(slips * 0.01) ? word.slice(0, 1) : word;
  }

  #date([year, month, day]: Human['birth'], slips: number): string {
    const chance = this.#chance;
    const two = (value: number): string => String(value).padStart(2, '0');
    if (chance.happens(0.04)) return '';
    if (chance.happens(0.12)) return `${year + (chance.happens(slips * 0.2) ? 1 : 0)}-01-01`;
    if (chance.happens(slips * 0.05)) return `${year}-${two(day)}-${two(month)}`;
    if (chance.happens(slips * 0.06)) return `${year}-${two(month)}-${two(1 + chance.below(28))}`;
    if (chance.happens(slips * 0.05))
      return `${year + chance.pick([-1, 1, 10])}-${two(month)}-${two(day)}`;
    return `${year}-${two(month)}-${two(day)}`;
  }

  write(
    human: Human,
    place: { village: number; household: number; phone?: string },
    id: number,
    slips: number,
  ): Row {
    const chance = this.#chance;
    const hand = { slips, native: chance.happens(0.02 + slips * 0.08) };
    let given = this.#word(human.given, hand);
    let family = this.#word(human.family, hand);
    if (chance.happens(slips * 0.03)) [given, family] = [family, given];
    if (chance.happens(slips * 0.02)) family = '';
    const phone = chance.happens(0.08) ? '' : (place.phone ?? human.phone);
    const idNumber = chance.happens(slips * 0.25) ? '' : human.nationalId;
    return {
      id: `r${id}`,
      given,
      family,
      birth: this.#date(human.birth, slips),
      sex: chance.happens(slips * 0.01) ? 'unknown' : human.sex,
      phone,
      national_id:
        chance.happens(slips * 0.03) && idNumber !== '' ? this.#slip(idNumber) : idNumber,
      village: villageName(place.village),
      district: villageName(Math.floor(place.village / VILLAGES_BY_DISTRICT) + 7_000_000),
      household: `h${place.household}`,
    };
  }
}

/** A registry of about `size` records with its truth, from a seed. */
export function syntheticRegistry(
  size: number,
  seed: number,
): { records: Records; truth: Int32Array } {
  const chance = new Chance(seed);
  const world = new World(chance);
  const clerk = new Clerk(chance);
  const villages = Math.max(5, Math.round(size / VILLAGE_PEOPLE));
  const read = personReader(SYNTHETIC_MAP, 0);
  const people: Person[] = [];
  const ids: string[] = [];
  const truth: number[] = [];
  let households = 0;
  const keep = (
    human: Human,
    place: { village: number; household: number; phone?: string },
    slips: number,
  ): void => {
    const row = clerk.write(human, place, ids.length, slips);
    people.push(read(row));
    ids.push(row.id!);
    truth.push(human.person);
  };
  let before: Family | undefined;
  while (ids.length < size) {
    const family = world.family(chance.below(villages));
    const household = households++;
    for (const human of family.members) keep(human, { village: family.village, household }, 0.15);
    if (chance.happens(FAMILY_TWICE)) {
      const village = chance.happens(0.2) ? chance.below(villages) : family.village;
      const again = { village, household: households++ };
      const hidden = chance.happens(0.4);
      for (const human of family.members) {
        if (chance.happens(0.85)) keep(human, hidden ? { ...again, phone: '' } : again, 1);
      }
    }
    for (const human of family.members) {
      if (before === undefined || !chance.happens(MEMBER_TWICE)) continue;
      const moved = chance.happens(0.4);
      const place = {
        village: moved ? before.village : family.village,
        household: moved ? household - 1 : household,
      };
      const borrowed = before.members[0]!.phone;
      keep(human, chance.happens(0.5) ? { ...place, phone: borrowed } : place, 1);
    }
    before = family;
  }
  return { records: { people, ids }, truth: Int32Array.from(truth) };
}
