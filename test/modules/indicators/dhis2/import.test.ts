/**
 * What we render, as DHIS2 would take it: every form is imported whole, zeros included, for months,
 * two months, quarters and years; and the stand-in that judges gives dhis2-core's own verdicts.
 */

import { readFileSync } from 'node:fs';
import type { ConceptMap } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { NON_PAYMENT_REASONS } from '../../../../modules/disbursement/index.ts';
import { dimensionProperty, OPTION_COMBO } from '../../../../modules/indicators/dhis2/mapping.ts';
import { closePeriod } from '../../../../modules/indicators/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../../support/server.ts';
import { sharedPath } from '../../../support/shared.ts';
import { DAY, inside, paymentMapping, play } from '../world.ts';
import { importValues, type Metadata } from './importer.ts';

const DEFAULT = 'HllvX50cXC0';
const ids = (uid: string | undefined, code?: string, attribute?: string) => ({
  uid,
  code,
  attribute,
});

describe('the stand-in for DHIS2', () => {
  it('gives the verdicts of dhis2-core’s integration tests', function () {
    const folder = sharedPath(this, 'data/dhis2');
    const json = (name: string): Json => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
    const { dataSet, dataElements, organisationUnits } = json('fixture-metadata.json').dvs;
    const listed = (each: Json) => each.inDataSet || dataSet.dataElements.includes(each.id);
    const known: Metadata = {
      dataSet: { ...ids(dataSet.id, dataSet.code), periodType: dataSet.periodType },
      elements: dataElements.filter(listed).map((each: Json) => ({
        ...ids(each.id, each.code, each.attribute),
        valueType: each.valueType,
      })),
      orgUnits: organisationUnits
        .filter(listed)
        .map((each: Json) => ids(each.id, each.code, each.attribute)),
      defaultCombo: '(default)',
    };
    let tried = 0;
    for (const { file, options, expect: expected } of json('import-expectations.json').cases) {
      // Deletion is not ours, and categories as attributes are not the stand-in's.
      if (options.importStrategy === 'DELETE' || file.startsWith('adx/')) continue;
      const type = `application/${file.split('.').at(-1)}`;
      const summary = importValues(known, type, readFileSync(`${folder}/${file}`, 'utf8'));
      expect(summary, file).to.deep.equal({
        status: expected.status,
        updated: expected.importCount.updated,
        ignored: expected.importCount.ignored,
        ...(expected.errorCode && { errorCode: expected.errorCode }),
      });
      tried += 1;
    }
    expect(tried).to.equal(17);
  });
});

/** The mapping with unpaid by reason, for periods of a type; and what the server knows of it. */
function mappingOf(periodType: string, dataSet: string): { map: ConceptMap; known: Metadata } {
  const base = paymentMapping();
  const reasons = [...NON_PAYMENT_REASONS, 'not-sent', 'no-answer'];
  const [group] = base.group!;
  const combo = (n: number) => `why${String(n).padStart(8, '0')}`;
  const element = group!.element.map((each) =>
    each.code !== 'UNPAID_N'
      ? each
      : {
          code: 'UNPAID_N',
          target: reasons.map((reason, n) => ({
            code: 'unpaidNumbr',
            equivalence: 'equivalent' as const,
            dependsOn: [{ property: dimensionProperty('unpaid-reason'), value: reason }],
            product: [{ property: OPTION_COMBO, value: combo(n) }],
          })),
        },
  );
  const [extension] = base.extension!;
  const parts = extension!.extension!.map((part) => {
    if (part.url === 'periodType') return { ...part, valueString: periodType };
    return part.url === 'dataSet' ? { ...part, valueString: dataSet } : part;
  });
  const paidCombos = Array.from({ length: 15 }, (_, n) => `combo${String(n).padStart(6, '0')}`);
  return {
    map: {
      ...base,
      id: `dhis2-${periodType.toLowerCase()}`,
      extension: [{ ...extension!, extension: parts }],
      group: [{ ...group!, element }],
    },
    known: {
      dataSet: { ...ids(dataSet), periodType },
      elements: [
        { ...ids('dueNumberAA'), valueType: 'INTEGER' },
        { ...ids('dueAmountAA'), valueType: 'NUMBER' },
        { ...ids('paidAmountA'), valueType: 'NUMBER' },
        { ...ids('paidNumberA'), valueType: 'INTEGER', combos: paidCombos },
        { ...ids('unpaidNumbr'), valueType: 'INTEGER', combos: reasons.map((_, n) => combo(n)) },
      ],
      orgUnits: [ids('RegionAAAAA'), ids('NorthAAAAAA'), ids('SouthAAAAAA')],
      defaultCombo: DEFAULT,
    },
  };
}

const CELLS = 3 + 15 + NON_PAYMENT_REASONS.length + 2;

