/** Dates are real dates, and partial dates are intervals. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  intervalOf,
  isDate,
  isDateTime,
  isInstant,
  isTime,
} from '../../../src/fhir/definitions/dates.ts';

/** R4's own regular expressions, for comparison. */
const YEAR = '([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)';
const DAY = '(0[1-9]|[1-2][0-9]|3[0-1])';
const ZONE = '(Z|(\\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))';
const TIME = `(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?${ZONE})?`;
const DATE = new RegExp(`^${YEAR}(-(0[1-9]|1[0-2])(-${DAY})?)?$`);
const DATE_TIME = new RegExp(`^${YEAR}(-(0[1-9]|1[0-2])(-${DAY}${TIME})?)?$`);

describe('dates', () => {
  it('are real, leap days included', () => {
    for (const good of ['2020', '2020-12', '2020-02-29', '2000-02-29', '0001-01-01']) {
      expect(isDate(good), good).to.equal(true);
    }
    const bad = ['2021-02-29', '1900-02-29', '2020-13', '2020-04-31', '0000', '20', '2020-1-1'];
    for (const each of [...bad, '2020-12-01T', ' 2020', '2020 ', '2020-12-']) {
      expect(isDate(each), each).to.equal(false);
    }
  });

  it('carry seconds and a zone when they carry a time', () => {
    expect(isDateTime('2020-02-29T23:59:60Z')).to.equal(true);
    expect(isDateTime('2020-02-28T10:00:00.123+14:00')).to.equal(true);
    for (const bad of ['2020-02-28T10:00:00', '2020-02-28T10:00Z', '2020-02-28T24:00:00Z']) {
      expect(isDateTime(bad), bad).to.equal(false);
    }
    expect(isInstant('2020-02-28')).to.equal(false);
    expect(isInstant('2020-02-28T10:00:00+05:30')).to.equal(true);
    expect(isTime('10:00:00')).to.equal(true);
    expect(isTime('10:00')).to.equal(false);
  });

  it("accept nothing that R4's own expressions refuse", () => {
    const near = fc.stringMatching(
      /^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?$/,
    );
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        if (isDate(text)) expect(text).to.match(DATE);
        if (isDateTime(text)) expect(text).to.match(DATE_TIME);
      }),
      { numRuns: 2000 },
    );
  });

  it('of every real day are accepted and cover it', () => {
    const day = fc.date({
      min: new Date('0001-01-01'),
      max: new Date('9999-12-30'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(day, (date) => {
        const text = date.toISOString().slice(0, 10);
        expect(isDate(text), text).to.equal(true);
        const interval = intervalOf(text)!;
        expect(Date.parse(interval.upper) - Date.parse(interval.lower)).to.equal(86_400_000);
        expect(interval.lower.slice(0, 10)).to.equal(text);
      }),
    );
  });

  const CASES: ReadonlyArray<readonly [string, string, string]> = [
    ['2020', '2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'],
    ['2020-12', '2020-12-01T00:00:00Z', '2021-01-01T00:00:00Z'],
    ['2020-02-29', '2020-02-29T00:00:00Z', '2020-03-01T00:00:00Z'],
    ['2020-01-01T01:00:00+03:00', '2019-12-31T22:00:00Z', '2019-12-31T22:00:01Z'],
    ['2020-01-01T01:30', '2020-01-01T01:30:00Z', '2020-01-01T01:31:00Z'],
    ['2020-01-01T00:00:00.5Z', '2020-01-01T00:00:00.500Z', '2020-01-01T00:00:00.600Z'],
    ['2020-01-01T00:00:59.999999Z', '2020-01-01T00:00:59.999999Z', '2020-01-01T00:01:00Z'],
    ['9999', '9999-01-01T00:00:00Z', '10000-01-01T00:00:00Z'],
    ['0004-02', '0004-02-01T00:00:00Z', '0004-03-01T00:00:00Z'],
  ];
  for (const [text, lower, upper] of CASES) {
    it(`${text} is [${lower}, ${upper})`, () => {
      expect(intervalOf(text)).to.deep.equal({ lower, upper });
    });
  }

  it('that are none have no interval', () => {
    for (const bad of ['2020-02-30', '2020-1', 'x', '', '2020-01-01T25:00:00Z']) {
      expect(intervalOf(bad), bad).to.equal(undefined);
    }
  });
});
