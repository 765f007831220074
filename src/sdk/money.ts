/**
 * Money: a whole number of minor units and a currency; never a float.
 *
 * The exponent of a currency is ISO 4217's (BIF 0, KES 2, TND 3). FHIR carries money as a decimal,
 * so the edge converts text exactly and refuses what the currency cannot express.
 *
 * Spec: ISO 4217; https://hl7.org/fhir/R4/datatypes.html#Money
 */

import type { Money as FhirMoney } from '@medplum/fhirtypes';
import { problem } from './problem.ts';

/** An amount of `minor` minor units (cents) of `currency` (ISO 4217 letters). */
export interface Money {
  readonly minor: bigint;
  readonly currency: string;
}

/** ISO 4217 exponents that are not 2 (list one, 2026-01). */
const EXPONENT: Readonly<Record<string, number>> = {
  BHD: 3,
  BIF: 0,

  CLP: 0,
  DJF: 0,
  GNF: 0,
  IQD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  RWF: 0,
  TND: 3,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
};

const KNOWN = new Set(Intl.supportedValuesOf('currency'));

/** Decimal places of a currency. Raises a Problem when the code is not ISO 4217. */
export function currencyExponent(currency: string): number {
  if (!KNOWN.has(currency)) {
    throw problem(
      'code-invalid',
      'unknown-currency',
      `"${currency}" is not an ISO 4217 currency; use three capital letters such as KES.`,
    );
  }
  return EXPONENT[currency] ?? 2;
}

/** Makes Money; checks the currency. */
export function money(minor: bigint, currency: string): Money {
  currencyExponent(currency);
  return { minor, currency };
}

/**
 * Reads a decimal text ("12.50", "-3", "1e2" is refused) as minor units, exactly.
 *
 * @throws Problem `amount-malformed`, or `amount-too-precise` when the currency has fewer places
 */
export function parseAmount(text: string, currency: string, expression?: string): Money {
  const exponent = currencyExponent(currency);
  const match = /^(-?)(\d{1,16})(?:\.(\d+))?$/.exec(text);
  if (!match) {
    throw problem(
      'value',
      'amount-malformed',
      `"${text}" is not an amount; write digits with a point, such as 1250.00.`,
      expression,
    );
  }
  const fraction = match[3] ?? '';
  if (/[1-9]/.test(fraction.slice(exponent))) {
    throw problem(
      'value',
      'amount-too-precise',
      `${text} has more decimals than ${currency} knows (${exponent}); round it at the source.`,
      expression,
    );
  }
  const digits = match[2] + fraction.slice(0, exponent).padEnd(exponent, '0');
  const minor = BigInt(digits);
  return { minor: match[1] ? -minor : minor, currency };
}

/** The decimal text of an amount with all its places: 125000 KES minor → "1250.00". */
export function formatAmount(amount: Money): string {
  const exponent = currencyExponent(amount.currency);
  const sign = amount.minor < 0n ? '-' : '';
  const digits = (amount.minor < 0n ? -amount.minor : amount.minor)
    .toString()
    .padStart(exponent + 1, '0');
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** FHIR's JSON for an amount; the value is exact because amounts stay below 2^53 minor units. */
export function toFhirMoney(amount: Money): FhirMoney {
  return {
    value: Number(formatAmount(amount)),
    currency: amount.currency as FhirMoney['currency'],
  };
}

/**
 * Reads FHIR Money. `value` may be a number or anything whose text is the decimal as written.
 *
 * @throws Problem when value or currency is missing, malformed or too precise
 */
export function fromFhirMoney(value: FhirMoney | undefined, expression: string): Money {
  if (value?.value === undefined || !value.currency) {
    throw problem('required', 'money-incomplete', 'Give both value and currency.', expression);
  }
  return parseAmount(String(value.value), value.currency, `${expression}.value`);
}

/** Adds amounts of one currency; an empty list needs the currency to be named. */
export function sumMoney(amounts: readonly Money[], currency: string): Money {
  let minor = 0n;
  for (const amount of amounts) {
    if (amount.currency !== currency) throw new Error('sumMoney: currencies differ');
    minor += amount.minor;
  }
  return { minor, currency };
}
