/**
 * MAP.json: which column of a registry's file is what, so that any registry can be read.
 */

import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/min';
import type { Person } from '../matching/registry.ts';
import { emailOf, identifierOf, phoneOf } from '../normalize/contact.ts';
import { readBirthDay } from '../normalize/dates.ts';
import { fold } from '../normalize/fold.ts';
import { type NameOrder, namePartsOf } from '../normalize/names.ts';
import type { Row, TextTable } from './table.ts';

type Columns = string | readonly string[];

/** Every key but `id` may be absent. */
export interface ColumnMap {
  readonly id: string;
  readonly given?: Columns;
  readonly family?: Columns;
  readonly fullName?: Columns;
  /** How full names are written; given first by default. */
  readonly nameOrder?: NameOrder;
  /** Columns are joined by "-"; format has y, M and d where the digits stand. */
  readonly birthDate?: { readonly columns: Columns; readonly format?: string };
  readonly sex?: {
    readonly column: string;
    readonly male?: readonly string[];
    readonly female?: readonly string[];
  };
  readonly phones?: Columns;
  /** Country of telephones written without it, as ISO 3166 code. */
  readonly country?: string;
  readonly emails?: Columns;
  readonly identifiers?: ReadonlyArray<{ readonly column: string; readonly system: string }>;
  readonly address?: {
    readonly houseNumber?: string;
    readonly line?: Columns;
    readonly city?: string;
    readonly district?: string;
    readonly state?: string;
    readonly postalCode?: string;
  };
  readonly household?: string;
  /** Further columns of text to compare. */
  readonly other?: Columns;
  /** Texts that mean "no value". */
  readonly missing?: readonly string[];
}

export type { Row } from './table.ts';

const list = (columns: Columns | undefined): readonly string[] =>
  columns === undefined ? [] : typeof columns === 'string' ? [columns] : columns;

const MALE = ['m', 'male', 'man', '1'];
const FEMALE = ['f', 'female', 'woman', '2'];

const KEYS =
  'id given family fullName nameOrder birthDate sex phones country emails identifiers address ' +
  'household other missing';
const PARTS = 'houseNumber line city district state postalCode';

const isColumns = (value: unknown): boolean =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.every((column) => typeof column === 'string'));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Short forms written out: one text where an object or a list is meant. */
function writtenOut(raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const map = { ...raw };
  if (isColumns(map.birthDate)) map.birthDate = { columns: map.birthDate };
  if (typeof map.sex === 'string') map.sex = { column: map.sex };
  if (typeof map.missing === 'string') map.missing = [map.missing];
  if (typeof map.identifiers === 'string') map.identifiers = [map.identifiers];
  if (Array.isArray(map.identifiers)) {
    map.identifiers = map.identifiers.map((each: unknown) =>
      typeof each === 'string' ? { column: each, system: each } : each,
    );
  }
  return map;
}

/** A map of columns from what JSON says, and what is wrong with it, as one sentence each. */
export function mapOf(json: unknown): { map: ColumnMap; faults: string[] } {
  const map = writtenOut(isRecord(json) ? json : {});
  const faults: string[] = [];
  const need = (right: boolean, what: string): void => {
    if (!right) faults.push(what);
  };
  const absentOr = (value: unknown, right: boolean): boolean => value === undefined || right;
  need(typeof map.id === 'string', 'The map needs "id", the column of the record\'s id.');
  for (const key of ['given', 'family', 'fullName', 'phones', 'emails', 'other', 'missing']) {
    need(absentOr(map[key], isColumns(map[key])), `"${key}" is a text or a list of texts.`);
  }
  const { birthDate, sex, identifiers, address } = map;
  const born = isRecord(birthDate) ? birthDate : {};
  need(absentOr(birthDate, isColumns(born.columns)), '"birthDate" has "columns" and "format".');
  need(
    absentOr(born.format, typeof born.format === 'string' && born.format.includes('y')),
    '"birthDate.format" has y, M and d where the digits stand, as in dd/MM/yyyy.',
  );
  const { column, male, female } = isRecord(sex) ? sex : ({} as Record<string, unknown>);
  need(
    absentOr(
      sex,
      typeof column === 'string' && [male, female].every((of) => absentOr(of, Array.isArray(of))),
    ),
    '"sex" has "column", and the lists "male" and "female".',
  );
  need(
    absentOr(
      identifiers,
      Array.isArray(identifiers) &&
        identifiers.every(
          (each) =>
            isRecord(each) && typeof each.column === 'string' && typeof each.system === 'string',
        ),
    ),
    '"identifiers" is a list of "column" with "system".',
  );
  need(
    absentOr(
      address,
      isRecord(address) &&
        Object.entries(address).every(
          ([part, of]) => PARTS.split(' ').includes(part) && isColumns(of),
        ),
    ),
    `"address" has columns by ${PARTS.replaceAll(' ', ', ')}.`,
  );
  need(
    absentOr(map.nameOrder, ['given-first', 'family-first'].includes(map.nameOrder as string)),
    '"nameOrder" is given-first or family-first.',
  );
  return { map: map as unknown as ColumnMap, faults };
}

/** Keys of a map that say nothing here: perhaps a slip of the pen. */
export const strangeKeys = (map: ColumnMap): string[] =>
  Object.keys(map)
    .filter((key) => !KEYS.split(' ').includes(key))
    .map((key) => `"${key}" is no key of a map; the keys are ${KEYS.replaceAll(' ', ', ')}.`);

