/**
 * Payment accounts and phone numbers as people and spreadsheets write them, made into one form:
 * E.164 for mobile numbers, capitals and digits for bank accounts.
 *
 * What a spreadsheet has damaged is refused, never guessed: 2.54712E+11 has lost digits for ever,
 * and a number that lost its leading zero may belong to somebody else. A number is checked for its
 * length only (`isPossible`), because operators open new ranges faster than tables follow.
 *
 * Sources: ITU-T E.164; ISO 13616 (IBAN, check digits ISO 7064 MOD 97-10).
 */

import {
  type CountryCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
} from 'libphonenumber-js';
import { problem } from '../../src/sdk/index.ts';

const SCIENTIFIC = /^\s*\d+(?:[.,]\d+)?\s*[eE]\s*\+?\s*\d+\s*$/;

/** How a number was damaged, or undefined. Scientific notation is never a phone number. */
export function isScientific(text: string): boolean {
  return SCIENTIFIC.test(text);
}

/**
 * A phone number in E.164 (`+254712345678`).
 *
 * @param country  ISO 3166 code for numbers written nationally; without one, `+` is required
 * @throws Problem `phone-scientific`, `phone-zero-lost`, `phone-malformed`
 */
export function normalisePhone(
  text: string,
  country: string | undefined,
  expression: string,
): string {
  if (isScientific(text)) {
    throw problem(
      'value',
      'phone-scientific',
      `"${text}" was turned into a decimal by a spreadsheet and has lost digits; ` +
        'send the number as text.',
      expression,
    );
  }
  const plain = text.trim().replace(/^00(?=[1-9])/, '+');
  const region = country && isSupportedCountry(country) ? (country as CountryCode) : undefined;
  if (region && lostZero(plain, region)) {
    throw problem(
      'value',
      'phone-zero-lost',
      `"${text}" lacks the leading zero or the country code; write it like +254712345678.`,
      expression,
    );
  }
  const parsed = parsePhoneNumberFromString(plain, region);
  if (!parsed?.isPossible()) {
    throw problem(
      'value',
      'phone-malformed',
      `"${text}" is not a phone number${region ? ` of ${region}` : ''}; ` +
        'write it with its country code, like +254712345678.',
      expression,
    );
  }
  return parsed.number;
}

/** True when a number is written nationally but without the prefix its country dials first. */
function lostZero(text: string, country: CountryCode): boolean {
  if (text.startsWith('+')) return false;
  const digits = text.replace(/\D/g, '');
  const national = parsePhoneNumberFromString(text, country)?.formatNational().replace(/\D/g, '');
  return national !== undefined && national !== digits && national.endsWith(digits);
}

/**
 * A phone number in E.164, or undefined when it cannot be read; only damage is refused.
 *
 * @throws Problem `phone-scientific`
 */
export function contactPhone(
  text: string,
  country: string | undefined,
  expression: string,
): string | undefined {
  if (isScientific(text)) return normalisePhone(text, country, expression);
  const region = country && isSupportedCountry(country) ? (country as CountryCode) : undefined;
  const plain = text.trim().replace(/^00(?=[1-9])/, '+');
  if (region && lostZero(plain, region)) return undefined;
  const parsed = parsePhoneNumberFromString(plain, region);
  return parsed?.isPossible() ? parsed.number : undefined;
}

/**
 * A bank account: capitals and digits without spaces; an IBAN's check digits are checked.
 *
 * @throws Problem `account-malformed`, `account-check-digits`
 */
export function normaliseBankAccount(text: string, expression: string): string {
  const plain = text.toUpperCase().replace(/[\s-]/g, '');
  if (isScientific(text) || !/^[A-Z0-9]{4,34}$/.test(plain)) {
    throw problem(
      'value',
      'account-malformed',
      `"${text}" is not a bank account number; send 4 to 34 letters and digits, as text.`,
      expression,
    );
  }
  if (/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(plain) && !ibanHolds(plain)) {
    throw problem(
      'value',
      'account-check-digits',
      `"${text}" reads as an IBAN but its check digits do not fit; compare it with the document.`,
      expression,
    );
  }
  return plain;
}

function ibanHolds(iban: string): boolean {
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) =>
    String(letter.charCodeAt(0) - 55),
  );
  let rest = 0;
  for (const digit of digits) rest = (rest * 10 + Number(digit)) % 97;
  return rest === 1;
}
