/**
 * Money keeps every minor unit: text to minor units and back is exact, and what a currency cannot
 * express is refused.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  currencyExponent,
  formatAmount,
  fromFhirMoney,
  type Money,
  Problem,
  parseAmount,
  sumMoney,
  toFhirMoney,
} from '../../src/sdk/index.ts';

const currencies = fc.constantFrom('KES', 'BIF', 'TND', 'USD', 'XOF', 'JPY');
const minor = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return error.issues[0]?.code;
    throw error;
  }
  return undefined;
}

describe('money', () => {
  it('is written with the places of its currency', () => {
    expect(formatAmount({ minor: 125000n, currency: 'KES' })).to.equal('1250.00');
    expect(formatAmount({ minor: 72000n, currency: 'BIF' })).to.equal('72000');
    expect(formatAmount({ minor: 5n, currency: 'TND' })).to.equal('0.005');
    expect(formatAmount({ minor: -5n, currency: 'USD' })).to.equal('-0.05');
  });

  it('comes back from its text to the last minor unit', () => {
    fc.assert(
      fc.property(minor, currencies, (amount, currency) => {
        const money: Money = { minor: amount, currency };
        expect(parseAmount(formatAmount(money), currency)).to.deep.equal(money);
      }),
    );
  });

  it('comes back from FHIR Money as long as it is below 2^53 minor units', () => {
    fc.assert(
      fc.property(minor, currencies, (amount, currency) => {
        const money: Money = { minor: amount, currency };
        expect(fromFhirMoney(toFhirMoney(money), 'Claim.total')).to.deep.equal(money);
      }),
    );
  });

  it('may be written with more zeros, never with more meaning, than the currency has', () => {
    expect(parseAmount('12.5000', 'KES').minor).to.equal(1250n);
    expect(codeOf(() => parseAmount('12.505', 'KES'))).to.equal('amount-too-precise');
    expect(codeOf(() => parseAmount('0.5', 'BIF'))).to.equal('amount-too-precise');
  });

  it('is refused in scientific, grouped or empty form', () => {
    for (const text of [
      '1e3',
      '1,000',
      '',
      ' 1',
      '1.',
      '.5',
      'NaN',
      '+1',
      '0x10',
      '1'.repeat(17),
    ]) {
      expect(
        codeOf(() => parseAmount(text, 'KES')),
        text,
      ).to.equal('amount-malformed');
    }
  });

  it('knows the currencies of ISO 4217 only', () => {
    expect(currencyExponent('KES')).to.equal(2);
    expect(codeOf(() => currencyExponent('KSH'))).to.equal('unknown-currency');
    expect(codeOf(() => currencyExponent('kes'))).to.equal('unknown-currency');
  });

  it('is summed in one currency only', () => {
    const amounts = [1n, 2n, 3n].map((each) => ({ minor: each, currency: 'KES' }));
    expect(sumMoney(amounts, 'KES').minor).to.equal(6n);
    expect(() => sumMoney(amounts, 'USD')).to.throw('currencies differ');
  });
});
