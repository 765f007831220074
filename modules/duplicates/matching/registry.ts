/**
 * A registry as numbers: one row of value numbers a person, and the dictionaries they point into.
 *
 * People are taken one by one and not kept: a nation of them as objects would fill the memory.
 */

import type { BirthDay } from '../normalize/dates.ts';
import type { NameParts } from '../normalize/names.ts';
import { GrowingInts } from './growing.ts';
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
import { type Derived, SYSTEM_END, textOf, Values, type ValueTable } from './values.ts';

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
  readonly values: ValueTable;
}

export interface Registry {
  readonly size: number;
  readonly width: number;
  readonly rows: Int32Array;
  readonly columns: readonly Column[];
  /** Identifiers that so many hold that they tell nobody apart, by hash; left out of the rows. */
  readonly placeholders: readonly { readonly hash: number; readonly people: number }[];
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

/** A field under way: of each person as many numbers of values as it has slots. */
export class Filling {
  readonly field: Field;
  readonly values: Values;
  /** Whether anybody has a value. */
  any = false;
  readonly #ids = new GrowingInts();

  constructor(field: Field, values: Values) {
    this.field = field;
    this.values = values;
  }

  /** Numbers of all people's values. */
  get ids(): Int32Array {
    return this.#ids.taken();
  }

  /** Notes the only value of the next person; 0 for none. */
  one(id: number): void {
    this.#ids.push(id);
    for (let slot = 1; slot < this.field.slots; slot++) this.#ids.push(0);
    if (id !== 0) this.any = true;
  }

  /** Notes the values of the next person: different ones, as many as there is room for. */
  several(ids: readonly number[]): void {
    const { slots } = this.field;
    const from = this.#ids.size;
    for (let at = 0; at < ids.length && this.#ids.size - from < slots; at++) {
      const id = ids[at]!;
      if (id === 0 || ids.indexOf(id) < at) continue;
      this.#ids.push(id);
      this.any = true;
    }
    this.upTo(from / slots + 1);
  }

  /** Notes that people have no value, until it is so many. */
  upTo(people: number): void {
    while (this.#ids.size < people * this.field.slots) this.#ids.push(0);
  }
}

/** A registry under way: people are added in their order. */
export class RegistryBuilder {
  readonly #spaces = new Map<string, Values>();
  readonly #known: ReadonlyMap<string, Filling>;
  readonly #texts = new Map<string, Filling>();
  readonly #households = new Values('nothing');
  readonly #districts = new Values('nothing');
  readonly #household = new GrowingInts();
  readonly #district = new GrowingInts();
  /** Bit 0: from the second registry; bit 1: the name was written in another script than Latin. */
  readonly #marks = new GrowingInts();
  #size = 0;

  constructor() {
    this.#known = new Map(KNOWN_FIELDS.map((field) => [field.name, this.#fill(field)]));
  }

  #fill(field: Field): Filling {
    const values = this.#spaces.get(field.space) ?? new Values(DERIVED[field.kind]);
    this.#spaces.set(field.space, values);
    return new Filling(field, values);
  }

  /** A field that every installation knows. */
  field(name: string): Filling {
    return this.#known.get(name)!;
  }

  /** A field of text, new or known, ready for the next person. */
  text(name: string): Filling {
    const known = this.#texts.get(name) ?? this.#fill(textField(name, SHARED_TEXT.test(name)));
    this.#texts.set(name, known);
    known.upTo(this.#size);
    return known;
  }

  /** How many people were added. */
  get size(): number {
    return this.#size;
  }

  household(text: string): number {
    return this.#households.id(text);
  }

  district(text: string): number {
    return this.#districts.id(text);
  }

  add(person: Person): void {
    const { name, birthDay, sex, identifiers, texts } = person;
    this.#one(GIVEN, name.given, name.native);
    this.#one(FAMILY, name.family, name.native);
    this.#several(OTHER, name.other, name.native);
    this.#one(BIRTH, birthDay === 0 ? '' : String(birthDay).padStart(8, '0'));
    this.#one(SEX, sex === 0 ? '' : String(sex));
    this.#several(
      IDENTIFIER,
      identifiers.map(({ system, value }) => `${system}${SYSTEM_END}${value}`),
    );
    this.#several(PHONE, person.phones);
    this.#several(EMAIL, person.emails);
    this.#one(HOUSE, person.houseNumber);
    this.#one(POSTAL, person.postalCode);
    this.#one(AREA, person.area);
    for (const key in texts) {
      if (texts[key] === '') continue;
      const field = this.text(key);
      field.one(field.values.id(texts[key]!));
    }
    this.end({
      household: this.household(householdOf(person)),
      district: this.district(person.district ?? ''),
      native: name.native,
      source: person.source,
    });
  }

