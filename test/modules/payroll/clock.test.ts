/**
 * The clocks of schemes: which periods are due, over changes of daylight time, ends of years, gaps of a
 * calendar and time in which nothing ran.
 */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { duePeriods } from '../../../modules/payroll/index.ts';
import type { Calendar } from '../../../src/sdk/index.ts';

const due = (
  clock: string,
  zone: string,
  calendar: Calendar,
  now: string,
  since?: string,
): string[] =>
  duePeriods(
    { draft_at: clock, time_zone: zone },
    calendar,
    new Date(now),
    since === undefined ? undefined : new Date(since),
  ).map((each) => each.code);

describe('the clock of a scheme', () => {
  const monthly: Calendar = { frequency: 'monthly' };

  it('rings by the time of its place, whatever the season', () => {
    // Santiago skips midnight on 6 September 2026, and has it twice in April.
    const zone = 'America/Santiago';
    const first = '0 0 1 * *';
    expect(due(first, zone, monthly, '2026-09-01T03:59:59Z')).to.deep.equal(['2026-08']);
    expect(due(first, zone, monthly, '2026-09-01T04:00:00Z')).to.deep.equal(['2026-09']);
    expect(due(first, zone, monthly, '2026-10-01T02:59:59Z')).to.deep.equal(['2026-09']);
    expect(due(first, zone, monthly, '2026-10-01T03:00:00Z')).to.deep.equal(['2026-10']);
    const weekly: Calendar = { frequency: 'weekly' };
    expect(due('0 0 * * 1', zone, weekly, '2026-09-07T02:59:59Z')).to.deep.equal(['2026-W36']);
    expect(due('0 0 * * 1', zone, weekly, '2026-09-07T03:00:00Z')).to.deep.equal(['2026-W37']);
    // Sunday the 6th has no half past midnight.
    expect(due('30 0 * * *', zone, monthly, '2026-09-06T05:00:00Z')).to.deep.equal(['2026-09']);
    expect(due('0 0 30 2 *', zone, monthly, '2026-09-06T05:00:00Z')).to.deep.equal([]);
  });

  it('belongs to the year of its place', () => {
    const zone = 'Pacific/Kiritimati';
    expect(due('0 1 1 * *', zone, monthly, '2026-12-31T10:59:59Z')).to.deep.equal(['2026-12']);
    expect(due('0 1 1 * *', zone, monthly, '2026-12-31T11:00:00Z')).to.deep.equal(['2027-01']);
  });

  it('has each period once that rang while nothing ran, oldest first', () => {
    const clock = '0 6 5 * *';
    const now = '2027-02-06T00:00:00Z';
    expect(due(clock, 'UTC', monthly, now, '2026-11-05T06:00:00Z')).to.deep.equal([
      '2026-12',
      '2027-01',
      '2027-02',
    ]);
    expect(due(clock, 'UTC', monthly, now, '2026-11-05T05:59:00Z')).to.have.length(4);
    expect(due(clock, 'UTC', monthly, now)).to.deep.equal(['2027-02']);
    const quarterly: Calendar = { frequency: 'quarterly' };
    expect(due(clock, 'UTC', quarterly, now, '2026-11-01T00:00:00Z')).to.deep.equal([
      '2026-Q4',
      '2027-Q1',
    ]);
  });

  it('drafts nothing in a gap of a calendar', () => {
    const terms: Calendar = {
      frequency: 'calendar',
      calendar: [
        { code: 'T1', startsOn: '2026-01-12', endsOn: '2026-04-03' },
        { code: 'T2', startsOn: '2026-05-04', endsOn: '2026-07-31' },
      ],
    };
    expect(due('0 6 * * *', 'UTC', terms, '2026-04-20T00:00:00Z')).to.deep.equal([]);
    expect(due('0 6 * * *', 'UTC', terms, '2026-05-04T07:00:00Z')).to.deep.equal(['T2']);
    expect(
      due('0 6 * * *', 'UTC', terms, '2026-05-20T07:00:00Z', '2026-03-01T00:00:00Z'),
    ).to.deep.equal(['T1', 'T2']);
  });
});
