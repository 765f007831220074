/**
 * Telephones, identifiers and electronic mail in the form in which they are compared.
 *
 * Placeholders are missing, not equal: a thousand people with the number 0000000 are not one.
 */

import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  Metadata,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/min';
import { asciiDigits, fold } from './fold.ts';

/** One repeated character, or counting up or down from 1, 0 or 9. */
function isPlaceholder(text: string): boolean {
  if (/^(.)\1*$/.test(text)) return true;
  return text.length >= 4 && ('01234567890'.includes(text) || '9876543210'.includes(text));
}

/** What may stand before a number within a country, by calling codes that are of one country alone. */
function prefixesByCallingCode(): ReadonlyMap<string, RegExp | undefined> {
  const byCode = Map.groupBy(getCountries(), (country) => `${getCountryCallingCode(country)}`);
  const metadata = new Metadata();
  const prefixes = new Map<string, RegExp | undefined>();
  for (const [code, [country, ...others]] of byCode) {
    if (country === undefined || others.length > 0) continue;
    metadata.selectNumberingPlan(country);
    const plan = metadata.numberingPlan as { nationalPrefixForParsing?: () => string | null };
    const prefix = plan.nationalPrefixForParsing?.();
    prefixes.set(code, prefix ? new RegExp(`^(?:${prefix})`) : undefined);
  }
  return prefixes;
}

let prefixes: ReturnType<typeof prefixesByCallingCode> | undefined;

const CALLING_CODE_MAX = 3;
const INTERNATIONAL = /^\+\d{5,19}$/;

/**
 * Whether a number with its calling code can be taken as it stands: nothing would be dropped from it,
 * whether it is possible or not. Asking the library for each takes twenty times as long.
 */
function isPlain(text: string): boolean {
  if (!INTERNATIONAL.test(text)) return false;
  prefixes ??= prefixesByCallingCode();
  for (let end = 2; end <= 1 + CALLING_CODE_MAX; end++) {
    const code = text.slice(1, end);
    if (prefixes.has(code)) return !prefixes.get(code)?.test(text.slice(end));
  }
  return false;
}

/** A telephone in E.164 if the country's plan allows it, else its digits; undefined if it says nothing. */
export function phoneOf(text: string, country?: CountryCode): string | undefined {
  if (isPlain(text)) return isPlaceholder(text.slice(1)) ? undefined : text;
  const digits = asciiDigits(text.slice(0, 60)).replaceAll(/[^\d+]/g, '');
  if (digits.replace('+', '').length < 5 || isPlaceholder(digits.replace('+', '')))
    return undefined;
  const parsed = digits.length <= 20 ? parsePhoneNumberFromString(digits, country) : undefined;
  return parsed?.isPossible() ? parsed.number : digits.slice(0, 20);
}

/** An identifier as upper-case letters and digits; undefined if it is a placeholder. */
export function identifierOf(text: string): string | undefined {
  const plain = fold(text).replaceAll(' ', '').toUpperCase().slice(0, 40);
  return plain.length < 2 || isPlaceholder(plain) ? undefined : plain;
}

/** An electronic address in lower case; undefined if it has no local part. */
export function emailOf(text: string): string | undefined {
  const plain = text.normalize('NFKC').trim().toLowerCase().slice(0, 120).toWellFormed();
  return /^[^@\s]+/.test(plain) && plain !== '@' ? plain : undefined;
}

/** The part of an electronic address that names the person. */
export const localPartOf = (email: string): string => email.split('@', 1)[0]!;
