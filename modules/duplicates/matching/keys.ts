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
import type { Values } from './values.ts';

/** Numbers that stand for the parts of one person; empty lists and zeros where unknown. */
export interface Parts {
  readonly given: readonly number[];
  readonly family: readonly number[];
  readonly given1: number;
  readonly given2: number;
  readonly family1: number;
  readonly family2: number;
  readonly given3: number;
  readonly family3: number;
  readonly year: number;
  /** Month and day; 0 where the year alone is known. */
  readonly monthDay: number;
  readonly month: number;
  /** Whole birth date, else 0. */
  readonly date: number;
  /** Birth date, be it the year only. */
  readonly anyDate: number;
  readonly sex: number;
  readonly area: number;
  readonly phones: readonly number[];
  readonly identifiers: readonly number[];
  readonly emails: readonly number[];
  readonly postal: number;
  /** Skeletons of up to two lines of the address. */
  readonly lines: readonly number[];
  readonly house: number;
}

export type Training = 'always' | 'if-needed' | 'never';

export interface Rule {
  readonly name: string;
  /** Fields that agree, more or less, in every pair that the rule makes. */
  readonly fields: readonly string[];
  /** Keys that one person has at most. */
  readonly slots: number;
  /** Whether weights are learnt from its pairs: always, where no other covers a field, or never. */
  readonly trains: Training;
  /** The parts of each of a person's keys. */
  readonly keys: (parts: Parts) => ReadonlyArray<readonly number[]>;
}

type List = readonly number[];

/** Every combination of one of each list with the constant parts. */
function cross(first: List, second: List, ...rest: number[]): number[][] {
  return first.flatMap((a) => second.map((b) => [a, b, ...rest]));
}

const each = (list: List, ...rest: number[]): number[][] => list.map((a) => [a, ...rest]);

/** Pairs of which the order does not matter (given and family crossed). */
function unordered(first: List, second: List, ...rest: number[]): number[][] {
  return cross(first, second, ...rest).map(([a, b, ...more]) =>
    a! < b! ? [a!, b!, ...more] : [b!, a!, ...more],
  );
}

/** What an area settles: what lies above it, and nearly always the postal code. */
const ADDRESS_AREA = [AREA, 'city', 'district', 'state', POSTAL];
/** A given name tells the sex. */
const GIVEN_NAME = [GIVEN, SEX];
const LINES = ['line1', 'line2'];
const TRAINS = 'always';
const IF_NEEDED = 'if-needed';

function rule(
  name: string,
  fields: readonly string[],
  slots: number,
  keys: Rule['keys'],
  trains: Training = 'never',
): Rule {
  return { name, fields, slots, trains, keys };
}

/** The rules, those that tell most first: a pair counts for the first rule that makes it. */
export const RULES: readonly Rule[] = [
  rule('identifier', [IDENTIFIER], 3, (p) => each(p.identifiers), TRAINS),
  rule('given, birth date', [...GIVEN_NAME, BIRTH], 2, (p) => each(p.given, p.anyDate), TRAINS),
  rule('family, birth date', [FAMILY, BIRTH], 2, (p) => each(p.family, p.anyDate), TRAINS),
  rule(
    'names, year',
    [...GIVEN_NAME, FAMILY, BIRTH],
    4,
    (p) => cross(p.given, p.family, p.year),
    TRAINS,
  ),
  rule(
    'names, area',
    [...GIVEN_NAME, FAMILY, ...ADDRESS_AREA],
    4,
    (p) => cross(p.given, p.family, p.area),
    TRAINS,
  ),
  rule('phone, given begins', [PHONE, ...GIVEN_NAME], 3, (p) => each(p.phones, p.given2), TRAINS),
  rule('birth date, area', [BIRTH, ...ADDRESS_AREA], 1, (p) => [[p.date, p.area]], TRAINS),
  rule('names crossed, year', [...GIVEN_NAME, FAMILY, BIRTH], 4, (p) =>
    unordered(p.given, p.family, p.year),
  ),
  rule('phone, birth date', [PHONE, BIRTH], 3, (p) => each(p.phones, p.anyDate)),
  rule('names, month and day', [...GIVEN_NAME, FAMILY, BIRTH], 4, (p) =>
    cross(p.given, p.family, p.monthDay),
  ),
  rule('given, area, year', [...GIVEN_NAME, BIRTH, ...ADDRESS_AREA], 2, (p) =>
    each(p.given, p.area, p.year),
  ),
  rule('family, area, year', [FAMILY, BIRTH, ...ADDRESS_AREA], 2, (p) =>
    each(p.family, p.area, p.year),
  ),
  rule('birth date, names begin', [...GIVEN_NAME, FAMILY, BIRTH], 1, (p) => [
    [p.date, p.given2, p.family2],
  ]),
  rule('names crossed, area', [...GIVEN_NAME, FAMILY, ...ADDRESS_AREA], 4, (p) =>
    unordered(p.given, p.family, p.area),
  ),
  rule('phone, family, given begins', [PHONE, FAMILY, ...GIVEN_NAME], 6, (p) =>
    cross(p.phones, p.family, p.given1),
  ),
  rule('phone, year', [PHONE, BIRTH], 3, (p) => each(p.phones, p.year)),
  rule('area, family, given begins, sex', [FAMILY, ...GIVEN_NAME, ...ADDRESS_AREA], 2, (p) =>
    each(p.family, p.area, p.given1, p.sex),
  ),
  rule('area, given, family begins, sex', [FAMILY, ...GIVEN_NAME, ...ADDRESS_AREA], 2, (p) =>
    each(p.given, p.area, p.family1, p.sex),
  ),
  rule('names begin, year, month, sex', [...GIVEN_NAME, FAMILY, BIRTH], 1, (p) => [
    [p.given3, p.family3, p.year, p.month, p.sex],
  ]),
  rule(
    'names, either order',
    [...GIVEN_NAME, FAMILY],
    4,
    (p) => unordered(p.given, p.family),
    IF_NEEDED,
  ),
  rule('email', [EMAIL], 2, (p) => each(p.emails), IF_NEEDED),
  rule('given, postal code', [...GIVEN_NAME, ...ADDRESS_AREA], 2, (p) => each(p.given, p.postal)),
  rule('family, postal code', [FAMILY, ...ADDRESS_AREA], 2, (p) => each(p.family, p.postal)),
  rule('birth date, postal code', [BIRTH, ...ADDRESS_AREA], 1, (p) => [[p.date, p.postal]]),
  rule('given, street', [...GIVEN_NAME, ...LINES], 4, (p) => cross(p.given, p.lines), IF_NEEDED),
  rule('family, street', [FAMILY, ...LINES], 4, (p) => cross(p.family, p.lines), IF_NEEDED),
  rule('birth date, street', [BIRTH, ...LINES], 2, (p) => each(p.lines, p.date), IF_NEEDED),
  rule('street, postal code', [...LINES, ...ADDRESS_AREA], 2, (p) => each(p.lines, p.postal)),
  rule('street, number', [HOUSE, ...LINES], 2, (p) => each(p.lines, p.house)),
];

