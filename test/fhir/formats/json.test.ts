/** FHIR JSON keeps decimals as written, and says where it breaks. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirDecimal, parseJson, writeJson } from '../../../src/fhir/formats/json.ts';
import { Problem } from '../../../src/sdk/problem.ts';

describe('FHIR JSON', () => {
  it('gives back decimals exactly as they were written', () => {
    for (const text of [
      '{"a":1.00}',
      '[1.0,2.50,1e3,-0,12345678901234567890,0.1,100]',
      '1.0',
      '{"a":{"value":0.000}}',
      '{"a":1E-2,"b":"1.00"}',
    ]) {
      expect(writeJson(parseJson(text))).to.equal(text);
    }
  });

  it('leaves ordinary numbers as numbers', () => {
    expect(parseJson('{"a":10,"b":1.5,"c":-3}')).to.deep.equal({ a: 10, b: 1.5, c: -3 });
    expect(parseJson('1.00')).to.be.instanceOf(FhirDecimal);
  });

  it('round-trips every decimal text', () => {
    const decimal = fc
      .tuple(
        fc.boolean(),
        fc.nat(),
        fc.option(fc.stringMatching(/^\d{1,20}$/)),
        fc.option(fc.integer({ min: -20, max: 20 })),
      )
      .map(([minus, whole, fraction, power]) => {
        const exponent = power === null ? '' : `e${power}`;
        return `${minus ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}${exponent}`;
      });
    fc.assert(
      fc.property(fc.array(decimal), (decimals) => {
        const text = `{"v":[${decimals.join(',')}]}`;
        expect(writeJson(parseJson(text))).to.equal(text);
      }),
    );
  });

  it('agrees with JSON.parse on what is JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(writeJson(parseJson(text)))).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  const BROKEN: ReadonlyArray<readonly [string, RegExp]> = [
    ['', /empty/],
    ['{"a":1,}', /"}", line 1, column 8/],
    ['{"a":1', /ends too early, line 1, column 7/],
    ['{"a":1}x', /"x", line 1, column 8/],
    ['{\n "a": 1.00,\n "b": }', /"}", line 3, column 7/],
    ['{"a":[1,2}', /line 1, column 10/],
    ['{a:1}', /"a", line 1, column 2/],
  ];
  for (const [text, says] of BROKEN) {
    it(`says where ${JSON.stringify(text)} breaks`, () => {
      const call = () => parseJson(text);
      expect(call).to.throw(Problem, says);
    });
  }
});
