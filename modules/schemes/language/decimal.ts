/**
 * Exact decimals as text, for the evaluation of one household: the same sums as PostgreSQL's
 * numeric, without binary floats.
 */

interface Scaled {
  readonly digits: bigint;
  readonly places: number;
}

function scaled(text: string): Scaled {
  const plain = /e/i.test(text) ? Number(text).toFixed(20) : text;
  const [whole = '0', fraction = ''] = plain.split('.');
  return { digits: BigInt(whole + fraction), places: fraction.length };
}

function textOf({ digits, places }: Scaled): string {
  const sign = digits < 0n ? '-' : '';
  const all = String(digits < 0n ? -digits : digits).padStart(places + 1, '0');
  const whole = all.slice(0, all.length - places);
  const fraction = all.slice(all.length - places).replace(/0+$/, '');
  return `${sign}${whole}${fraction ? `.${fraction}` : ''}`;
}

function aligned(a: string, b: string): { x: bigint; y: bigint; places: number } {
  const [x, y] = [scaled(a), scaled(b)];
  const places = Math.max(x.places, y.places);
  const to = (each: Scaled) => each.digits * 10n ** BigInt(places - each.places);
  return { x: to(x), y: to(y), places };
}

/** Less than, equal to or greater than 0, as `a` is to `b`. */
export function compareDecimals(a: string, b: string): number {
  const { x, y } = aligned(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

export function addDecimals(a: string, b: string): string {
  const { x, y, places } = aligned(a, b);
  return textOf({ digits: x + y, places });
}

export function multiplyDecimals(a: string, b: string): string {
  const [x, y] = [scaled(a), scaled(b)];
  return textOf({ digits: x.digits * y.digits, places: x.places + y.places });
}

/** The multiple of `unit` (above 0) next to a number, as `roundedTo` has it in SQL. */
export function roundDecimal(
  text: string,
  unit: string,
  mode: 'down' | 'up' | 'half-up' | 'half-even',
): string {
  const { x, y, places } = aligned(text, unit);
  const size = x < 0n ? -x : x;
  const [count, rest] = [size / y, size % y];
  const twice = 2n * rest;
  const up =
    mode === 'up'
      ? rest > 0n
      : mode === 'half-up'
        ? twice >= y
        : mode === 'half-even' && (twice > y || (twice === y && count % 2n === 1n));
  const units = up ? count + 1n : count;
  return textOf({ digits: (x < 0n ? -units : units) * y, places });
}
