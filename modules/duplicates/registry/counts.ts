/**
 * How common values are, as the last run over everybody counted them: what lets one person be
 * weighed against a stored registry as a whole run would weigh them.
 *
 * Values that few hold are not stored, for two holders is what a pair has anyway. A young registry
 * that has counted little leans on what the model says of equal values in general.
 */

import { equalLevel } from '../matching/compare.ts';
import { PairCounts } from '../matching/counting.ts';
import { join } from '../matching/hash.ts';
import type { Model, Usual } from '../matching/model.ts';
import { companyBits, type Rarity, shareAmong } from '../matching/rarity.ts';
import type { Registry } from '../matching/registry.ts';
import { ALIKE, AREA, BIRTH, FAMILY, GIVEN } from '../matching/schema.ts';
import { isYear } from '../matching/values.ts';

/** Fields whose values are counted, by number; the order is kept for ever, for it is stored. */
const COUNTED = [
  GIVEN,
  FAMILY,
  BIRTH,
  'phone',
  'email',
  'houseNumber',
  'postalCode',
  AREA,
  'line1',
  'line2',
  'city',
  'district',
  'state',
  'other',
];

/** What is counted of a field, as a number to add to the field's. */
const LOCAL = 32;
const AREAS = 64;
const SOUND = 96;
const LOCAL_SOUND = 128;
const TOGETHER = 160;

/** People of whose birth day only the year is known. */
const YEARS = LOCAL + COUNTED.indexOf(BIRTH);

/** Counts below this are not stored. */
const STORED_MIN = 3;
const PAIR = 2;
const SHARE_MIN = 1e-6;
/** Registries of fewer people lean on the model. */
const SMALL = 2_000;
/** Share of people of one year of birth, where only the year is known and nothing was counted. */
const YEAR_SHARE = 0.01;
/** Share of people of whom only the year of birth is known, where nothing was counted. */
const YEARS_USUAL = 0.1;

/** Kind and hash of a count. */
export interface CountKey {
  readonly kind: number;
  readonly hash: number;
}

/** How many people hold a value. */
export interface KnownCount extends CountKey {
  readonly held: number;
}

/** What the columns of a registry's rows say, for counting. */
interface Reader {
  readonly number: number;
  readonly at: number;
  readonly slots: number;
  readonly hash: Int32Array;
  readonly sound: Int32Array;
  readonly isName: boolean;
  /** Whether a value is a birth day of which only the year is known. */
  readonly isYear: (value: number) => boolean;
}

function readersOf(registry: Registry): readonly (Reader | undefined)[] {
  return registry.columns.map(({ field, at, values }) => {
    const number = COUNTED.indexOf(field.name);
    if (number < 0) return undefined;
    const isName = field.name === GIVEN || field.name === FAMILY;
    const { hash, sound } = values;
    const ofYear = (value: number): boolean => isYear(values, value);
    return { number, at, slots: field.slots, hash, sound, isName, isYear: ofYear };
  });
}

/**
 * Every count that may be asked where one of these rows is compared with any other: of their values, and
 * of names that sound like theirs. What is equal in a pair stands in either row.
 */
export function countKeysOf(registry: Registry, rows: readonly number[]): CountKey[] {
  const wanted = new Wanted();
  const readers = readersOf(registry);
  const area = readers.find((each) => each?.number === COUNTED.indexOf(AREA));
  const names = readers.filter((reader): reader is Reader => reader?.isName === true);
  wanted.add(TOGETHER, 0);
  wanted.add(YEARS, 0);
  for (const reader of readers) if (reader) wanted.add(reader.number, 0);
  for (const row of rows) {
    const from = row * registry.width;
    const place = area ? (area.hash[registry.rows[from + area.at]!] ?? 0) : 0;
    const sounds: number[] = [];
    for (const reader of readers) {
      if (!reader) continue;
      for (let slot = 0; slot < reader.slots; slot++) {
        const value = registry.rows[from + reader.at + slot]!;
        if (value === 0) break;
        const hash = reader.hash[value]!;
        // A given name may be the other's family name.
        for (const each of reader.isName ? names : [reader]) wanted.add(each.number, hash);
        if (!reader.isName) continue;
        const sound = reader.sound[value] ?? 0;
        sounds.push(sound);
        wanted.add(SOUND + reader.number, sound);
        if (place === 0) continue;
        wanted.add(AREAS + reader.number, place);
        wanted.add(LOCAL + reader.number, join(hash, place));
        wanted.add(LOCAL_SOUND + reader.number, join(sound, place));
      }
    }
    if (sounds.length === 2) wanted.add(TOGETHER, join(sounds[0]!, sounds[1]!));
  }
  for (const name of names) {
    for (let value = 1; value < name.hash.length; value++) {
      const sound = name.sound[value] ?? 0;
      if (wanted.has(SOUND + name.number, sound)) wanted.add(name.number, name.hash[value]!);
    }
  }
  return wanted.keys;
}

