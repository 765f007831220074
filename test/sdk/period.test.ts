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
  periodNear,
  periodsBetween,
  periodsInYear,
  periodsSince,
  previousPeriod,
} from '../../src/sdk/index.ts';

const frequencies = fc.constantFrom(...FREQUENCIES.filter((each) => each !== 'calendar'));
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

  it('is not of a day so far away that no age can be counted from it', () => {
    for (const day of ['0001-01-01', '9999-12-31', '2026', '2026-02-30', 'x']) {
      expect(() => periodNear('monthly', day), day).to.throw('is not a day from');
      expect(() => periodNear({ frequency: 'calendar', calendar: [] }, day)).to.throw('not a day');
    }
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

describe('a calendar of periods', () => {
  const terms = {
    frequency: 'calendar' as const,
    calendar: [
      { code: 'T1', startsOn: '2026-01-12', endsOn: '2026-04-03' },
      { code: 'T2', startsOn: '2026-05-04', endsOn: '2026-07-31' },
      { code: 'T3', startsOn: '2026-09-07', endsOn: '2027-01-08' },
    ],
  };

  it('has no period in its gaps, and says which comes next', () => {
    expect(periodAt(terms, '2026-04-03').code).to.equal('T1');
    expect(() => periodAt(terms, '2026-04-04')).to.throw('the next, T2, begins on 2026-05-04');
    expect(() => periodAt(terms, '2027-01-09')).to.throw('none comes after');
    expect(periodNear(terms, '2026-04-04').code).to.equal('T2');
    expect(periodNear(terms, '2028-01-01').code).to.equal('T3');
  });

  it('is walked over its gaps, and knows its codes', () => {
    expect(nextPeriod(terms, '2026-01-12').code).to.equal('T2');
    expect(previousPeriod(terms, '2026-09-07').code).to.equal('T2');
    expect(parsePeriod(terms, 'T3').endsOn).to.equal('2027-01-08');
    expect(() => parsePeriod(terms, '2026-01')).to.throw('T1, T2, T3');
    expect(periodsBetween(terms, parsePeriod(terms, 'T1'), parsePeriod(terms, 'T3'))).to.equal(2);
    expect(periodsSince(terms, '2026-04-04', parsePeriod(terms, 'T3'))).to.equal(2);
    expect(periodsInYear(terms, '2026')).to.equal(3);
  });

  it('counts weeks over the ends of years', () => {
    expect(periodAt('weekly', '2026-12-31')).to.deep.equal({
      code: '2026-W53',
      startsOn: '2026-12-28',
      endsOn: '2027-01-03',
    });
    expect(periodAt('weekly', '2027-01-04').code).to.equal('2027-W01');
    expect(periodsInYear('weekly', '2026')).to.equal(52);
    const pair = periodAt('two-weekly', '2026-12-31');
    expect(nextPeriod('two-weekly', pair.startsOn).startsOn).to.equal(addDays(pair.endsOn, 1));
    expect(() => parsePeriod('two-weekly', nextWeek(pair.startsOn))).to.throw('not a two-weekly');
    expect(periodsSince('weekly', '2026-12-28', periodAt('weekly', '2027-01-04'))).to.equal(2);
  });

  it('counts the periods since a day as many as it walks', () => {
    fc.assert(
      fc.property(frequencies, days, fc.nat(30), (frequency, day, more) => {
        let period = periodAt(frequency, day);
        for (let n = 0; n < more; n += 1) period = nextPeriod(frequency, period.startsOn);
        expect(periodsBetween(frequency, periodAt(frequency, day), period)).to.equal(more);
        expect(periodsSince(frequency, day, period)).to.equal(more + 1);
      }),
    );
  });

  function nextWeek(startsOn: string): string {
    return periodAt('weekly', addDays(startsOn, 7)).code;
  }
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
