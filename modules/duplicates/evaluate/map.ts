/**
 * MAP.json: which column of a registry's file is what, so that any registry can be read.
 */

import { isSupportedCountry } from 'libphonenumber-js/min';
import type { NameOrder } from '../normalize/names.ts';
import { listed } from './table.ts';

/** One column or several. */
export type Columns = string | readonly string[];

/** A line of a table, by column. */
export type Row = Readonly<Record<string, string>>;

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
    readonly houseNumber?: Columns;
    readonly line?: Columns;
    readonly city?: Columns;
    readonly district?: Columns;
    readonly state?: Columns;
    readonly postalCode?: Columns;
  };
  readonly household?: string;
  /** Further columns of text to compare. */
  readonly other?: Columns;
  /** Texts that mean "no value". */
  readonly missing?: readonly string[];
}

/** Columns as a list. */
export const list = (columns: Columns | undefined): readonly string[] =>
  columns === undefined ? [] : typeof columns === 'string' ? [columns] : columns;

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

/** The columns that a map names. */
export const columnsOf = (map: ColumnMap): string[] => [
  ...new Set([
    map.id,
    ...[map.given, map.family, map.fullName, map.birthDate?.columns].flatMap(list),
    ...[map.phones, map.emails, map.other, map.household, map.sex?.column].flatMap(list),
    ...(map.identifiers ?? []).map(({ column }) => column),
    ...Object.values(map.address ?? {}).flatMap(list),
  ]),
];

const quoted = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(', ');

/** What of a map does not fit a file: columns that it does not have, a country that there is not. */
export function faultsOf(map: ColumnMap, header: readonly string[]): string[] {
  const unknown = columnsOf(map).filter((column) => !header.includes(column));
  const faults: string[] = [];
  if (unknown.length > 0) {
    const [columns, names] = [unknown.length > 1 ? 'columns' : 'column', quoted(unknown)];
    faults.push(`The map names the ${columns} ${names}; the file has: ${listed(header)}.`);
  }
  if (map.country !== undefined && !isSupportedCountry(map.country)) {
    faults.push(`"country" is an ISO 3166 code of two letters, not "${map.country}".`);
  }
  return faults;
}