/** Counts to be asked, each once. */
class Wanted {
  readonly keys: CountKey[] = [];
  readonly #seen = new PairCounts();

  add(kind: number, hash: number): void {
    if (this.#seen.add(kind, hash) === 1) this.keys.push({ kind, hash });
  }

  has(kind: number, hash: number): boolean {
    return this.#seen.of(kind, hash) > 0;
  }
}

/** Counts by kind and hash; what is absent is rare. */
export class Counts {
  readonly #held: PairCounts;

  constructor(rows: readonly KnownCount[] = []) {
    this.#held = new PairCounts(rows.length);
    this.learn(rows);
  }

  /** Adds what was not known yet. */
  learn(rows: readonly KnownCount[]): void {
    for (const { kind, hash, held } of rows) {
      if (this.of(kind, hash) === 0) this.#held.add(kind, hash, held);
    }
  }

  of(kind: number, hash: number): number {
    return this.#held.of(kind, hash);
  }

  add(kind: number, hash: number, times = 1): void {
    this.#held.add(kind, hash, times);
  }

  /** People who were counted. */
  get people(): number {
    return this.of(TOGETHER, 0);
  }

  /** Visits what is worth storing. */
  stored(visit: (kind: number, hash: number, held: number) => void): void {
    this.#held.each((kind, hash, held) => {
      if (hash === 0 || held >= STORED_MIN) visit(kind, hash, held);
    });
  }
}

/** Counts over a whole registry. A family's name counts once a household in its area. */
export function countAll(registry: Registry): Counts {
  const counts = new Counts();
  const readers = readersOf(registry);
  counts.add(TOGETHER, 0, registry.size);
  for (const [column, reader] of readers.entries()) {
    if (reader) countValues(registry, column, reader, counts);
  }
  const names = readers.filter((reader) => reader?.isName === true);
  const area = readers.find((each) => each?.number === COUNTED.indexOf(AREA));
  if (area) for (const name of names) countNear(registry, name!, area, counts);
  const [given, family] = names;
  if (given && family) countTogether(registry, given, family, counts);
  return counts;
}

/** Values of a column, and of names their sounds: counted by number first, which is far cheaper. */
function countValues(registry: Registry, column: number, reader: Reader, counts: Counts): void {
  const { rows, width } = registry;
  const held = new Int32Array(registry.columns[column]!.values.size);
  let people = 0;
  let years = 0;
  for (let row = reader.at; row < rows.length; row += width) {
    if (rows[row] === 0) continue;
    people++;
    if (reader.isYear(rows[row]!)) years++;
    for (let slot = 0; slot < reader.slots; slot++) held[rows[row + slot]!]!++;
  }
  counts.add(reader.number, 0, people);
  if (years > 0) counts.add(YEARS, 0, years);
  for (let value = 1; value < held.length; value++) {
    const count = held[value]!;
    if (count === 0 || (!reader.isName && count < STORED_MIN)) continue;
    counts.add(reader.number, reader.hash[value]!, count);
    if (reader.isName && reader.sound[value] !== 0) {
      counts.add(SOUND + reader.number, reader.sound[value]!, count);
    }
  }
}

/** Names and their sounds by area. */
function countNear(registry: Registry, name: Reader, area: Reader, counts: Counts): void {
  const { rows, width, size, household } = registry;
  const once = name.number === COUNTED.indexOf(FAMILY);
  const homes = new PairCounts();
  for (let row = 0; row < size; row++) {
    const value = rows[row * width + name.at]!;
    const place = area.hash[rows[row * width + area.at]!] ?? 0;
    if (value === 0 || place === 0) continue;
    if (once && household[row] !== 0 && homes.add(household[row]!, value) > 1) continue;
    counts.add(AREAS + name.number, place);
    counts.add(LOCAL + name.number, join(name.hash[value]!, place));
    const sound = name.sound[value] ?? 0;
    if (sound !== 0) counts.add(LOCAL_SOUND + name.number, join(sound, place));
  }
}

/** Sounds of given and family name that one person bears. */
function countTogether(registry: Registry, given: Reader, family: Reader, counts: Counts): void {
  const { rows, width, size } = registry;
  for (let row = 0; row < size; row++) {
    const first = given.sound[rows[row * width + given.at]!] ?? 0;
    const second = family.sound[rows[row * width + family.at]!] ?? 0;
    if (first !== 0 && second !== 0) counts.add(TOGETHER, join(first, second));
  }
}