/** The key of these parts under a rule; 0 if one of them is missing. */
export function keyOf(rule: number, parts: readonly number[]): number {
  let key = mix(rule + 1);
  for (const part of parts) {
    if (part === 0) return 0;
    key = join(key, part);
  }
  return key || 1;
}

interface Reader {
  readonly values: Values;
  readonly ids: (row: number) => readonly number[];
}

function readerOf(registry: Registry, name: string): Reader | undefined {
  const column: Column | undefined = registry.columns.find(({ field }) => field.name === name);
  if (!column) return undefined;
  const { rows, width } = registry;
  const { slots } = column.field;
  return {
    values: column.values,
    ids: (row) => {
      const from = row * width + column.at;
      const found: number[] = [];
      for (let at = from; at < from + slots && rows[at] !== 0; at++) found.push(rows[at]!);
      return found;
    },
  };
}

/** Of each person, the parts that keys are made of. */
export function partsReader(registry: Registry): (row: number) => Parts {
  const read = (name: string): Reader | undefined => readerOf(registry, name);
  const [given, family, birth, sex] = [read(GIVEN), read(FAMILY), read(BIRTH), read(SEX)];
  const [phone, identifier, email] = [read(PHONE), read(IDENTIFIER), read(EMAIL)];
  const [postal, house, area] = [read(POSTAL), read(HOUSE), read(AREA) ?? read('city')];
  const lines = LINES.map(read);
  const hashes = (reader: Reader | undefined, row: number): number[] =>
    reader === undefined ? [] : reader.ids(row).map((id) => reader.values.hash[id]!);
  const skeletons = (reader: Reader | undefined, id: number): number[] => {
    if (reader === undefined || id === 0) return [];
    const { skeleton1, skeleton2 } = reader.values;
    return [skeleton1[id]!, skeleton2[id]!].filter((hash) => hash !== 0);
  };
  const one = (reader: Reader | undefined, row: number): number => reader?.ids(row)[0] ?? 0;
  return (row) => {
    const g = one(given, row);
    const f = one(family, row);
    const day = birth === undefined ? 0 : Number(birth.values.texts[one(birth, row)] || 0);
    const monthDay = day % 10_000;
    return {
      given: skeletons(given, g),
      family: skeletons(family, f),
      given1: given?.values.letter1[g] ?? 0,
      given2: given?.values.letter2[g] ?? 0,
      family1: family?.values.letter1[f] ?? 0,
      family2: family?.values.letter2[f] ?? 0,
      given3: given?.values.skeleton3[g] ?? 0,
      family3: family?.values.skeleton3[f] ?? 0,
      year: Math.floor(day / 10_000),
      monthDay,
      month: Math.floor(monthDay / 100),
      date: day >= 10_000 && monthDay !== 0 ? day : 0,
      anyDate: day,
      sex: hashes(sex, row)[0] ?? 0,
      area:
        area === undefined
          ? 0
          : (area.values.skeleton1[one(area, row)] ?? hashes(area, row)[0] ?? 0),
      phones: hashes(phone, row),
      identifiers: hashes(identifier, row),
      emails: (email?.ids(row) ?? []).map((id) =>
        hashText(email!.values.texts[id]!.split('@', 1)[0]!),
      ),
      postal: hashes(postal, row)[0] ?? 0,
      lines: lines.flatMap((line) => skeletons(line, one(line, row)).slice(0, 1)),
      house: hashes(house, row)[0] ?? 0,
    };
  };
}

/** The keys of one person; the same whoever else stands in the registry, for they are stored. */
export function keysOf(registry: Registry, row: number): readonly number[] {
  const parts = partsReader(registry)(row);
  const keys = new Set<number>();
  RULES.forEach(({ slots, keys: make }, rule) => {
    const own = new Set(make(parts).map((each) => keyOf(rule, each)));
    own.delete(0);
    for (const key of [...own].slice(0, slots)) keys.add(key);
  });
  return [...keys];
}
