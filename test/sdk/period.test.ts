/**
 * Payment periods cover the calendar without gap or overlap, and ages turn on the birthday.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  addDays,
  addMonths,
  ageOn,
  dayRange,
  daysBetween,
  FREQUENCIES,
  isDay,
  nextPeriod,
  parsePeriod,
  periodAt,
  previousPeriod,
} from '../../src/sdk/index.ts';

const frequencies = fc.constantFrom(...FREQUENCIES);
const days = fc.integer({ min: 0, max: 60_000 }).map((offset) => addDays('1950-01-01', offset));

describe('a payment period', () => {
  it('holds the day it was asked for', () => {
    fc.assert(
      fc.property(frequencies, days, (frequency, day) => {
        const period = periodAt(frequency, day);
        expect(period.startsOn <= day && day <= period.endsOn).to.equal(true);
      }),
    );
  });

  it('is followed by the next without gap or overlap', () => {
    fc.assert(
      fc.property(frequencies, days, (frequency, day) => {
        const period = periodAt(frequency, day);
        const next = nextPeriod(frequency, period.startsOn);
        expect(next.startsOn).to.equal(addDays(period.endsOn, 1));
        expect(previousPeriod(frequency, next.startsOn)).to.deep.equal(period);
      }),
    );
  });

  it('is found again by its code', () => {
    fc.assert(
      fc.property(frequencies, days, (frequency, day) => {
        const period = periodAt(frequency, day);
        expect(parsePeriod(frequency, period.code)).to.deep.equal(period);
      }),
    );
  });

  it('has the codes people write', () => {
    expect(periodAt('monthly', '2026-02-10')).to.deep.equal({
      code: '2026-02',
      startsOn: '2026-02-01',
      endsOn: '2026-02-28',
    });
    expect(periodAt('two-monthly', '2026-04-30').code).to.equal('2026-B2');
    expect(periodAt('quarterly', '2026-11-21').code).to.equal('2026-Q4');
    expect(periodAt('yearly', '2024-02-29').endsOn).to.equal('2024-12-31');
  });

  it('refuses a code of another frequency, saying how to write it', () => {
    for (const code of ['2026-13', '2026-1', '26-01', '2026-Q1', '', '2026-01-01']) {
      expect(() => parsePeriod('monthly', code), code).to.throw('write it like 2026-01');
    }
    expect(() => periodAt('monthly', '2026-02-30')).to.throw('not a day');
  });
});

describe('a day', () => {
  it('is a range where only the month or the year is known', () => {
    expect(dayRange('2024-02')).to.eql({ first: '2024-02-01', last: '2024-02-29' });
    expect(dayRange('2025')).to.eql({ first: '2025-01-01', last: '2025-12-31' });
    expect(dayRange('2025-12-31T23:30:00-05:00')).to.eql({
      first: '2025-12-31',
      last: '2025-12-31',
    });
  });

  it('is a real one', () => {
    expect(isDay('2024-02-29')).to.equal(true);
    for (const text of ['2023-02-29', '2026-04-31', '2026-1-01', '2026-01-01T00:00:00Z', '']) {
      expect(isDay(text), text).to.equal(false);
    }
  });

  it('makes a person a year older on the birthday, and not before', () => {
    expect(ageOn('2019-03-15', '2026-03-14')).to.equal(6);
    expect(ageOn('2019-03-15', '2026-03-15')).to.equal(7);
    expect(ageOn('2020-02-29', '2027-02-28')).to.equal(6);
    expect(ageOn('2020-02-29', '2027-03-01')).to.equal(7);
    expect(ageOn('2020-02-29', '2028-02-29')).to.equal(8);
  });

  it('is counted in days and months', () => {
    expect(daysBetween('2026-02-01', '2026-03-01')).to.equal(28);
    expect(daysBetween('2026-03-01', '2026-02-01')).to.equal(-28);
    expect(addMonths('2026-01-31', 1)).to.equal('2026-02-28');
  });
});
