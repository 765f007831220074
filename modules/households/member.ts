/**
 * A member as the room sees one: what a Patient says about sex, age, death and disability.
 *
 * A birth date may be a year or a month only; it is kept as the first and last day it can mean, so
 * that a rule about age answers yes, no, or "cannot be known", and never guesses.
 *
 * Spec: https://hl7.org/fhir/R4/patient.html
 */

import type { Patient } from '@medplum/fhirtypes';
import { codeIn, dayRange, declares, extensionOf } from '../../src/sdk/index.ts';
import { contactPhone } from './account.ts';
import { type Claim, claimsOf } from './identifier.ts';

/** Facts of a Patient. Days are `YYYY-MM-DD`; null is "not known". */
export interface MemberFacts {
  readonly id: string;
  readonly sex: string | null;
  readonly birthDate: string | null;
  readonly birthDateLast: string | null;
  readonly birthDatePrecision: 'day' | 'month' | 'year' | null;
  readonly disability: boolean | null;
  readonly deceased: boolean;
  readonly deceasedOn: string | null;
  readonly active: boolean;
  readonly phone: string | null;
  readonly identifiers: readonly Claim[];
}

/** True for a Patient that says itself that it is a member. Others become members by a Group. */
export function declaresMember(patient: Patient): boolean {
  return declares(patient, 'member');
}

/**
 * Reads the facts of a Patient.
 *
 * @param country  ISO 3166 code for phone numbers written nationally
 * @throws Problem `phone-scientific`
 */
export function readMember(patient: Patient, country: string | undefined): MemberFacts {
  const replaced = patient.link?.some((link) => link.type === 'replaced-by') ?? false;
  return {
    id: patient.id ?? '',
    sex: patient.gender ?? null,
    ...readBirthDate(patient.birthDate),
    disability: readDisability(patient),
    deceased: patient.deceasedBoolean === true || patient.deceasedDateTime !== undefined,
    deceasedOn: dayOf(patient.deceasedDateTime),
    active: patient.active !== false,
    phone: readPhone(patient, country),
    // A merged record leaves its identifiers to the one that replaced it.
    identifiers: replaced ? [] : claimsOf(patient.identifier),
  };
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
