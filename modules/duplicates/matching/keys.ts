/**
 * Keys of blocks: two people are compared where they have a key in common.
 *
 * Each rule makes keys of a few parts that survive typical errors together: a skeleton and a birth
 * date, a telephone and a first letter. A key with a missing part does not exist; several
 * telephones, identifiers or skeletons give several keys. No rule needs what a third of people lack
 * unless others cover for it. Kept below as data, so that a batch, a single registration and the
 * learning of weights use one list.
 */

import { hashText, join, mix } from './hash.ts';
import type { Column, Registry } from './registry.ts';
import {
  AREA,
  BIRTH,
  EMAIL,
  FAMILY,
  GIVEN,
  HOUSE,
  IDENTIFIER,
  PHONE,
  POSTAL,
  SEX,
} from './schema.ts';
import { textOf, type ValueTable } from './values.ts';

/** Parts of a person of which there is one, by their place in `Parts.one`. */
const ONE = [
  'given1', // first letter
  'given2', // first two letters
  'given3', // first three of the skeleton
  'family1',
  'family2',
  'family3',
  'year',
  'month',
  'monthDay', // 0 where the year alone is known
  'date', // whole birth date, else 0
  'anyDate', // birth date, be it the year only
  'sex',
  'area',
  'postal',
  'house',
] as const;

/** Parts of which there may be several, by their place in `Parts.many`. */
const MANY = [
  'given', // skeletons
  'family',
  'phones',
  'identifiers',
  'emails', // what stands before the @
  'lines', // skeletons of up to two lines of the address
] as const;

type One = (typeof ONE)[number];
type Many = (typeof MANY)[number];

/** Numbers that stand for the parts of one person; 0 and empty where unknown. */
export interface Parts {
  readonly one: Int32Array;
  readonly many: ReadonlyArray<number[]>;
}

/** Where a part stands in `Parts.one`. */
export const placeOf = (part: One): number => ONE.indexOf(part);

/** Where a list of parts stands in `Parts.many`. */
export const listOf = (part: Many): number => MANY.indexOf(part);

export type Training = 'always' | 'if-needed' | 'never';

export interface Rule {
  readonly name: string;
  /** Fields that agree, more or less, in every pair that the rule makes. */
  readonly fields: readonly string[];
  /** Keys that one person has at most. */
  readonly slots: number;
  /** Whether weights are learnt from its pairs: always, where no other covers a field, or never. */
  readonly trains: Training;
  /** A key is made of one of each of these (at most two), in `Parts.many`, … */
  readonly lists: readonly number[];
  /** … and all of these, in `Parts.one`. */
  readonly parts: readonly number[];
  /** Whether the order of the two lists does not matter (given and family crossed). */
  readonly unordered: boolean;
}

/** What an area settles: what lies above it, and nearly always the postal code. */
const ADDRESS_AREA = [AREA, 'city', 'district', 'state', POSTAL];
/** A given name tells the sex. */
const GIVEN_NAME = [GIVEN, SEX];
const NAMES = [...GIVEN_NAME, FAMILY];
const LINES = ['line1', 'line2'];

interface Made {
  readonly from: ReadonlyArray<Many | One>;
  readonly fields: readonly string[];
  readonly slots: number;
  readonly trains?: Training;
  readonly unordered?: true;
}

function rule(name: string, { from, fields, slots, trains = 'never', unordered }: Made): Rule {
  const placesIn = (all: readonly string[]): number[] =>
    from.map((part) => all.indexOf(part)).filter((at) => at >= 0);
  const [lists, parts] = [placesIn(MANY), placesIn(ONE)];
  return { name, fields, slots, trains, lists, parts, unordered: unordered ?? false };
}