  #one(name: string, text = '', native = false): void {
    const field = this.field(name);
    field.one(field.values.id(text, native));
  }

  #several(name: string, texts: readonly string[], native = false): void {
    const field = this.field(name);
    field.several(texts.map((text) => field.values.id(text, native)));
  }

  /** Ends a person, whose fields were filled; those that were not have no value. */
  end(person: {
    readonly household: number;
    readonly district: number;
    readonly native: boolean;
    readonly source: 0 | 1;
  }): void {
    this.#household.push(person.household);
    this.#district.push(person.district);
    this.#marks.push(person.source | (person.native ? 2 : 0));
    this.#size++;
  }

  /** The registry of all who were added. */
  build(): Registry {
    const texts = [...this.#texts].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, of]) => of);
    const taken = [...this.#known.values(), ...texts].filter(({ any }) => any);
    for (const field of taken) field.upTo(this.#size);
    const tables = new Map([...this.#spaces].map(([space, values]) => [space, values.table()]));
    const width = taken.reduce((so, { field }) => so + field.slots, 0);
    const rows = new Int32Array(this.#size * width);
    let at = 0;
    const columns = taken.map(({ field, ids }): Column => {
      const from = at;
      at += field.slots;
      place(ids, field.slots, rows, { from, width });
      return { field, at: from, values: tables.get(field.space)! };
    });
    const identifiers = columns.find(({ field }) => field.name === IDENTIFIER);
    const placeholders = identifiers ? dropPlaceholders(rows, width, identifiers) : [];
    const marks = this.#marks.taken();
    const districts = this.#districts.table();
    return {
      size: this.#size,
      width,
      rows,
      columns,
      placeholders,
      household: this.#household.taken(),
      households: this.#households.size - 1,
      district: this.#district.taken(),
      districts: Array.from({ length: districts.size }, (_, id) =>
        id === 0 ? 'unknown' : textOf(districts, id),
      ),
      native: Uint8Array.from(marks, (mark) => mark >> 1),
      source: Uint8Array.from(marks, (mark) => mark & 1),
    };
  }
}

/** The household within its registry: two registries number theirs each by itself. */
const householdOf = ({ household, source }: Person): string =>
  household && source === 1 ? `\u0001${household}` : (household ?? '');

/** Writes the numbers of a field into rows. */
function place(
  ids: Int32Array,
  slots: number,
  rows: Int32Array,
  { from, width }: { readonly from: number; readonly width: number },
): void {
  for (let slot = 0; slot < slots; slot++) {
    for (let at = slot, to = from + slot; at < ids.length; at += slots, to += width) {
      rows[to] = ids[at]!;
    }
  }
}

/** Takes out values that so many hold that they tell nobody apart; answers which. */
function dropPlaceholders(
  rows: Int32Array,
  width: number,
  { at, field, values }: Column,
): Registry['placeholders'] {
  const holders = new Int32Array(values.size);
  for (let row = at; row < rows.length; row += width) {
    for (let slot = 0; slot < field.slots; slot++) holders[rows[row + slot]!]!++;
  }
  for (let row = at; row < rows.length; row += width) {
    let kept = row;
    for (let slot = 0; slot < field.slots; slot++) {
      const id = rows[row + slot]!;
      rows[row + slot] = 0;
      if (id !== 0 && holders[id]! <= HOLDERS_MAX) rows[kept++] = id;
    }
  }
  holders[0] = 0;
  const dropped: { hash: number; people: number }[] = [];
  holders.forEach((people, id) => {
    if (people > HOLDERS_MAX) dropped.push({ hash: values.hash[id]!, people });
  });
  return dropped;
}

/** The registry of these people, in their order. */
export function registryOf(people: readonly Person[]): Registry {
  const builder = new RegistryBuilder();
  for (const person of people) builder.add(person);
  return builder.build();
}

/** The column of a field, if the registry has it. */
export const columnOf = (registry: Registry, name: string): Column | undefined =>
  registry.columns.find(({ field }) => field.name === name);
