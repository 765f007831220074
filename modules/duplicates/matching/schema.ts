/**
 * What of a person is compared: fields, their kinds, and the levels of agreement of each kind.
 *
 * A level is a small number, the higher the more alike; what is missing on either side has no level
 * and weighs nothing. An identifier that differs by a neighbour's number has a level of its own,
 * outside the order: consecutive cards go to twins and spouses.
 */

export type Kind =
  | 'name' // one word of a name
  | 'names' // further words of a name, compared as a set
  | 'date' // birth day
  | 'identifier' // within one system
  | 'number' // telephone, postal code
  | 'text' // address line, town, electronic mail
  | 'house' // number of a house
  | 'code'; // sex, area: equal or not

/** Levels of each kind, without those outside the order. */
export const LEVELS: Readonly<Record<Kind, number>> = {
  name: 6,
  names: 6,
  date: 6,
  identifier: 4,
  number: 4,
  text: 4,
  house: 3,
  code: 2,
};

/** The level of identifiers that are neighbours; it stands after the ordered ones. */
export const ADJACENT = LEVELS.identifier;

/** The level of names that sound alike. */
export const ALIKE = 4;

/** Names more alike than this are not tried in the other order. */
export const CROSSED_LEVEL_MAX = 2;

/**
 * The level of birth days of which one is but a year, and the other of that year; it stands after the
 * ordered ones. Most such pairs of one person are guesses, which slips of two digits must not share.
 */
export const YEAR_ONLY = LEVELS.date;

/**
 * The level of birth days of which both are the same year and no more. One person is seldom guessed
 * at twice, so that this says less than an equal day, the more so as strangers have it in common.
 */
export const YEARS_EQUAL = LEVELS.date + 1;

/**
 * The level of family names of which one stands among the other's further names: where a father's name is
 * left out, the family's takes its place.
 */
export const MOVED = LEVELS.name;

/** Levels of a kind, those outside the order included. */
export const levelsOf = (kind: Kind): number => LEVELS[kind] + (OUTSIDE[kind] ?? 0);

const OUTSIDE: Readonly<Partial<Record<Kind, number>>> = { name: 1, identifier: 1, date: 2 };

/** No level: the value is missing on either side. */
export const MISSING = -1;

export interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** Values that are kept of one person. */
  readonly slots: number;
  /** Whether members of one household have it in common. */
  readonly shared: boolean;
  /** Whether two of its values that are equal say more the rarer they are; 1 whole, 0.5 half. */
  readonly rarity: number;
  /** The dictionary in which its values stand. */
  readonly space: string;
}

export const GIVEN = 'given';
export const FAMILY = 'family';
export const OTHER = 'other';
export const BIRTH = 'birthDate';
export const SEX = 'sex';
export const IDENTIFIER = 'identifier';
export const PHONE = 'phone';
export const EMAIL = 'email';
export const HOUSE = 'houseNumber';
export const POSTAL = 'postalCode';
export const AREA = 'area';

const field = (
  name: string,
  kind: Kind,
  slots: number,
  shared: boolean,
  rarity: number,
  space = name,
): Field => ({ name, kind, slots, shared, rarity, space });

/** Fields that every installation knows; a registry uses those that it has. */
export const KNOWN_FIELDS: readonly Field[] = [
  field(GIVEN, 'name', 1, false, 1, 'name'),
  field(FAMILY, 'name', 1, true, 1, 'name'),
  field(OTHER, 'names', 3, false, 1, 'name'),
  field(BIRTH, 'date', 1, false, 1),
  field(SEX, 'code', 1, false, 0),
  field(IDENTIFIER, 'identifier', 3, false, 0),
  field(PHONE, 'number', 3, true, 1),
  field(EMAIL, 'text', 2, false, 1),
  field(HOUSE, 'house', 1, true, 0.5),
  field(POSTAL, 'number', 1, true, 1),
  field(AREA, 'code', 1, true, 1),
];

/** A field of text that only some registries have (address lines, towns, a mother's name). */
export const textField = (name: string, shared: boolean): Field =>
  field(name, 'text', 1, shared, shared ? 0.5 : 1, `text:${name}`);
