/**
 * A registry as numbers: one row of value numbers a person, and the dictionaries they point into.
 *
 * Rows lie one after another in shared memory, so that threads can score them without copies.
 */

import type { BirthDay } from '../normalize/dates.ts';
import type { NameParts } from '../normalize/names.ts';
import {
  AREA,
  BIRTH,
  EMAIL,
  FAMILY,
  type Field,
  GIVEN,
  HOUSE,
  IDENTIFIER,
  type Kind,
  KNOWN_FIELDS,
  OTHER,
  PHONE,
  POSTAL,
  SEX,
  textField,
} from './schema.ts';
import { type Derived, SYSTEM_END, Values } from './values.ts';

/** One person, normalised; whatever is unknown is absent or empty. */
export interface Person {
  readonly name: NameParts;
  readonly birthDay: BirthDay;
  /** 1 male, 2 female, 0 other or unknown. */
  readonly sex: 0 | 1 | 2;
  readonly phones: readonly string[];
  readonly emails: readonly string[];
  readonly identifiers: ReadonlyArray<{ readonly system: string; readonly value: string }>;
  readonly houseNumber?: string;
  readonly postalCode?: string;
  /** The lowest area that is known. */
  readonly area?: string;
  readonly district?: string;
  /** Further texts by the name of their field, folded. */
  readonly texts: Readonly<Record<string, string>>;
  readonly household?: string;
  /** Which of two registries the person stands in: 0 or 1. */
  readonly source: 0 | 1;
}

export interface Column {
  readonly field: Field;
  /** Where its first slot stands in a row. */
  readonly at: number;
  readonly values: Values;
}

export interface Registry {
  readonly size: number;
  readonly width: number;
  readonly rows: Int32Array;
  readonly columns: readonly Column[];
  /** Household of each person, from 1; 0 for none. */
  readonly household: Int32Array;
  readonly households: number;
  /** Number of the district of each person, for refining large blocks; 0 for none. */
  readonly district: Int32Array;
  /** Names of the districts by number; the first is "unknown". */
  readonly districts: readonly string[];
  /** Whether a person's name was written in another script than Latin. */
  readonly native: Uint8Array;
  readonly source: Uint8Array;
}

/** A value of an identifier that more people hold is a placeholder. */
const HOLDERS_MAX = 20;

/** Names of text fields that the members of a household share. */
const SHARED_TEXT = /^(line\d*|street|city|district|state)$/;

function valuesOf(person: Person): Map<string, readonly string[]> {
  const { name } = person;
  const one = (text: string | undefined): readonly string[] => (text ? [text] : []);
  return new Map<string, readonly string[]>([
    [GIVEN, one(name.given)],
    [FAMILY, one(name.family)],
    [OTHER, name.other],
    [BIRTH, person.birthDay === 0 ? [] : [String(person.birthDay).padStart(8, '0')]],
    [SEX, person.sex === 0 ? [] : [String(person.sex)]],
    [IDENTIFIER, person.identifiers.map(({ system, value }) => `${system}${SYSTEM_END}${value}`)],
    [PHONE, person.phones],
    [EMAIL, person.emails],
    [HOUSE, one(person.houseNumber)],
    [POSTAL, one(person.postalCode)],
    [AREA, one(person.area)],
    ...Object.entries(person.texts).map(([key, text]) => [key, one(text)] as const),
  ]);
}

/** Values that so many hold that they tell nobody apart, by text. */
function placeholders(people: readonly Person[]): ReadonlySet<string> {
  const holders = new Map<string, number>();
  for (const person of people) {
    for (const { system, value } of person.identifiers) {
      const key = `${system}${SYSTEM_END}${value}`;
      holders.set(key, (holders.get(key) ?? 0) + 1);
    }
  }
  return new Set([...holders].filter(([, count]) => count > HOLDERS_MAX).map(([key]) => key));
}

/** Fields that the people have, each once. */
function fieldsOf(people: readonly Person[]): readonly Field[] {
  const present = new Set<string>();
  for (const person of people) {
    for (const [name, texts] of valuesOf(person)) if (texts.length > 0) present.add(name);
  }
  const known = KNOWN_FIELDS.filter((field) => present.delete(field.name));
  return [...known, ...[...present].sort().map((name) => textField(name, SHARED_TEXT.test(name)))];
}

const DERIVED: Readonly<Record<Kind, Derived>> = {
  name: 'words',
  names: 'words',
  text: 'words',
  date: 'days',
  identifier: 'identifiers',
  number: 'nothing',
  house: 'nothing',
  code: 'nothing',
};

/** The registry of these people, in their order. */
export function registryOf(people: readonly Person[]): Registry {
  const fields = fieldsOf(people);
  const spaces = new Map<string, Values>();
  let width = 0;
  const columns = fields.map((field): Column => {
    const values = spaces.get(field.space) ?? new Values(DERIVED[field.kind]);
    spaces.set(field.space, values);
    width += field.slots;
    return { field, at: width - field.slots, values };
  });
  const shared = (length: number): Int32Array =>
    new Int32Array(new SharedArrayBuffer(Math.max(4, length * 4)));
  const rows = shared(people.length * width);
  const household = shared(people.length);
  const district = shared(people.length);
  const source = new Uint8Array(new SharedArrayBuffer(Math.max(1, people.length)));
  const native = new Uint8Array(new SharedArrayBuffer(Math.max(1, people.length)));
  const households = new Values('nothing');
  const districts = new Values('nothing');
  const nobody = placeholders(people);
  for (const [at, person] of people.entries()) {
    const values = valuesOf(person);
    native[at] = person.name.native ? 1 : 0;
    for (const column of columns) {
      const texts = (values.get(column.field.name) ?? []).filter((text) => !nobody.has(text));
      const isNative = person.name.native && column.field.space === 'name';
      const ids = new Set(texts.map((text) => column.values.id(text, isNative)));
      rows.set([...ids].slice(0, column.field.slots), at * width + column.at);
    }
    household[at] = households.id(person.household ?? '');
    district[at] = districts.id(person.district ?? '');
    source[at] = person.source;
  }
  return {
    size: people.length,
    width,
    rows,
    columns,
    household,
    households: households.size - 1,
    district,
    districts: ['unknown', ...districts.texts.slice(1)],
    native,
    source,
  };
}

/** The column of a field, if the registry has it. */
export const columnOf = (registry: Registry, name: string): Column | undefined =>
  registry.columns.find(({ field }) => field.name === name);
