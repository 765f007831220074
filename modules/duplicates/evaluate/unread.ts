/**
 * What many values of a file were not understood as: a map that says dates are written otherwise than
 * they are would find nobody, without a word.
 */

import type { Person } from '../matching/registry.ts';
import { type ColumnMap, type Columns, list } from './map.ts';
import { listed } from './table.ts';

/** Share of values from which on it is told that they were not understood. */
const UNREAD_MIN = 0.02;

/** One thing that is read of each row. */
interface Told {
  readonly what: string;
  readonly places: readonly number[];
  readonly isRead: (person: Person) => boolean;
  given: number;
  unread: number;
  /** The first value that was not understood, and its line. */
  first: string;
  line: number;
}

/** Counts values that were given and not understood. */
export class Unread {
  readonly #missing: ReadonlySet<string>;
  readonly #told: readonly Told[];

  constructor({ birthDate, sex, missing }: ColumnMap, header: readonly string[]) {
    this.#missing = new Set(missing);
    const told = (what: string, columns: Columns, isRead: Told['isRead']): Told => {
      const places = list(columns).map((column) => header.indexOf(column));
      return { what, places, isRead, given: 0, unread: 0, first: '', line: 0 };
    };
    this.#told = [
      ...(birthDate
        ? [
            told(
              `birth dates of the form ${birthDate.format ?? 'yyyy-MM-dd'}`,
              birthDate.columns,
              ({ birthDay }) => birthDay !== 0,
            ),
          ]
        : []),
      ...(sex ? [told('sexes that the map names', sex.column, (person) => person.sex !== 0)] : []),
    ];
  }

  /** A row as it stands, as it was read, and its line. */
  see(values: readonly string[], person: Person, line: number): void {
    for (const told of this.#told) {
      const isRead = told.isRead(person);
      if (!isRead && !told.places.some((place) => this.#isGiven(values[place]))) continue;
      told.given++;
      if (isRead || told.unread++ > 0) continue;
      told.first = told.places.map((place) => (values[place] ?? '').trim()).join('-');
      told.line = line;
    }
  }

  #isGiven(value = ''): boolean {
    const text = value.trim();
    return text !== '' && !this.#missing.has(text);
  }

  /** What was not understood, a sentence each. */
  notes(): string[] {
    return this.#told
      .filter(({ given, unread }) => unread > given * UNREAD_MIN)
      .map(
        ({ what, given, unread, first, line }) =>
          `${unread} of ${given} values are no ${what}, the first in line ${line} ` +
          `("${listed([first])}"); they count as missing.`,
      );
  }
}
