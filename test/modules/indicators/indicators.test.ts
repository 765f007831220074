/**
 * Indicators over HTTP: what is counted, that it adds up, that closed periods stand, and that the
 * registry's later changes do not alter what was reported.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CodeSystem, MeasureReport, MeasureReportGroup } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { closeDue } from '../../../modules/indicators/close.ts';
import { closePeriod } from '../../../modules/indicators/index.ts';
import { verifyLedger } from '../../../modules/ledger/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import { DAY, HOUSEHOLDS, inside, parameters, pay, play } from './world.ts';

const JANUARY = 'periodStart=2026-01&periodEnd=2026-01';

describe('indicators', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    await play(house);
  });
  after(() => house?.stop());

  const evaluate = async (measure: string, query = JANUARY): Promise<MeasureReport> => {
    const answer = await house.fetch(`Measure/${measure}/$evaluate-measure?${query}`);
    expect(answer.status, answer.text.slice(0, 2000)).to.equal(200);
    return answer.json;
  };
  const groupOf = (report: MeasureReport, code: string): MeasureReportGroup => {
    const found = report.group?.find((each) => each.code?.coding?.[0]?.code === code);
    expect(found, `no group ${code}`).to.not.equal(undefined);
    return found!;
  };
  const score = (report: MeasureReport, code: string): number =>
    groupOf(report, code).measureScore!.value!;
  const cell = (report: MeasureReport, code: string, ...codes: string[]): number | undefined => {
    const strata = groupOf(report, code).stratifier!.flatMap((each) => each.stratum ?? []);
    const found = strata.find(
      (stratum) =>
        stratum.component!.map((each) => each.value.coding![0]!.code).join() === codes.join(),
    );
    return found?.measureScore?.value;
  };

  it('are published as Measures with every indicator that the rooms bring', async () => {
    const found = await house.fetch('Measure');
    expect(found.json.total ?? found.json.entry.length).to.equal(3);
    const measure = (await house.fetch('Measure/payment')).json;
    expect(measure.group.map((each: MeasureReportGroup) => each.code!.coding![0]!.code)).to.include(
      'UNPAID_AMT',
    );
    const file = join(
      import.meta.dirname,
      '../../../fhir-profiles/generated/CodeSystem-indicator.json',
    );
    const { concept }: CodeSystem = JSON.parse(readFileSync(file, 'utf8'));
    const published = concept!.map((each) => each.code);
    for (const id of ['registration', 'enrolment', 'payment']) {
      const { group } = (await house.fetch(`Measure/${id}`)).json;
      for (const each of group) expect(published).to.include(each.code.coding[0].code);
    }
  });

  it('count households and members by sex and age, zeros written out', async () => {
    const report = await evaluate('enrolment');
    expect(report.status).to.equal('pending');
    expect(score(report, 'HH_ENR')).to.equal(HOUSEHOLDS);
    expect(score(report, 'MEM_ENR')).to.equal(2 * HOUSEHOLDS);
    expect(cell(report, 'HH_ENR', 'male', 'P18Y--P60Y')).to.equal(3);
    expect(cell(report, 'HH_ENR', 'female', 'P18Y--P60Y')).to.equal(9);
    expect(cell(report, 'HH_ENR', 'other', 'P60Y--P9999Y')).to.equal(0);
    expect(cell(report, 'MEM_ENR', 'female', 'P0Y--P5Y')).to.equal(4);
    expect(cell(report, 'MEM_ENR', 'female', 'P5Y--P18Y')).to.equal(8);
    expect(score(report, 'HH_NEW')).to.equal(HOUSEHOLDS);
    expect(score(await evaluate('registration'), 'MEM_REG')).to.equal(2 * HOUSEHOLDS);
  });

  it('sum: due is paid and unpaid together, strata and areas sum to totals', async () => {
    const report = await evaluate('payment');
    for (const kind of ['N', 'AMT']) {
      expect(score(report, `DUE_${kind}`)).to.be.greaterThan(0);
      expect(score(report, `PAID_${kind}`)).to.be.greaterThan(0);
      expect(score(report, `UNPAID_${kind}`)).to.be.greaterThan(0);
      expect(score(report, `DUE_${kind}`)).to.equal(
        score(report, `PAID_${kind}`) + score(report, `UNPAID_${kind}`),
      );
    }
    expect(score(report, 'DUE_N')).to.equal(HOUSEHOLDS - 1);
    expect(score(report, 'DUE_AMT')).to.equal((HOUSEHOLDS - 1) * 2000);
    expect(cell(report, 'EXCL_N', 'no-account')).to.equal(1);
    expect(groupOf(report, 'DUE_AMT').measureScore).to.include({ code: 'KES' });
    for (const each of [report, await evaluate('enrolment'), await evaluate('registration')]) {
      for (const group of each.group!) {
        for (const stratifier of group.stratifier!) {
          const strata = stratifier.stratum ?? [];
          const code = `${group.code!.coding![0]!.code} ${JSON.stringify(stratifier.code)}`;
          const sum = strata.reduce((total, stratum) => total + stratum.measureScore!.value!, 0);
          expect(sum, code).to.equal(group.measureScore!.value);
          const count = strata.reduce((n, stratum) => n + stratum.population![0]!.count!, 0);
          expect(count, code).to.equal(group.population![0]!.count);
        }
      }
    }
    const reports = await Promise.all(
      ['region', 'north', 'south'].map((id) => evaluate('payment', `${JANUARY}&subject=${id}`)),
    );
    const [region, north, south] = reports.map((each) => score(each, 'PAID_AMT'));
    expect(region).to.equal(score(report, 'PAID_AMT'));
    expect(region).to.equal(north! + south!);
    expect(cell(reports[0]!, 'DUE_N', 'north')).to.equal(7);
    expect(cell(reports[0]!, 'DUE_N', 'south')).to.equal(4);
  });

  it('tell money by the books: what is paid is what the ledger and the provider have', async () => {
    const report = await evaluate('payment');
    const { rows } = await house.database.pool.query(
      `select (sum(amount_minor) / 100)::int as paid from simulator_order where result = 'paid'`,
    );
    expect(score(report, 'CASH_AMT')).to.equal(rows[0].paid);
    expect(await inside(house, verifyLedger)).to.deep.equal([]);
    expect(score(report, 'DAYS_N')).to.equal(score(report, 'CASH_N'));
    expect(cell(report, 'DAYS_N', 'on-time')).to.equal(score(report, 'CASH_N'));
    expect(score(report, 'DAYS_SUM')).to.equal(-16 * score(report, 'CASH_N'));
  });

  it('refuse what they cannot answer', async () => {
    const ask = async (path: string, token?: string) =>
      (await house.fetch(path, token ? { token } : {})).status;
    expect(await ask(`Measure/none/$evaluate-measure?${JANUARY}`)).to.equal(404);
    expect(await ask('Measure/payment/$evaluate-measure?periodStart=2026-01')).to.equal(422);
    expect(
      await ask('Measure/payment/$evaluate-measure?periodStart=2026-02&periodEnd=2026-01'),
    ).to.equal(422);
    expect(await ask(`Measure/payment/$evaluate-measure?${JANUARY}&subject=nowhere`)).to.equal(422);
    expect(await ask(`Measure/payment/$evaluate-measure?${JANUARY}&reportType=subject`)).to.equal(
      400,
    );
    const registrar = await house.tokenFor('registry-client');
    expect(await ask(`Measure/payment/$evaluate-measure?${JANUARY}`, registrar)).to.equal(403);
    const open = await house.fetch('Measure/payment/$close-period', {
      body: parameters(
        { name: 'periodStart', valueDate: '2026-01' },
        { name: 'periodEnd', valueDate: '2026-01' },
      ),
    });
    expect(open.json.issue[0].details.coding[0].code).to.equal('period-open');
  });

  it('close by the clock once the month is over long enough, for every area at once', async () => {
    await house.advance(20 * DAY);
    const ring = async () => {
      await inside(house, async (ctx) => ctx.enqueue(closeDue, {}));
      await house.settle();
    };
    await ring();
    // 6 February: January has ended, but not long enough ago; the newest closed one is December.
    const early = await house.fetch('MeasureReport?measure=Measure/payment&_count=50');
    expect(new Set(early.json.entry.map(periodStart))).to.deep.equal(new Set(['2025-12-01']));
    await house.advance(10 * DAY);
    await ring();
    const found = await house.fetch(
      'MeasureReport?measure=https://amana.example/fhir/Measure/payment&period=2026-01',
    );
    expect(found.json.entry, found.text.slice(0, 500)).to.have.length(4);
    const north = await house.fetch(
      'MeasureReport?measure=Measure/payment&period=2026-01&subject=Location/north',
    );
    const [entry] = north.json.entry;
    expect(entry.resource.status).to.equal('complete');
    expect(score(entry.resource, 'DUE_N')).to.equal(7);
    const kept = await evaluate('payment', `${JANUARY}&subject=Location/north`);
    expect(kept).to.deep.equal(entry.resource);
  });

  it('stand once closed; a correction is a version of its own', async () => {
    const before = await evaluate('payment');
    expect(before.status).to.equal('complete');
    const january = { startsOn: '2026-01-01', endsOn: '2026-01-31' };
    const same = await inside(house, (ctx) => closePeriod(ctx, 'payment', january));
    expect(same).to.deep.equal({ version: 1, changed: false });
    await house.database.pool.query(
      `update payroll_line set state = 'paid', reason = null, paid_at = '2026-02-10T10:00:00Z'
       where state = 'not-paid' and line_id =
         (select line_id from payroll_line where state = 'not-paid' order by key limit 1)`,
    );
    expect(await evaluate('payment')).to.deep.equal(before);
    const again = await inside(house, (ctx) => closePeriod(ctx, 'payment', january));
    expect(again).to.deep.equal({ version: 2, changed: true });
    const corrected = await evaluate('payment');
    expect(corrected.meta?.versionId).to.equal('2');
    expect(score(corrected, 'PAID_N')).to.equal(score(before, 'PAID_N') + 1);
    expect(score(corrected, 'DUE_AMT')).to.equal(
      score(corrected, 'PAID_AMT') + score(corrected, 'UNPAID_AMT'),
    );
    const february = await evaluate('payment', 'periodStart=2026-02&periodEnd=2026-02');
    expect(cell(february, 'CASH_N', 'arrears')).to.equal(1);
    const { rows } = await house.database.pool.query(
      `select version, count(*)::int as n from indicator_figure
       where measure_id = 'payment' and starts_on = '2026-01-01' group by version order by version`,
    );
    expect(rows.map((row) => row.version)).to.deep.equal([1, 2]);
  });

  it('are closed once by two at the same time', async () => {
    const year = { startsOn: '2025-01-01', endsOn: '2025-12-31' };
    const both = await Promise.all(
      [1, 2].map(() => inside(house, (ctx) => closePeriod(ctx, 'enrolment', year))),
    );
    expect(both.map((each) => each.version)).to.deep.equal([1, 1]);
    expect(both.filter((each) => each.changed)).to.have.length(1);
  });

  it('tell the state at the end of each month, and how it came to it', async () => {
    const found = await house.fetch('Coverage?_count=2&_sort=_id');
    const change = (operation: string, id: string) =>
      house.fetch(`Coverage/${id}/$${operation}`, {
        body: parameters({
          name: 'reason',
          valueCode: operation === 'suspend' ? 'non-collection' : 'moved-away',
        }),
      });
    const [one, two] = found.json.entry.map(
      (each: { resource: { id: string } }) => each.resource.id,
    );
    const suspended = await change('suspend', one);
    expect(suspended.status, suspended.text).to.equal(200);
    expect((await change('exit', two)).status).to.equal(200);
    const january = await evaluate('enrolment');
    const february = await evaluate('enrolment', 'periodStart=2026-02&periodEnd=2026-02');
    const enrolled = (report: MeasureReport) => cell(report, 'HH_STATUS', 'enrolled')!;
    expect(enrolled(january)).to.equal(HOUSEHOLDS);
    expect(enrolled(february)).to.equal(HOUSEHOLDS - 2);
    expect(cell(february, 'HH_SUSP', 'non-collection')).to.equal(1);
    expect(cell(february, 'HH_EXIT', 'moved-away')).to.equal(1);
    expect(enrolled(february)).to.equal(
      enrolled(january) +
        score(february, 'HH_NEW') +
        score(february, 'HH_REACT') -
        score(february, 'HH_SUSP') -
        score(february, 'HH_EXIT'),
    );
    expect(score(february, 'HH_ENR')).to.equal(HOUSEHOLDS - 2);
    await pay(house, '2026-02');
    const payments = await evaluate('payment', 'periodStart=2026-02&periodEnd=2026-02');
    expect(score(payments, 'DUE_N')).to.be.lessThan(HOUSEHOLDS - 1);
  });
});

function periodStart(entry: { resource: MeasureReport }): string {
  return entry.resource.period.start!;
}