/** Rarity by stored counts, of the values of a few people. See `matching/rarity.ts`. */
export function storedRarity(registry: Registry, model: Model, counts: Counts): Rarity {
  const readers = readersOf(registry);
  const areaColumn = registry.columns.find(({ field }) => field.name === AREA);
  const placeOf = (place: number): number => areaColumn?.values.hash[place] ?? 0;
  const uOf = (column: number): readonly number[] =>
    model.fields[registry.columns[column]!.field.name]?.u ?? [];
  /** A share, drawn towards what is usual where little was counted. */
  const shareOf = (held: number, count: number, usual: number): number => {
    const young = Math.max(0, 1 - held / SMALL);
    const counted = Math.max(count, PAIR) / Math.max(held, PAIR);
    return Math.max(young * usual + (1 - young) * counted, SHARE_MIN);
  };
  const nearOf = (column: number): number =>
    model.usual?.near[registry.columns[column]!.field.name] ?? 1;
  /** The share of people whose birth day is known as well as this one. */
  const amongOf = (column: number, value: number): number => {
    const reader = readers[column]!;
    if (reader.number !== COUNTED.indexOf(BIRTH)) return 1;
    const held = counts.of(reader.number, 0);
    const prior = Math.max(0, SMALL - held);
    const years = (counts.of(YEARS, 0) + prior * YEARS_USUAL) / (held + prior);
    return Math.max(SHARE_MIN, reader.isYear(value) ? years : 1 - years);
  };
  const bits = (column: number, value: number, place = 0): number => {
    const { field, values } = registry.columns[column]!;
    const reader = readers[column];
    if (!reader || field.rarity === 0 || value === 0) return 0;
    const exact = uOf(column)[equalLevel(field, values, value)] ?? 1;
    const held = counts.of(reader.number, 0);
    const count = counts.of(reader.number, reader.hash[value]!);
    const share = shareOf(held, count, reader.isYear(value) ? Math.max(exact, YEAR_SHARE) : exact);
    const usual = field.rarity * Math.log2(exact / (share * amongOf(column, value)));
    const area = reader.isName ? placeOf(place) : 0;
    const all = area === 0 ? 0 : counts.of(AREAS + reader.number, area);
    if (all === 0) return usual;
    const here = counts.of(LOCAL + reader.number, join(reader.hash[value]!, area));
    const near = shareAmong(Math.max(here, PAIR), all, share * nearOf(column));
    return Math.min(usual, Math.log2(exact / near));
  };
  const alike = (column: number, a: number, b: number, place = 0): number => {
    const reader = readers[column];
    const sound = reader?.sound[a] ?? 0;
    if (!reader || sound === 0 || sound !== reader.sound[b]) return 0;
    const held = counts.of(reader.number, 0);
    const of = (value: number): number => counts.of(reader.number, reader.hash[value]!);
    const others = counts.of(SOUND + reader.number, sound) - Math.max(of(a), of(b));
    const usualShare = uOf(column)[ALIKE] ?? 1;
    const share = shareOf(held, others, usualShare);
    const usual = Math.log2(usualShare / share);
    const area = placeOf(place);
    const all = area === 0 ? 0 : counts.of(AREAS + reader.number, area);
    if (all === 0) return usual;
    const here = counts.of(LOCAL_SOUND + reader.number, join(sound, area));
    const near = shareAmong(Math.max(here, PAIR), all, share * nearOf(column));
    return Math.min(usual, Math.log2(usualShare / near));
  };
  const usual: Usual = model.usual ?? { near: {}, both: 1 };
  return { bits, alike, together: togetherBy(registry, readers, counts, usual.both), usual };
}

function togetherBy(
  { rows, width, columns }: Registry,
  readers: readonly (Reader | undefined)[],
  counts: Counts,
  usual: number,
): Rarity['together'] {
  const at = (name: string): number => columns.findIndex(({ field }) => field.name === name);
  const [given, family] = [readers[at(GIVEN)], readers[at(FAMILY)]];
  if (!given || !family) return () => 0;
  const soundsOf = (row: number): [number, number] => [
    given.sound[rows[row * width + given.at]!] ?? 0,
    family.sound[rows[row * width + family.at]!] ?? 0,
  ];
  return (a, b) => {
    const [g, f] = soundsOf(a);
    const [g2, f2] = soundsOf(b);
    if (g === 0 || f === 0 || g !== g2 || f !== f2) return 0;
    const both = counts.of(TOGETHER, join(g, f));
    const expected = (counts.of(SOUND, g) * counts.of(SOUND + 1, f)) / Math.max(1, counts.people);
    return companyBits(Math.max(both, PAIR), expected, usual);
  };
}
