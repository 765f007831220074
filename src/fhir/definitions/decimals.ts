/**
 * Decimal texts and the range that their written precision means: `100` is [99.5, 100.5) and
 * `100.00` is [99.995, 100.005). All exact, on the digits; nothing passes through floating point.
 *
 * A number with exponent means a range of a twentieth of its last digit's place, as R4's example
 * has it (`1e2` is [95, 105)).
 *
 * Spec: https://hl7.org/fhir/R4/search.html#number
 */

/** A number as it is searched: decimal texts, `low` inclusive, `high` exclusive. */
export interface DecimalRange {
  readonly low: string;
  readonly high: string;
  readonly value: string;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/** Beyond this power of ten a number is no measure of anything, and its digits only cost room. */
const POWER_MAX = 100;

/** The range of a decimal text; undefined when it is not a decimal, or a hostile one. */
export function decimalRange(text: string): DecimalRange | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole, fraction = '', exponent] = match;
  const power = Number(exponent ?? 0);
  if (Math.abs(power) > POWER_MAX) return undefined;
  const scale = fraction.length - power;
  const digits = BigInt(whole! + fraction) * (sign === '-' ? -1n : 1n);
  // in twentieths or halves of the last digit, so that the bounds are whole numbers
  const finer = exponent === undefined ? 1 : 2;
  const shifted = digits * 10n ** BigInt(finer);
  return {
    low: decimalText(shifted - 5n, scale + finer),
    high: decimalText(shifted + 5n, scale + finer),
    value: decimalText(digits, scale),
  };
}

/** Writes `digits` × 10^-scale as plain decimal text. */
function decimalText(digits: bigint, scale: number): string {
  if (scale <= 0) return String(digits * 10n ** BigInt(-scale));
  const negative = digits < 0n;
  const text = String(negative ? -digits : digits).padStart(scale + 1, '0');
  const cut = text.length - scale;
  return `${negative ? '-' : ''}${text.slice(0, cut)}.${text.slice(cut)}`;
}