describe('reports as DHIS2 imports them', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    await play(house);
    await house.advance(400 * DAY);
  });
  after(() => house?.stop());

  const forms = [
    ['$dhis2-data-value-set', '&_format=json'],
    ['$dhis2-data-value-set', '&_format=xml'],
    ['$dhis2-data-value-set', '&_format=csv'],
    ['$adx', ''],
  ] as const;
  const types = [
    ['Monthly', 'MonthlyAAAA', '202601', '2026-01-01/P1M', '2026-01-31'],
    ['BiMonthly', 'BiMonthlyAA', '202601B', '2026-01-01/P2M', '2026-02-28'],
    ['Quarterly', 'QuarterlyAA', '2026Q1', '2026-01-01/P3M', '2026-03-31'],
    ['SixMonthly', 'SixMonthlyA', '2026S1', '2026-01-01/P6M', '2026-06-30'],
    ['Yearly', 'YearlyAAAAA', '2026', '2026-01-01/P1Y', '2026-12-31'],
  ] as const;

  for (const [periodType, dataSet, period, adxPeriod, endsOn] of types) {
    it(`are taken whole in every form where the data set is ${periodType}`, async () => {
      const { map, known } = mappingOf(periodType, dataSet);
      const kept = await house.fetch(`ConceptMap/${map.id}`, { method: 'PUT', body: map });
      expect(kept.status, kept.text).to.equal(201);
      await inside(house, (ctx) => closePeriod(ctx, 'payment', { startsOn: '2026-01-01', endsOn }));
      for (const children of [false, true]) {
        const asked = `dataSet=${dataSet}&period=${period}&orgUnit=RegionAAAAA&children=${children}`;
        for (const [operation, format] of forms) {
          const answer = await house.fetch(`MeasureReport/${operation}?${asked}${format}`);
          expect(answer.status, answer.text.slice(0, 1000)).to.equal(200);
          const type = answer.headers.get('content-type')!;
          const query = type.includes('csv') ? { dataSet } : {};
          const summary = importValues(known, type, answer.text, query);
          const updated = children ? 2 * CELLS : CELLS;
          expect(summary, type).to.deep.equal({ status: 'SUCCESS', updated, ignored: 0 });
          expect(answer.text).to.include(operation === '$adx' ? adxPeriod : period);
        }
      }
    });
  }

  it('say zero where nothing is unpaid for a reason, and the reasons sum to what is unpaid', async () => {
    const asked = 'dataSet=MonthlyAAAA&period=202601&orgUnit=RegionAAAAA';
    const { json } = await house.fetch(`MeasureReport/$dhis2-data-value-set?${asked}`);
    const of = (element: string): number[] =>
      json.dataValues
        .filter((each: Json) => each.dataElement === element)
        .map((each: Json) => Number(each.value));
    const sum = (values: number[]): number => values.reduce((total, each) => total + each, 0);
    const unpaid = of('unpaidNumbr');
    expect(unpaid).to.have.length(NON_PAYMENT_REASONS.length + 2);
    expect(unpaid.filter((each) => each === 0).length).to.be.greaterThan(5);
    expect(sum(unpaid)).to.be.greaterThan(0);
    expect(sum(unpaid) + sum(of('paidNumberA'))).to.equal(sum(of('dueNumberAA')));
    const written = json.dataValues.map((each: Json) => each.value);
    expect(written.every((each: unknown) => typeof each === 'string' && each !== '')).to.equal(
      true,
    );
  });

  it('are refused by it for another period, a foreign org unit and a value twice', async () => {
    const { known } = mappingOf('Monthly', 'MonthlyAAAA');
    const asked = 'dataSet=MonthlyAAAA&period=202601&orgUnit=RegionAAAAA';
    const { text } = await house.fetch(`MeasureReport/$dhis2-data-value-set?${asked}`);
    const verdict = (change: (body: Json) => void): string | undefined => {
      const body = JSON.parse(text);
      change(body);
      return importValues(known, 'application/json', JSON.stringify(body)).errorCode;
    };
    expect(verdict((body) => Object.assign(body, { period: '2026Q1' }))).to.equal('E8021');
    expect(verdict((body) => Object.assign(body, { orgUnit: 'ForeignAAAA' }))).to.equal('E8022');
    expect(verdict((body) => body.dataValues.push(body.dataValues[0]))).to.equal('E8128');
    expect(verdict((body) => delete body.dataValues[5].categoryOptionCombo)).to.equal('E8024');
    expect(verdict(() => {})).to.equal(undefined);
  });

  it('use no field that DHIS2’s own files do not', async function () {
    const folder = sharedPath(this, 'data/dhis2');
    const asked = 'dataSet=MonthlyAAAA&period=202601&orgUnit=RegionAAAAA';
    const names = (text: string) =>
      new Set([...text.matchAll(/\b(\w+)="/g)].map((each) => each[1]));
    const adx = await house.fetch(`MeasureReport/$adx?${asked}`);
    const sample = [
      'adx/importA.adx.xml',
      'adx/importDates.adx.xml',
      'docs-payloads/adx-vcct-example.xml',
    ]
      .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
      .join('');
    const theirs = names(sample);
    for (const name of ['completeDate', 'version', 'encoding']) theirs.add(name);
    expect([...names(adx.text)].filter((name) => !theirs.has(name))).to.deep.equal([]);
    const csv = await house.fetch(`MeasureReport/$dhis2-data-value-set?${asked}&_format=csv`);
    const file = `${folder}/dxf2-datavalueset/dataValueSetWithDataSetHeader.csv`;
    const header = readFileSync(file, 'utf8').split('\n')[0]!.replaceAll('"', '').trim();
    expect(csv.text.split('\n')[0]).to.equal(header);
  });
});
