/** A number means the range of its written precision. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { decimalRange } from '../../../src/fhir/definitions/decimals.ts';

describe('decimal ranges', () => {
  const CASES: ReadonlyArray<readonly [string, string, string, string]> = [
    ['100', '99.5', '100.5', '100'],
    ['100.00', '99.995', '100.005', '100.00'],
    ['0', '-0.5', '0.5', '0'],
    ['-5.4', '-5.45', '-5.35', '-5.4'],
    ['0.001', '0.0005', '0.0015', '0.001'],
    ['1e2', '95', '105', '100'],
  ];
  for (const [text, low, high, value] of CASES) {
    it(`${text} is [${low}, ${high})`, () => {
      const range = decimalRange(text)!;
      expect(Number(range.low)).to.equal(Number(low));
      expect(Number(range.high)).to.equal(Number(high));
      expect(Number(range.value)).to.equal(Number(value));
    });
  }

  it('are exact for numbers that floating point cannot hold', () => {
    const range = decimalRange('12345678901234567890.12')!;
    expect(range.low).to.equal('12345678901234567890.115');
    expect(range.high).to.equal('12345678901234567890.125');
  });

  it('enclose their value, half a unit of the last digit to each side', () => {
    const decimal = fc.tuple(
      fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }),
      fc.nat({ max: 9 }),
    );
    fc.assert(
      fc.property(decimal, ([digits, scale]) => {
        const magnitude = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
        const cut = magnitude.length - scale;
        const text = `${digits < 0n ? '-' : ''}${magnitude.slice(0, cut)}${scale ? `.${magnitude.slice(cut)}` : ''}`;
        const range = decimalRange(text)!;
        const units = (each: string) => BigInt(each.replace('.', ''));
        expect(units(range.high) - units(range.low)).to.equal(10n);
        expect(units(range.low) + 5n).to.equal(digits * 10n);
      }),
    );
  });

  it('exist for numbers only', () => {
    for (const bad of ['', 'abc', '1,5', '.5', '5.', '0x10', 'Infinity', '1e99999']) {
      expect(decimalRange(bad), bad).to.equal(undefined);
    }
  });
});
