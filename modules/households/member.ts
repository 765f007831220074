/**
 * A member as the room sees one: what a Patient says about sex, age, death and disability.
 *
 * A birth date may be a year or a month only; it is kept as the first and last day it can mean, so
 * that a rule about age answers yes, no, or "cannot be known", and never guesses.
 *
 * Spec: https://hl7.org/fhir/R4/patient.html
 */

import type { Extension, Patient } from '@medplum/fhirtypes';
import {
  codeIn,
  dayRange,
  declares,
  extensionOf,
  extensionsOf,
  partOf,
} from '../../src/sdk/index.ts';
import { contactPhone } from './account.ts';
import { type Claim, claimsOf } from './identifier.ts';

/** What rules ask of a Patient. Days are `YYYY-MM-DD`; null is "not known". */
export interface RuleFacts {
  readonly sex: string | null;
  readonly birthDate: string | null;
  readonly birthDateLast: string | null;
  readonly birthDatePrecision: 'day' | 'month' | 'year' | null;
  readonly disability: boolean | null;
  /** Facts that rules may ask for, by code; null where there are none. */
  readonly facts: MemberFactValues | null;
  readonly deceased: boolean;
  readonly deceasedOn: string | null;
}

/** Facts of a Patient. */
export interface MemberFacts extends RuleFacts {
  readonly id: string;
  readonly active: boolean;
  readonly phone: string | null;
  readonly identifiers: readonly Claim[];
}

/** Extension of a Patient with a fact that may have a period. */
const MEMBER_FACT = 'member-characteristic';

/** Numbers, yes or no; codes and days as text. */
export type MemberFactValues = Readonly<Record<string, number | boolean | string>>;

/** True for a Patient that says itself that it is a member. Others become members by a Group. */
export function declaresMember(patient: Patient): boolean {
  return declares(patient, 'member');
}

/**
 * Reads the facts of a Patient.
 *
 * @param country  ISO 3166 code for phone numbers written nationally
 * @param today  `YYYY-MM-DD`; facts with a period count while it lasts
 * @throws Problem `phone-scientific`
 */
export function readMember(
  patient: Patient,
  country: string | undefined,
  today: string,
): MemberFacts {
  const replaced = patient.link?.some((link) => link.type === 'replaced-by') ?? false;
  return {
    id: patient.id ?? '',
    ...ruleFacts(patient, today),
    active: patient.active !== false,
    phone: readPhone(patient, country),
    // A merged record leaves its identifiers to the one that replaced it.
    identifiers: replaced ? [] : claimsOf(patient.identifier),
  };
}

function ruleFacts(patient: Patient, today: string): RuleFacts {
  return {
    sex: patient.gender ?? null,
    ...readBirthDate(patient.birthDate),
    disability: readDisability(patient),
    facts: readFacts(patient, today),
    deceased: patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined,
    deceasedOn: dayOf(patient.deceasedDateTime),
  };
}

/** True when two versions of a Patient say the same of what rules ask, whatever the day. */
export function sameForRules(one: Patient, other: Patient): boolean {
  const dated = [one, other].some((each) => extensionsOf(each, MEMBER_FACT).length > 0);
  return !dated && sameText(ruleFacts(one, ''), ruleFacts(other, ''));
}

/** True when two versions claim the same identifiers; false where that is not plain to see. */
export function sameClaims(one: Patient, other: Patient): boolean {
  return sameText(one.identifier, other.identifier) && sameText(one.link, other.link);
}

/** By their text: comparing such small values element by element costs several times as much. */
function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** First and last day a FHIR date can mean: `2001` → 2001-01-01 … 2001-12-31. */
export function readBirthDate(
  text: string | undefined,
): Pick<MemberFacts, 'birthDate' | 'birthDateLast' | 'birthDatePrecision'> {
  if (!text) return { birthDate: null, birthDateLast: null, birthDatePrecision: null };
  const { first, last } = dayRange(text);
  const birthDatePrecision = text.length === 10 ? 'day' : text.length === 7 ? 'month' : 'year';
  return { birthDate: first, birthDateLast: last, birthDatePrecision };
}

function dayOf(dateTime: string | undefined): string | null {
  return dateTime && dateTime.length >= 10 ? dateTime.slice(0, 10) : null;
}

const NO_DISABILITY = new Set(['none', 'no', 'false']);

function readDisability(patient: Patient): boolean | null {
  const extension = extensionOf(patient, 'disability');
  if (!extension) return null;
  if (extension.valueBoolean !== undefined) return extension.valueBoolean;
  const code = codeIn(extension);
  if (code === undefined || code === 'unknown') return null;
  return !NO_DISABILITY.has(code);
}

/** Facts in force; of several values of one code, the one that began last. */
function readFacts(patient: Patient, today: string): MemberFactValues | null {
  const facts = new Map<string, { value: number | boolean | string; since: string }>();
  for (const extension of extensionsOf(patient, MEMBER_FACT)) {
    const code = codeIn(partOf(extension, 'code'));
    const value = factIn(partOf(extension, 'value'));
    const { start = '', end } = partOf(extension, 'period')?.valuePeriod ?? {};
    const coming = start !== '' && dayRange(start).first > today;
    const over = end !== undefined && dayRange(end).last < today;
    if (code === undefined || value === undefined || coming || over) continue;
    if (start >= (facts.get(code)?.since ?? '')) facts.set(code, { value, since: start });
  }
  if (facts.size === 0) return null;
  return Object.fromEntries([...facts].map(([code, { value }]) => [code, value]));
}

function factIn(part: Extension | undefined): number | boolean | string | undefined {
  const number = part?.valueDecimal ?? part?.valueInteger ?? part?.valueQuantity?.value;
  return number ?? part?.valueBoolean ?? part?.valueDate ?? codeIn(part);
}

function readPhone(patient: Patient, country: string | undefined): string | null {
  const own = patient.address?.find((each) => /^[A-Z]{2}$/.test(each.country ?? ''))?.country;
  const phones = (patient.telecom ?? [])
    .map((telecom, index) => ({ telecom, index }))
    .filter(({ telecom }) => telecom.system === 'phone' || telecom.system === 'sms')
    .filter(({ telecom }) => telecom.value && telecom.use !== 'old')
    .map(({ telecom, index }) => ({
      mobile: telecom.use === 'mobile' || telecom.system === 'sms',
      rank: telecom.rank ?? 99,
      number: contactPhone(telecom.value ?? '', country ?? own, `Patient.telecom[${index}].value`),
    }))
    .filter((phone) => phone.number !== undefined);
  phones.sort((a, b) => Number(b.mobile) - Number(a.mobile) || a.rank - b.rank);
  return phones[0]?.number ?? null;
}
