/** Texts are folded so that people are found however their names are written. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { capitalized, normalize, STRING_MAX } from '../../../src/fhir/definitions/normalize.ts';

describe('folding of texts', () => {
  const CASES: ReadonlyArray<readonly [string, string]> = [
    ['Abdi', 'abdi'],
    ["O'Neill-Díaz", 'o neill diaz'],
    ['  Ma.  José ', 'ma jose'],
    ['ÀÉÎÕÜ', 'aeiou'],
    ['ﬁne', 'fine'],
    ['አበበ', 'አበበ'],
    ['مُحَمَّد', 'محمد'],
    ['...', ''],
  ];
  for (const [text, folded] of CASES) {
    it(`${JSON.stringify(text)} becomes ${JSON.stringify(folded)}`, () => {
      expect(normalize(text)).to.equal(folded);
    });
  }

  it('gives the same when done twice, and never too much', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const folded = normalize(text);
        expect(normalize(folded)).to.equal(folded);
        expect(folded.length).to.be.at.most(STRING_MAX);
        expect(folded.isWellFormed()).to.equal(text.isWellFormed() || folded.isWellFormed());
      }),
      { numRuns: 1000 },
    );
  });

  it('can give the raw text back when only the first letter was raised', () => {
    expect(capitalized('abdi')).to.equal('Abdi');
    expect(capitalized('')).to.equal('');
  });
});
