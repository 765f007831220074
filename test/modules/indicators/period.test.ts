/** Reporting periods: partial dates widen, and months are closed after their time. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { monthsDue, readPeriod } from '../../../modules/indicators/period.ts';
import { Problem } from '../../../src/sdk/index.ts';

describe('a reporting period', () => {
  it('widens partial dates to whole months and years', () => {
    expect(readPeriod('2026-01', '2026-02')).to.deep.equal({
      startsOn: '2026-01-01',
      endsOn: '2026-02-28',
    });
    expect(readPeriod('2024', '2024').endsOn).to.equal('2024-12-31');
    expect(readPeriod('2026-01-05', '2026-01-05').endsOn).to.equal('2026-01-05');
  });

  it('is refused when it is no period', () => {
    for (const [start, end] of [
      ['2026-13', '2026-14'],
      ['2026-02-30', '2026-03-01'],
      ['2026-03', '2026-02'],
      ['', '2026-02'],
      ['2026-01x', '2026-02'],
      ['1990', '2026'],
    ] as const) {
      expect(() => readPeriod(start, end), `${start} ${end}`).to.throw(Problem);
    }
  });
});

describe('months that are due to be closed', () => {
  const starts = (...how: Parameters<typeof monthsDue>) =>
    monthsDue(...how).map((each) => each.startsOn);

  it('begin with the newest that is over long enough', () => {
    expect(starts(undefined, '2026-03-14', 14)).to.deep.equal(['2026-01-01']);
    expect(starts(undefined, '2026-03-15', 14)).to.deep.equal(['2026-02-01']);
    expect(starts(undefined, '2026-03-01', 0)).to.deep.equal(['2026-02-01']);
  });

  it('are caught up one by one after downtime, and none is left when all are closed', () => {
    expect(starts('2026-01-31', '2026-05-20', 14)).to.deep.equal([
      '2026-02-01',
      '2026-03-01',
      '2026-04-01',
    ]);
    expect(starts('2026-04-30', '2026-05-20', 14)).to.deep.equal([]);
  });
});
