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
  const [given, family, other, native, birthDay, sex, phones, emails, identifiers] = packed;
  const [postalCode, district, town, texts] = packed.slice(9) as [
    string,
    string,
    string,
    Record<string, string>,
  ];
  const lives = area ?? town;
  return {
    name: { given, family, other, native: native === 1 },
    birthDay,
    sex,
    phones,
    emails,
    identifiers: identifiers.map(([system, value]) => ({ system, value })),
    postalCode,
    district,
    texts,
    ...(lives && { area: lives }),
    ...(householdId !== null && { household: String(householdId) }),
    source: 0,
  };
}

/** A short hash of the compared facts of a pair: it changes when either does. */
export function fingerprint(one: string, other: string): string {
  return createHash('sha256').update(`${one}\n${other}`).digest('hex').slice(0, 16);
}