/** The rules, those that tell most first: a pair counts for the first rule that makes it. */
export const RULES: readonly Rule[] = [
  rule('identifier', { from: ['identifiers'], fields: [IDENTIFIER], slots: 3, trains: 'always' }),
  rule('given, birth date', {
    from: ['given', 'anyDate'],
    fields: [...GIVEN_NAME, BIRTH],
    slots: 2,
    trains: 'always',
  }),
  rule('family, birth date', {
    from: ['family', 'anyDate'],
    fields: [FAMILY, BIRTH],
    slots: 2,
    trains: 'always',
  }),
  rule('names, year', {
    from: ['given', 'family', 'year'],
    fields: [...NAMES, BIRTH],
    slots: 4,
    trains: 'always',
  }),
  rule('names, area', {
    from: ['given', 'family', 'area'],
    fields: [...NAMES, ...ADDRESS_AREA],
    slots: 4,
    trains: 'always',
  }),
  rule('phone, given begins', {
    from: ['phones', 'given2'],
    fields: [PHONE, ...GIVEN_NAME],
    slots: 3,
    trains: 'always',
  }),
  rule('birth date, area', {
    from: ['date', 'area'],
    fields: [BIRTH, ...ADDRESS_AREA],
    slots: 1,
    trains: 'always',
  }),
  rule('names crossed, year', {
    from: ['given', 'family', 'year'],
    fields: [...NAMES, BIRTH],
    slots: 4,
    unordered: true,
  }),
  rule('phone, birth date', { from: ['phones', 'anyDate'], fields: [PHONE, BIRTH], slots: 3 }),
  rule('names, month and day', {
    from: ['given', 'family', 'monthDay'],
    fields: [...NAMES, BIRTH],
    slots: 4,
  }),
  rule('given, area, year', {
    from: ['given', 'area', 'year'],
    fields: [...GIVEN_NAME, BIRTH, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('family, area, year', {
    from: ['family', 'area', 'year'],
    fields: [FAMILY, BIRTH, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('birth date, names begin', {
    from: ['date', 'given2', 'family2'],
    fields: [...NAMES, BIRTH],
    slots: 1,
  }),
  rule('names crossed, area', {
    from: ['given', 'family', 'area'],
    fields: [...NAMES, ...ADDRESS_AREA],
    slots: 4,
    unordered: true,
  }),
  rule('phone, family, given begins', {
    from: ['phones', 'family', 'given1'],
    fields: [PHONE, FAMILY, ...GIVEN_NAME],
    slots: 6,
  }),
  rule('phone, year', { from: ['phones', 'year'], fields: [PHONE, BIRTH], slots: 3 }),
  rule('area, family, given begins, sex', {
    from: ['family', 'area', 'given1', 'sex'],
    fields: [FAMILY, ...GIVEN_NAME, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('area, given, family begins, sex', {
    from: ['given', 'area', 'family1', 'sex'],
    fields: [...NAMES, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('names begin, year, month, sex', {
    from: ['given3', 'family3', 'year', 'month', 'sex'],
    fields: [...NAMES, BIRTH],
    slots: 1,
  }),
  rule('names, either order', {
    from: ['given', 'family'],
    fields: NAMES,
    slots: 4,
    trains: 'if-needed',
    unordered: true,
  }),
  rule('email', { from: ['emails'], fields: [EMAIL], slots: 2, trains: 'if-needed' }),
  rule('given, postal code', {
    from: ['given', 'postal'],
    fields: [...GIVEN_NAME, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('family, postal code', {
    from: ['family', 'postal'],
    fields: [FAMILY, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('birth date, postal code', {
    from: ['date', 'postal'],
    fields: [BIRTH, ...ADDRESS_AREA],
    slots: 1,
  }),
  rule('given, street', {
    from: ['given', 'lines'],
    fields: [...GIVEN_NAME, ...LINES],
    slots: 4,
    trains: 'if-needed',
  }),
  rule('family, street', {
    from: ['family', 'lines'],
    fields: [FAMILY, ...LINES],
    slots: 4,
    trains: 'if-needed',
  }),
  rule('birth date, street', {
    from: ['lines', 'date'],
    fields: [BIRTH, ...LINES],
    slots: 2,
    trains: 'if-needed',
  }),
  rule('street, postal code', {
    from: ['lines', 'postal'],
    fields: [...LINES, ...ADDRESS_AREA],
    slots: 2,
  }),
  rule('street, number', { from: ['lines', 'house'], fields: [HOUSE, ...LINES], slots: 2 }),
];

/** Most keys that one person can have under all rules. */
export const KEYS_MAX = RULES.reduce((so, { slots }) => so + slots, 0);

const NO_SECOND: readonly number[] = [0];

/**
 * Writes the distinct keys of a person under a rule, and says where the next may stand. A key with
 * a missing part does not exist.
 */
export function writeKeys(rule: number, of: Parts, into: Int32Array, from: number): number {
  const { lists, parts, slots, unordered } = RULES[rule]!;
  for (const part of parts) if (of.one[part] === 0) return from;
  const first = lists.length > 0 ? of.many[lists[0]!]! : NO_SECOND;
  const second = lists.length > 1 ? of.many[lists[1]!]! : NO_SECOND;
  let at = from;
  for (const a of first) {
    for (const b of second) {
      let key = mix(rule + 1);
      const swapped = unordered && b < a;
      if (lists.length > 0) key = join(key, swapped ? b : a);
      if (lists.length > 1) key = join(key, swapped ? a : b);
      for (const part of parts) key = join(key, of.one[part]!);
      if (key === 0) key = 1;
      let known = from;
      while (known < at && into[known] !== key) known++;
      if (known === at) into[at++] = key;
      if (at === from + slots) return at;
    }
  }
  return at;
}

/** The key of an identifier by the hash of it, under the first rule. */
export const keyOfIdentifier = (hash: number): number => join(mix(1), hash) || 1;

interface Reader {
  readonly values: ValueTable;
  readonly at: number;
  readonly slots: number;
}

function readerOf(registry: Registry, name: string): Reader | undefined {
  const column: Column | undefined = registry.columns.find(({ field }) => field.name === name);
  return column && { values: column.values, at: column.at, slots: column.field.slots };
}

/**
 * Of each person, the parts that keys are made of. The object that is handed out is the same each
 * time, since a national registry is read in seconds.
 */
export function partsReader(registry: Registry): (row: number) => Parts {
  const { rows, width } = registry;
  const read = (name: string): Reader | undefined => readerOf(registry, name);
  const [given, family, birth, sex] = [read(GIVEN), read(FAMILY), read(BIRTH), read(SEX)];
  const [phone, identifier, email] = [read(PHONE), read(IDENTIFIER), read(EMAIL)];
  const [postal, house, area] = [read(POSTAL), read(HOUSE), read(AREA) ?? read('city')];
  const lines = LINES.map(read);
  const days = birth?.values.days ?? [];
  const accounts = Int32Array.from({ length: email?.values.size ?? 0 }, (_, id) =>
    hashText(textOf(email!.values, id).split('@', 1)[0]!),
  );
  const one = new Int32Array(ONE.length);
  const many = MANY.map((): number[] => []);
  const value = (reader: Reader | undefined, row: number): number =>
    reader === undefined ? 0 : rows[row * width + reader.at]!;
  const hash = (reader: Reader | undefined, row: number): number =>
    reader?.values.hash[value(reader, row)] ?? 0;
  const list = (part: Many): number[] => {
    const of = many[listOf(part)]!;
    of.length = 0;
    return of;
  };
  const hashes = (part: Many, reader: Reader | undefined, row: number, of?: Int32Array): void => {
    const into = list(part);
    if (reader === undefined) return;
    const from = row * width + reader.at;
    for (let at = from; at < from + reader.slots && rows[at] !== 0; at++) {
      const number = (of ?? reader.values.hash)[rows[at]!]!;
      if (number !== 0) into.push(number);
    }
  };
  const name = (part: Many, places: Names, reader: Reader | undefined, row: number): void => {
    const into = list(part);
    const id = value(reader, row);
    const of = reader?.values;
    one[places[0]] = of?.letter1[id] ?? 0;
    one[places[1]] = of?.letter2[id] ?? 0;
    one[places[2]] = of?.skeleton3[id] ?? 0;
    if (of === undefined) return;
    if (of.skeleton1[id] !== 0) into.push(of.skeleton1[id]!);
    if (of.skeleton2[id] !== 0) into.push(of.skeleton2[id]!);
  };
  const parts: Parts = { one, many };
  return (row) => {
    name('given', GIVEN_PLACES, given, row);
    name('family', FAMILY_PLACES, family, row);
    dateParts(one, days[value(birth, row)] ?? 0);
    one[SEX_PLACE] = hash(sex, row);
    one[AREA_PLACE] = area?.values.skeleton1[value(area, row)] ?? hash(area, row);
    one[POSTAL_PLACE] = hash(postal, row);
    one[HOUSE_PLACE] = hash(house, row);
    hashes('phones', phone, row);
    hashes('identifiers', identifier, row);
    hashes('emails', email, row, accounts);
    const texts = list('lines');
    for (const line of lines) {
      const id = value(line, row);
      const skeleton = line?.values.skeleton1[id] || line?.values.skeleton2[id];
      if (skeleton) texts.push(skeleton);
    }
    return parts;
  };
}

type Names = readonly [number, number, number];
const GIVEN_PLACES: Names = [placeOf('given1'), placeOf('given2'), placeOf('given3')];
const FAMILY_PLACES: Names = [placeOf('family1'), placeOf('family2'), placeOf('family3')];
const SEX_PLACE = placeOf('sex');
const AREA_PLACE = placeOf('area');
const POSTAL_PLACE = placeOf('postal');
const HOUSE_PLACE = placeOf('house');
const YEAR_PLACE = placeOf('year');
const MONTH_PLACE = placeOf('month');
const MONTH_DAY_PLACE = placeOf('monthDay');
const DATE_PLACE = placeOf('date');
const ANY_DATE_PLACE = placeOf('anyDate');

function dateParts(one: Int32Array, day: number): void {
  const monthDay = day % 10_000;
  one[YEAR_PLACE] = Math.floor(day / 10_000);
  one[MONTH_DAY_PLACE] = monthDay;
  one[MONTH_PLACE] = Math.floor(monthDay / 100);
  one[DATE_PLACE] = day >= 10_000 && monthDay !== 0 ? day : 0;
  one[ANY_DATE_PLACE] = day;
}

/**
 * Gives the keys of each person of a registry; the same whoever else stands in it, for they are
 * stored.
 */
export function keyReader(registry: Registry): (row: number) => readonly number[] {
  const parts = partsReader(registry);
  const keys = new Int32Array(KEYS_MAX);
  return (row) => {
    const of = parts(row);
    let end = 0;
    for (let rule = 0; rule < RULES.length; rule++) end = writeKeys(rule, of, keys, end);
    return [...new Set(keys.subarray(0, end))];
  };
}

/** The keys of one person. */
export const keysOf = (registry: Registry, row: number): readonly number[] =>
  keyReader(registry)(row);
