/**
 * Rows of a registry's file as people, by the map of its columns.
 *
 * Names, dates and places come again and again: what a text was read as is remembered, as long as
 * that is worth its while.
 */

import type { CountryCode } from 'libphonenumber-js/min';
import type { Person } from '../matching/registry.ts';
import { emailOf, identifierOf, phoneOf } from '../normalize/contact.ts';
import { readBirthDay } from '../normalize/dates.ts';
import { fold } from '../normalize/fold.ts';
import { type ColumnMap, type Columns, columnsOf, list, type Row } from './map.ts';
import { nameReader } from './names.ts';
import { remembered } from './remembered.ts';

const MALE = ['m', 'male', 'man', '1'];
const FEMALE = ['f', 'female', 'woman', '2'];

/** Values of a row, in the order of the columns. */
type Values = readonly string[];
type Get = (row: Values) => string;
type GetAll = (row: Values) => readonly string[];

/** Readers of columns: a value without blanks around it, empty where it is missing. */
interface Columnwise {
  readonly one: (column: string | undefined) => Get;
  readonly all: (columns: Columns | undefined) => GetAll;
  /** Of several columns their texts with blanks between them. */
  readonly joined: (columns: Columns | undefined) => Get;
}

function columnwise({ missing }: ColumnMap, header: readonly string[]): Columnwise {
  const none = new Set(missing);
  const one = (column: string | undefined): Get => {
    const at = column === undefined ? -1 : header.indexOf(column);
    if (at < 0) return () => '';
    return (row) => {
      const text = (row[at] ?? '').trim();
      return none.has(text) ? '' : text;
    };
  };
  const all = (columns: Columns | undefined): GetAll => {
    const gets = list(columns).map(one);
    return (row) => {
      const texts: string[] = [];
      for (const get of gets) {
        const text = get(row);
        if (text !== '') texts.push(text);
      }
      return texts;
    };
  };
  const joined = (columns: Columns | undefined): Get => {
    if (columns === undefined || typeof columns === 'string') return one(columns);
    const get = all(columns);
    return (row) => get(row).join(' ');
  };
  return { one, all, joined };
}

function sexReader({ sex }: ColumnMap, get: Get): (row: Values) => 0 | 1 | 2 {
  const is = (
    text: string,
    codes: readonly string[] | undefined,
    usual: readonly string[],
  ): boolean => (codes ? codes.includes(text) : usual.includes(text.toLowerCase()));
  const read = remembered((text) =>
    is(text, sex?.male, MALE) ? 1 : is(text, sex?.female, FEMALE) ? 2 : 0,
  );
  return (row) => read(get(row));
}

function birthReader({ birthDate }: ColumnMap, { one }: Columnwise): (row: Values) => number {
  if (birthDate === undefined) return () => 0;
  const gets = list(birthDate.columns).map(one);
  const read = remembered((text) => readBirthDay(text, birthDate.format));
  return (row) => read(gets.map((get) => get(row)).join('-'));
}

/** Texts that are compared as such, by the names of their fields. */
function textsReader(
  { address, other }: ColumnMap,
  { joined }: Columnwise,
): (row: Values) => Person['texts'] {
  const named: Array<readonly [string, Columns | undefined]> = [
    ...list(address?.line).map((column, at) => [`line${at + 1}`, column] as const),
    ['city', address?.city],
    ['district', address?.district],
    ['state', address?.state],
    ...list(other).map((column) => [`other:${column}`, column] as const),
  ];
  const fields = named
    .filter(([, column]) => column !== undefined)
    .map(([name, column]) => ({ name, get: joined(column), read: remembered(fold) }));
  return (row) => {
    const texts: Record<string, string> = {};
    for (const { name, get, read } of fields) {
      const text = read(get(row));
      if (text !== '') texts[name] = text;
    }
    return texts;
  };
}

/** A reader of rows whose values stand in the order of the header. */
export function valuesReader(
  map: ColumnMap,
  header: readonly string[],
  source: 0 | 1,
): (row: Values) => Person {
  const columns = columnwise(map, header);
  const { one, all, joined } = columns;
  const { fullName, nameOrder, address } = map;
  const nameOf = nameReader(nameOrder);
  const [given, family, full] = [all(map.given), all(map.family), all(fullName)];
  const [sexOf, birthDayOf] = [sexReader(map, one(map.sex?.column)), birthReader(map, columns)];
  const [phones, emails] = [all(map.phones), all(map.emails)];
  const phone = remembered((text) => phoneOf(text, map.country as CountryCode | undefined) ?? []);
  const identifiers = (map.identifiers ?? []).map(({ column, system }) => ({
    system,
    get: one(column),
  }));
  const folded = (column: Columns | undefined): Get => {
    const [get, read] = [joined(column), remembered(fold)];
    return (row) => read(get(row));
  };
  const [houseNumber, postalCode] = [folded(address?.houseNumber), folded(address?.postalCode)];
  const [district, household] = [folded(address?.district), one(map.household)];
  const texts = textsReader(map, columns);
  return (row) => ({
    name: nameOf(given(row), family(row), fullName && full(row).join(' ')),
    birthDay: birthDayOf(row),
    sex: sexOf(row),
    phones: phones(row).flatMap(phone),
    emails: emails(row).flatMap((text) => emailOf(text) ?? []),
    identifiers: identifiers.flatMap(({ system, get }) => {
      const value = identifierOf(get(row));
      return value === undefined ? [] : [{ system, value }];
    }),
    houseNumber: houseNumber(row),
    postalCode: postalCode(row),
    district: district(row),
    texts: texts(row),
    household: household(row),
    source,
  });
}

/** A reader of rows as people. */
export function personReader(map: ColumnMap, source: 0 | 1): (row: Row) => Person {
  const columns = columnsOf(map);
  const read = valuesReader(map, columns, source);
  return (row) => read(columns.map((column) => row[column] ?? ''));
}
