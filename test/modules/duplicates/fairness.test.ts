/** How the matching treats groups of people: who is flagged, and how that is reported. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { fairnessReport, flaggedGroups } from '../../../modules/duplicates/fairness/report.ts';
import type { GroupRow } from '../../../modules/duplicates/store/fairness.ts';

const row = (dimension: string, grp: string, people: number, heldWrongly: number): GroupRow => ({
  ...{ dimension, grp, people, held_wrongly: heldWrongly },
  ...{ pairs: 40, found: 30, held: heldWrongly + 5, waiting: 0, waited_days: 0 },
});

const rows = [
  row('everybody', 'all', 100_000, 200),
  row('identifier', 'with', 80_000, 90),
  row('identifier', 'without', 20_000, 110),
  // Four times the average, and yet no more than chance makes of a hundred people.
  row('script', 'other', 100, 0.8),
];

describe('fairness of the matching', () => {
  it('flags a group that is held wrongly half as often again as everybody, beyond chance', () => {
    expect(flaggedGroups(rows).map(({ grp }) => grp)).to.eql(['without']);
    expect(flaggedGroups(rows.slice(0, 2))).to.eql([]);
  });

  it('reports recall, wrong holds and waiting, with the flag on the report and on the group', () => {
    const since = new Date('2025-01-01T00:00:00Z');
    const report = fairnessReport(rows, { since, now: new Date('2026-01-01T00:00:00Z') });
    expect(report.extension?.[0]?.valueBoolean).to.equal(true);
    const [recall, holds, waiting] = report.group!;
    expect(recall?.measureScore?.value).to.equal(0.75);
    expect(holds?.measureScore?.value).to.equal(0.002);
    expect(waiting?.measureScore).to.equal(undefined);
    expect(holds?.population?.map(({ count }) => count)).to.eql([100_000, 200, 100_000]);
    const flagged = holds?.stratifier?.flatMap(({ stratum = [] }) =>
      stratum.filter(({ extension }) => extension?.[0]?.valueBoolean === true),
    );
    expect(flagged?.map(({ value }) => value?.text)).to.eql(['without']);
    expect(recall?.stratifier?.map(({ code }) => code?.[0]?.text)).to.eql(['identifier', 'script']);
  });
});
