/**
 * Places by group: numbers as they stand, or a total divided by shares. Shares are divided by the
 * largest remainder, so that the places add up to the total; equal remainders go by code.
 */

import { compareDecimals } from './language/decimal.ts';

/** Divides `total` places by shares, decimal text by code. */
export function divideByShares(
  total: number,
  shares: ReadonlyMap<string, string>,
): Map<string, number> {
  const places = Math.max(
    0,
    ...[...shares.values()].map((text) => text.split('.')[1]?.length ?? 0),
  );
  const scale = 10n ** BigInt(places);
  const units = new Map(
    [...shares].map(([code, text]) => {
      const [whole = '0', fraction = ''] = text.split('.');
      return [code, BigInt(whole) * scale + BigInt(fraction.padEnd(places, '0') || '0')];
    }),
  );
  const sum = [...units.values()].reduce((a, b) => a + b, 0n);
  if (sum <= 0n) return new Map([...shares.keys()].map((code) => [code, 0]));
  const exact = [...units].map(([code, unit]) => {
    const product = unit * BigInt(total);
    return { code, places: Number(product / sum), rest: product % sum };
  });
  const given = exact.reduce((count, each) => count + each.places, 0);
  const byRest = exact.toSorted((a, b) =>
    a.rest === b.rest ? (a.code < b.code ? -1 : 1) : a.rest > b.rest ? -1 : 1,
  );
  for (const each of byRest.slice(0, total - given)) each.places += 1;
  return new Map(exact.map((each) => [each.code, each.places]));
}

/** Places that may be filled when a share is kept in reserve: rounded up, never one too few. */
export function withoutReserve(places: number, reservePercent: string | null): number {
  if (reservePercent === null || compareDecimals(reservePercent, '0') <= 0) return places;
  const [whole = '0', fraction = ''] = reservePercent.split('.');
  const scale = 10n ** BigInt(fraction.length);
  const kept = (BigInt(places) * BigInt(whole + fraction)) / (100n * scale);
  return places - Number(kept);
}
