/** DHIS2's periods, against the test vectors of dhis2-core. */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  PERIOD_TYPES,
  parseAdxPeriod,
  parsePeriodId,
  periodHolding,
} from '../../../../modules/indicators/dhis2/period.ts';
import { addDays, daysBetween } from '../../../../src/sdk/index.ts';
import { sharedPath } from '../../../support/shared.ts';

interface Vectors {
  adx_to_iso: { adx: string; iso: string }[];
  iso_to_adx: { adx: string; iso: string }[];
  adx_invalid: string[];
  iso_interval: { iso: string; start: string; end: string }[];
  iso_out_of_range_parses_to_null: string[];
  iso_valid_edge: string[];
  iso_to_type: { iso: string; type: string }[];
  iso_syntax_error: { iso: string }[];
  date_to_iso_week: { date: string; iso: string }[];
}

describe('periods of DHIS2', () => {
  it('are those of dhis2-core’s own tests', function () {
    const path = sharedPath(this, 'data/dhis2/period-vectors.json');
    const vectors: Vectors = JSON.parse(readFileSync(path, 'utf8'));
    for (const { adx, iso } of vectors.adx_to_iso) {
      expect(parseAdxPeriod(adx)?.id, adx).to.equal(iso);
    }
    for (const { adx, iso } of vectors.iso_to_adx) {
      expect(parsePeriodId(iso)?.adx, iso).to.equal(adx);
    }
    for (const adx of vectors.adx_invalid) expect(parseAdxPeriod(adx), adx).to.equal(undefined);
    for (const { iso, start, end } of vectors.iso_interval) {
      expect(parsePeriodId(iso), iso).to.include({ startsOn: start, endsOn: end });
    }
    const none = [
      ...vectors.iso_out_of_range_parses_to_null,
      ...vectors.iso_syntax_error.map((each) => each.iso),
    ];
    for (const iso of none) expect(parsePeriodId(iso), iso).to.equal(undefined);
    for (const iso of vectors.iso_valid_edge) expect(parsePeriodId(iso)?.id).to.equal(iso);
    for (const { iso, type } of vectors.iso_to_type) {
      const ours = parsePeriodId(iso)?.type.replace(/(?!^)([A-Z])/g, '_$1');
      expect(ours?.toUpperCase(), iso).to.equal(type);
    }
    for (const { date, iso } of vectors.date_to_iso_week) {
      expect(periodHolding(parsePeriodId(iso)!.type, date)?.id, `${date} ${iso}`).to.equal(iso);
    }
  });

  it('follow each other without a gap, and are found again by id and by ADX form', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PERIOD_TYPES.filter((type) => type !== 'BiWeekly')),
        fc.integer({ min: 0, max: 60_000 }),
        (type, days) => {
          const day = addDays('1950-01-01', days);
          const period = periodHolding(type, day)!;
          expect(period.startsOn <= day && day <= period.endsOn).to.equal(true);
          expect(parsePeriodId(period.id)).to.deep.equal(period);
          if (period.adx) expect(parseAdxPeriod(period.adx)?.startsOn).to.equal(period.startsOn);
          const next = periodHolding(type, addDays(period.endsOn, 1))!;
          expect(daysBetween(period.endsOn, next.startsOn)).to.equal(1);
          expect(next.id).to.not.equal(period.id);
        },
      ),
      { numRuns: 500 },
    );
  });
});
