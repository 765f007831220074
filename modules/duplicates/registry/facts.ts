/**
 * The compared facts of a person as the database keeps them: a short text that is the same as long
 * as nothing changes that matters, and its fingerprint.
 */

import { createHash } from 'node:crypto';
import type { Person } from '../matching/registry.ts';

/** Where a person lives and with whom, as the household says; kept beside the facts. */
export interface Home {
  readonly householdId: bigint | null;
  /** `L:` and the rid of a Location. Null: only the person's own address is known. */
  readonly area: string | null;
}

/** The facts as text: a JSON array without names of fields. */
export function factsOf(person: Person): string {
  const { name } = person;
  return JSON.stringify([
    name.given,
    name.family,
    name.other,
    name.native ? 1 : 0,
    person.birthDay,
    person.sex,
    person.phones,
    person.emails,
    person.identifiers.map(({ system, value }) => [system, value]),
    person.postalCode ?? '',
    person.district ?? '',
    person.area ?? '',
    person.texts,
  ]);
}

type Packed = [
  string,
  string,
  string[],
  0 | 1,
  number,
  0 | 1 | 2,
  string[],
  string[],
  [string, string][],
  string,
  string,
  string,
  Record<string, string>,
];

/** The person of a text written by `factsOf`, at home where the household is. */
export function personFrom(facts: string, { householdId, area }: Home): Person {
  const packed = JSON.parse(facts) as Packed;
  const identifiers = packed[8];
  const person: Writable<Person> = {
    name: { given: packed[0], family: packed[1], other: packed[2], native: packed[3] === 1 },
    birthDay: packed[4],
    sex: packed[5],
    phones: packed[6],
    emails: packed[7],
    identifiers: identifiers.length === 0 ? NONE : identifiers.map(identifierOf),
    postalCode: packed[9],
    district: packed[10],
    texts: packed[12],
    source: 0,
  };
  const lives = area ?? packed[11];
  if (lives) person.area = lives;
  if (householdId !== null) person.household = String(householdId);
  return person;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const NONE: Person['identifiers'] = [];
const identifierOf = ([system, value]: readonly [string, string]) => ({ system, value });

/** A short hash of the compared facts of a pair: it changes when either does. */
export function fingerprint(one: string, other: string): string {
  return createHash('sha256').update(`${one}\n${other}`).digest('hex').slice(0, 16);
}