/** Share of values from which on it is told that they were not understood. */
const UNREAD_MIN = 0.02;

/** What many values of a file were not understood as, with the first line of each. */
export function unreadOf(map: ColumnMap, { rows, lines }: TextTable): string[] {
  const missing = new Set(map.missing ?? ['']);
  const notes: string[] = [];
  const tell = (what: string, columns: readonly string[], isRead: (row: Row) => boolean): void => {
    const text = (row: Row): string => columns.map((column) => row[column] ?? '').join('-');
    const isGiven = (row: Row): boolean =>
      columns.some((column) => (row[column] ?? '') !== '' && !missing.has(row[column]!));
    const given = rows.filter(isGiven).length;
    const unread = rows.flatMap((row, at) => (isGiven(row) && !isRead(row) ? [at] : []));
    if (unread.length <= given * UNREAD_MIN) return;
    const [first] = unread;
    notes.push(
      `${unread.length} of ${given} values are no ${what}, the first in line ${lines[first!]} ` +
        `("${text(rows[first!]!).slice(0, 40)}"); they count as missing.`,
    );
  };
  const { id, birthDate, sex } = map;
  const some = { id, ...(birthDate && { birthDate }), ...(sex && { sex }), missing: [...missing] };
  const read = personReader(some, 0);
  if (map.birthDate) {
    const { columns, format = 'yyyy-MM-dd' } = map.birthDate;
    tell(`birth dates of the form ${format}`, list(columns), (row) => read(row).birthDay !== 0);
  }
  if (map.sex) {
    tell('sexes that the map names', [map.sex.column], (row) => read(row).sex !== 0);
  }
  return notes;
}

/** Columns that a map names and the file does not have, as one sentence each. */
export function faultsOf(map: ColumnMap, header: readonly string[]): string[] {
  const named = [
    map.id,
    ...[map.given, map.family, map.fullName, map.birthDate?.columns].flatMap(list),
    ...[map.phones, map.emails, map.other, map.household, map.sex?.column].flatMap(list),
    ...(map.identifiers ?? []).map(({ column }) => column),
    ...Object.values(map.address ?? {}).flatMap(list),
  ];
  const unknown = named.filter((column) => !header.includes(column));
  const faults = unknown.map(
    (column) => `The map names the column "${column}"; the file has: ${header.join(', ')}.`,
  );
  if (map.country !== undefined && !isSupportedCountry(map.country)) {
    faults.push(`"country" is an ISO 3166 code of two letters, not "${map.country}".`);
  }
  return faults;
}

/** A reader of rows as people. */
export function personReader(map: ColumnMap, source: 0 | 1): (row: Row) => Person {
  const missing = new Set(map.missing ?? ['']);
  const country = map.country as CountryCode | undefined;
  const get = (row: Row, column: string | undefined): string => {
    const text = column === undefined ? '' : (row[column] ?? '').trim();
    return missing.has(text) ? '' : text;
  };
  const all = (row: Row, columns: Columns | undefined): string[] =>
    list(columns)
      .map((column) => get(row, column))
      .filter((text) => text !== '');
  const sexOf = (row: Row): 0 | 1 | 2 => {
    const text = get(row, map.sex?.column);
    const is = (codes: readonly string[] | undefined, usual: readonly string[]): boolean =>
      codes ? codes.includes(text) : usual.includes(text.toLowerCase());
    if (is(map.sex?.male, MALE)) return 1;
    return is(map.sex?.female, FEMALE) ? 2 : 0;
  };
  const textsOf = (row: Row): Record<string, string> => {
    const { address } = map;
    const named: Array<readonly [string, string]> = [
      ...list(address?.line).map((column, at) => [`line${at + 1}`, get(row, column)] as const),
      ['city', get(row, address?.city)],
      ['district', get(row, address?.district)],
      ['state', get(row, address?.state)],
      ...list(map.other).map((column) => [`other:${column}`, get(row, column)] as const),
    ];
    return Object.fromEntries(
      named.map(([name, text]) => [name, fold(text)] as const).filter(([, text]) => text !== ''),
    );
  };
  return (row) => ({
    name: namePartsOf(
      {
        given: all(row, map.given),
        family: all(row, map.family),
        ...(map.fullName === undefined ? {} : { full: all(row, map.fullName).join(' ') }),
      },
      map.nameOrder,
    ),
    birthDay: birthDayOf(row, map, get),
    sex: sexOf(row),
    phones: all(row, map.phones).flatMap((text) => phoneOf(text, country) ?? []),
    emails: all(row, map.emails).flatMap((text) => emailOf(text) ?? []),
    identifiers: (map.identifiers ?? []).flatMap(({ column, system }) => {
      const value = identifierOf(get(row, column));
      return value === undefined ? [] : [{ system, value }];
    }),
    houseNumber: fold(get(row, map.address?.houseNumber)),
    postalCode: fold(get(row, map.address?.postalCode)),
    district: fold(get(row, map.address?.district)),
    texts: textsOf(row),
    household: get(row, map.household),
    source,
  });
}

function birthDayOf(row: Row, map: ColumnMap, get: (row: Row, column: string) => string): number {
  if (map.birthDate === undefined) return 0;
  const { columns, format } = map.birthDate;
  return readBirthDay(
    list(columns)
      .map((column) => get(row, column))
      .join('-'),
    format,
  );
}
