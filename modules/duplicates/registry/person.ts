/**
 * A Patient as a person to be compared: what it says of name, birth, sex, telephones, identifiers
 * and address, normalised. Reads what was not validated, too: whatever has another form than FHIR's
 * says nothing.
 *
 * Spec: https://hl7.org/fhir/R4/patient.html
 */

import type { Address, ContactPoint, HumanName, Identifier, Patient } from '@medplum/fhirtypes';
import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/min';
import type { Person } from '../matching/registry.ts';
import { emailOf, identifierOf, phoneOf } from '../normalize/contact.ts';
import { readBirthDay } from '../normalize/dates.ts';
import { fold } from '../normalize/fold.ts';
import { namePartsOf } from '../normalize/names.ts';

/** Entries of one kind that are read of one Patient: more say nothing about who it is. */
const ENTRIES_MAX = 8;
const TEXT_MAX = 200;

/** Of several names, the one under which a person goes. */
const NAME_USES = [
  'official',
  'usual',
  undefined,
  'nickname',
  'anonymous',
  'temp',
  'maiden',
  'old',
];

function list<Item extends object>(value: readonly Item[] | undefined): readonly Item[] {
  if (!Array.isArray(value)) return [];
  const items: readonly Item[] = value;
  return items.filter((each) => typeof each === 'object' && each !== null).slice(0, ENTRIES_MAX);
}

/** Text as far as it is read; a cut through an emoji leaves no half of it, which PostgreSQL would refuse. */
const text = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, TEXT_MAX).toWellFormed().trim() : '';

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.slice(0, ENTRIES_MAX).map(text).filter(Boolean) : [];

/** Where a person lives, for keys and comparison: a town's name, told apart from Locations. */
export const townArea = (city: string): string => `c:${city}`;
/** The same of a household's Location. */
export const locationArea = (id: string): string => `L:${id}`;

/**
 * The person of a Patient.
 *
 * @param country ISO 3166 code of telephones that are written without country code
 */
export function personOf(patient: Patient, country: string | undefined): Person {
  const telecom = list<ContactPoint>(patient.telecom);
  const address = list<Address>(patient.address).toSorted((x, y) => old(x) - old(y))[0];
  const region = regionOf(address, country);
  const values = (systems: readonly string[]): string[] =>
    telecom.filter(({ system }) => systems.includes(system ?? '')).map(({ value }) => text(value));
  const city = fold(text(address?.city));
  return {
    name: nameOf(list<HumanName>(patient.name)),
    birthDay: readBirthDay(text(patient.birthDate)),
    sex: patient.gender === 'male' ? 1 : patient.gender === 'female' ? 2 : 0,
    phones: values(['phone', 'sms']).flatMap((value) => phoneOf(value, region) ?? []),
    emails: values(['email']).flatMap((value) => emailOf(value) ?? []),
    identifiers: list<Identifier>(patient.identifier).flatMap(({ system, value }) => {
      const plain = identifierOf(text(value));
      return plain === undefined ? [] : [{ system: text(system), value: plain }];
    }),
    postalCode: fold(text(address?.postalCode)),
    district: fold(text(address?.district)),
    texts: addressTexts(address),
    ...(city && { area: townArea(city) }),
    source: 0,
  };
}

const old = ({ use }: Address): number => (use === 'old' || use === 'billing' ? 1 : 0);

/** The country of national numbers: where the person lives, else the installation's. */
function regionOf(address: Address | undefined, country: string | undefined) {
  const own = text(address?.country);
  return [own, country ?? ''].find((each): each is CountryCode => isSupportedCountry(each));
}

function nameOf(names: readonly HumanName[]): Person['name'] {
  const rank = ({ use }: HumanName): number => (NAME_USES.indexOf(use) + 9) % 9;
  const [first, ...others] = names.toSorted((x, y) => rank(x) - rank(y));
  const wordsOf = ({ given, family }: HumanName): string[] => [...texts(given), text(family)];
  const structured = first !== undefined && wordsOf(first).some(Boolean);
  const parts = namePartsOf(
    structured
      ? { given: texts(first.given), family: [text(first.family)].filter(Boolean) }
      : { full: text(first?.text) },
  );
  const known = new Set([parts.given, parts.family, ...parts.other]);
  const further = others
    .flatMap((each) => wordsOf(each).flatMap((word) => fold(word).split(' ')))
    .filter((word) => word !== '' && !known.has(word));
  return { ...parts, other: [...parts.other, ...new Set(further)].slice(0, 3) };
}

function addressTexts(address: Address | undefined): Record<string, string> {
  const [line1 = '', line2 = ''] = texts(address?.line);
  const found = {
    line1,
    line2,
    district: text(address?.district),
    state: text(address?.state),
  };
  return Object.fromEntries(
    Object.entries(found)
      .map(([name, value]) => [name, fold(value)] as const)
      .filter(([, value]) => value !== ''),
  );
}
