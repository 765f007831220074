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
  /** As many as `sizes` has of each; what stands behind them is old. */
  readonly many: readonly Int32Array[];
  readonly sizes: Int32Array;
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

/**
 * Writes the distinct keys of a person under a rule, and says where the next may stand. A key with
 * a missing part does not exist.
 */
export function writeKeys(rule: number, of: Parts, into: Int32Array, from: number): number {
  const { lists, parts, slots, unordered } = RULES[rule]!;
  const { one, many, sizes } = of;
  for (let part = 0; part < parts.length; part++) if (one[parts[part]!] === 0) return from;
  const firsts = lists.length > 0 ? sizes[lists[0]!]! : 1;
  const seconds = lists.length > 1 ? sizes[lists[1]!]! : 1;
  let at = from;
  for (let i = 0; i < firsts; i++) {
    for (let j = 0; j < seconds; j++) {
      let key = mix(rule + 1);
      const a = lists.length > 0 ? many[lists[0]!]![i]! : 0;
      const b = lists.length > 1 ? many[lists[1]!]![j]! : 0;
      const swapped = unordered && b < a;
      if (lists.length > 0) key = join(key, swapped ? b : a);
      if (lists.length > 1) key = join(key, swapped ? a : b);
      for (let part = 0; part < parts.length; part++) key = join(key, one[parts[part]!]!);
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

/** Where a part of a person is read: the value at a place of the row, and what is derived of it. */
interface Source {
  readonly at: number;
  /** The part by the number of the value; 0 of "none". */
  readonly of: Int32Array;
}

/** Where all parts of a registry's people are read; by their places in `Parts`. */
export interface Sources {
  readonly one: readonly (Source | undefined)[];
  readonly many: readonly (readonly Source[])[];
}

const LETTERS = ['letter1', 'letter2', 'skeleton3'] as const;

/** Where the parts of a registry are read. */
export function sourcesOf(registry: Registry): Sources {
  const column = (name: string): Column | undefined =>
    registry.columns.find(({ field }) => field.name === name);
  const one = new Map<One, Source>();
  const many = new Map<Many, readonly Source[]>();
  const put = (
    part: One,
    of: Column | undefined,
    table: (values: ValueTable) => Int32Array,
  ): void => {
    if (of !== undefined) one.set(part, { at: of.at, of: table(of.values) });
  };
  const hash = ({ hash }: ValueTable): Int32Array => hash;
  for (const part of ['given', 'family'] as const) {
    const of = column(part);
    for (const [place, letters] of LETTERS.entries()) {
      put(`${part}${(place + 1) as 1 | 2 | 3}`, of, (values) => values[letters]);
    }
    const skeletons = of ? [of.values.skeleton1, of.values.skeleton2] : [];
    many.set(
      part,
      skeletons.map((table) => ({ at: of!.at, of: table })),
    );
  }
  for (const [part, derive] of Object.entries(DATE_PARTS)) {
    put(part as One, column(BIRTH), ({ days }) => days.map(derive));
  }
  put('sex', column(SEX), hash);
  put('area', column(AREA) ?? column('city'), (of) =>
    of.derived === 'words' ? of.skeleton1 : of.hash,
  );
  put('postal', column(POSTAL), hash);
  put('house', column(HOUSE), hash);
  const slots = (of: Column | undefined, table: (values: ValueTable) => Int32Array): Source[] => {
    const derived = of && table(of.values);
    return Array.from({ length: of?.field.slots ?? 0 }, (_, slot) => ({
      ...{ at: of!.at + slot, of: derived! },
    }));
  };
  many.set('phones', slots(column(PHONE), hash));
  many.set('identifiers', slots(column(IDENTIFIER), hash));
  many.set('emails', slots(column(EMAIL), accountsOf));
  many.set(
    'lines',
    LINES.flatMap((line) => slots(column(line), soundOf)),
  );
  return {
    one: ONE.map((part) => one.get(part)),
    many: MANY.map((part) => many.get(part) ?? []),
  };
}

/** Of electronic addresses, what stands before the @. */
const accountsOf = (values: ValueTable): Int32Array =>
  Int32Array.from({ length: values.size }, (_, id) =>
    hashText(textOf(values, id).split('@', 1)[0]!),
  );

/** Of lines of an address, the skeleton. */
const soundOf = ({ skeleton1, skeleton2 }: ValueTable): Int32Array =>
  skeleton1.map((skeleton, id) => skeleton || skeleton2[id]!);

/** Parts of a birth day, yyyymmdd. */
const DATE_PARTS: Readonly<Partial<Record<One, (day: number) => number>>> = {
  year: (day) => Math.floor(day / 10_000),
  month: (day) => Math.floor((day % 10_000) / 100),
  monthDay: (day) => day % 10_000,
  date: (day) => (day >= 10_000 && day % 10_000 !== 0 ? day : 0),
  anyDate: (day) => day,
};

/**
 * Of each person, the parts that keys are made of, or those of one rule alone. The object that is
 * handed out is the same each time, since a national registry is read in seconds.
 */
export function partsReader(
  { rows, width }: Registry,
  sources: Sources,
  rule?: number,
): (row: number) => Parts {
  const wanted = rule === undefined ? undefined : RULES[rule]!;
  const one = new Int32Array(ONE.length);
  const many = sources.many.map((of) => new Int32Array(of.length));
  const sizes = new Int32Array(many.length);
  const places = [...(wanted?.parts ?? ONE.keys())].filter((part) => sources.one[part]);
  const singles = places.map((part) => sources.one[part]!);
  const lists = [...(wanted?.lists ?? MANY.keys())];
  const parts: Parts = { one, many, sizes };
  return (row) => {
    const from = row * width;
    for (let at = 0; at < singles.length; at++) {
      const source = singles[at]!;
      one[places[at]!] = source.of[rows[from + source.at]!]!;
    }
    for (let at = 0; at < lists.length; at++) {
      const list = lists[at]!;
      const into = many[list]!;
      const found = sources.many[list]!;
      let size = 0;
      for (let each = 0; each < found.length; each++) {
        const source = found[each]!;
        const part = source.of[rows[from + source.at]!]!;
        if (part !== 0) into[size++] = part;
      }
      sizes[list] = size;
    }
    return parts;
  };
}

/** Whether a registry can have keys under a rule at all. */
export const isPossible = ({ one, many }: Sources, rule: number): boolean =>
  RULES[rule]!.parts.every((part) => one[part]) &&
  RULES[rule]!.lists.every((list) => many[list]!.length > 0);

/**
 * Gives the keys of each person of a registry; the same whoever else stands in it, for they are
 * stored.
 */
export function keyReader(registry: Registry): (row: number) => readonly number[] {
  const parts = partsReader(registry, sourcesOf(registry));
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
