/**
 * MAP.json: which column of a registry's file is what, so that any registry can be read.
 */

import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/min';
import type { Person } from '../matching/registry.ts';
import { emailOf, identifierOf, phoneOf } from '../normalize/contact.ts';
import { readBirthDay } from '../normalize/dates.ts';
import { fold } from '../normalize/fold.ts';
import { type NameOrder, namePartsOf } from '../normalize/names.ts';

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

export type Row = Readonly<Record<string, string>>;

const list = (columns: Columns | undefined): readonly string[] =>
  columns === undefined ? [] : typeof columns === 'string' ? [columns] : columns;

const MALE = ['m', 'male', 'man', '1'];
const FEMALE = ['f', 'female', 'woman', '2'];

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
  if (typeof map.id !== 'string')
    faults.push('The map needs "id", the column of the record\'s id.');
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
