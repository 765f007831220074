/**
 * The renderings for DHIS2: one table of values in four forms that say the same, mapped by a
 * ConceptMap; what has no place stops the rendering.
 */

import type { ConceptMap } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import { XMLParser } from 'fast-xml-parser';
import { after, before, describe, it } from 'mocha';
import { closePeriod } from '../../../../modules/indicators/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../../support/server.ts';
import { DAY, inside, paymentMapping, play } from '../world.ts';

const JANUARY = { startsOn: '2026-01-01', endsOn: '2026-01-31' };
const BULK = 'dataSet=pBOMPrpg1QX&period=202601&orgUnit=RegionAAAAA';

describe('reports for DHIS2', () => {
  let house: TestHouse;
  let north: string;
  before(async () => {
    house = await startTestHouse();
    await play(house);
    await house.advance(20 * DAY);
    await inside(house, (ctx) => closePeriod(ctx, 'payment', JANUARY));
    const found = await house.fetch('MeasureReport?subject=Location/north');
    north = found.json.entry[0].resource.id;
  });
  after(() => house?.stop());

  const keep = (map: ConceptMap) =>
    house.fetch(`ConceptMap/${map.id}`, { method: 'PUT', body: map });
  const render = (format: string, path = `MeasureReport/${north}`) =>
    house.fetch(`${path}/$dhis2-data-value-set?_format=${format}`);
  const attributes = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' });
  const pick = (each: Json) => [each.dataElement, each.categoryOptionCombo, String(each.value)];

  it('are refused until a mapping says where each figure goes', async () => {
    const none = await render('json');
    expect(none.status).to.equal(422);
    expect(none.json.issue[0].details.coding[0].code).to.equal('dhis2-unmapped');
    const map = paymentMapping();
    const [group] = map.group!;
    const cells = group!.element.find((each) => each.code === 'PAID_N')!;
    const whole = {
      ...cells,
      target: cells.target!.filter((each) => !/P18Y/.test(JSON.stringify(each))),
    };
    const element = group!.element.filter((each) => !['PAID_N', 'DUE_N'].includes(each.code!));
    expect(
      (await keep({ ...map, group: [{ ...group, element: [...element, whole] }] })).status,
    ).to.equal(201);
    const partly = await render('json');
    expect(partly.status).to.equal(422);
    const says = partly.json.issue.map((each: Json) => each.diagnostics).join('\n');
    expect(says).to.include('DUE_N is not mapped.');
    expect(says).to.include('PAID_N age=P18Y--P60Y,sex=female is not mapped.');
    expect(says).to.include('ConceptMap/dhis2-payment');
  });

  it('refuse a mapping that cannot be right, and name the place', async () => {
    const map = paymentMapping();
    const [group] = map.group!;
    const tried = async (element: Json[], more: Partial<ConceptMap> = {}) => {
      const answer = await keep({ ...map, group: [{ ...group, element }], ...more });
      expect(answer.status, answer.text.slice(0, 400)).to.equal(422);
      return `${answer.json.issue[0].expression} ${answer.json.issue[0].diagnostics}`;
    };
    const to = (code: string, ...dependsOn: Json[]) => ({
      equivalence: 'equivalent',
      code,
      ...(dependsOn.length > 0 && { dependsOn }),
    });
    const bySex = {
      property: 'https://amana.example/fhir/CodeSystem/indicator-dimension/sex',
      value: 'male',
    };
    expect(await tried([{ code: 'DUES', target: [to('x')] }])).to.include('element[0].code');
    expect(
      await tried([{ code: 'DUE_N', target: [to('x', { property: 'urn:colour', value: 'red' })] }]),
    ).to.include('dependsOn[0].property');
    expect(await tried([{ code: 'DUE_N', target: [to('x'), to('y', bySex)] }])).to.include(
      'overlap',
    );
    expect(
      await tried([
        { code: 'DUE_N', target: [to('x')] },
        { code: 'PAID_N', target: [to('x')] },
      ]),
    ).to.include('Two cells');
  });

  it('say the same in JSON, XML, CSV and ADX', async () => {
    expect((await keep(paymentMapping())).status).to.equal(200);
    const json = await render('json');
    expect(json.status, json.text).to.equal(200);
    expect(json.headers.get('content-type')).to.include('application/json');
    expect(json.json).to.include({
      dataSet: 'pBOMPrpg1QX',
      period: '202601',
      orgUnit: 'NorthAAAAAA',
      dataElementIdScheme: 'UID',
    });
    const values = json.json.dataValues;
    expect(values).to.have.length(3 + 15);
    for (const each of values) expect(each.value).to.be.a('string');
    const of = (element: string) => values.filter((each: Json) => each.dataElement === element);
    expect(of('dueNumberAA')[0].value).to.equal('7');
    expect(of('dueAmountAA')[0].value).to.equal('14000.00');
    const paid = of('paidNumberA').reduce((sum: number, each: Json) => sum + Number(each.value), 0);
    expect(of('paidAmountA')[0].value).to.equal(`${paid * 2000}.00`);
    expect(of('paidNumberA').some((each: Json) => each.value === '0')).to.equal(true);

    const xml = await render('xml');
    expect(xml.headers.get('content-type')).to.include('application/xml');
    const { dataValueSet } = attributes.parse(xml.text);
    expect(dataValueSet).to.include({ period: '202601', xmlns: 'http://dhis2.org/schema/dxf/2.0' });
    const csv = await render('csv');
    const rows: Json[] = parse(csv.text, { columns: true });
    expect(Object.keys(rows[0])).to.have.length(11);
    const adx = await house.fetch(`MeasureReport/${north}/$adx`, {
      headers: { accept: 'application/adx+xml' },
    });
    expect(adx.status, adx.text).to.equal(200);
    expect(adx.headers.get('content-type')).to.include('application/adx+xml');
    const { group, exported } = attributes.parse(adx.text).adx;
    expect(group).to.include({ period: '2026-01-01/P1M', orgUnit: 'NorthAAAAAA' });
    expect(exported).to.match(/Z$/);

    const wanted = values.map(pick);
    expect(dataValueSet.dataValue.map(pick)).to.deep.equal(wanted);
    expect(group.dataValue.map(pick)).to.deep.equal(wanted);
    expect(rows.map((row) => [row.dataelement, row.categoryoptioncombo, row.value])).to.deep.equal(
      wanted,
    );
  });

  it('are the same bytes for the same report', async () => {
    const [one, two] = [await render('json'), await render('json')];
    expect(one.text).to.equal(two.text);
    expect(one.headers.get('etag')).to.equal(two.headers.get('etag'));
    const adx = () => house.fetch(`MeasureReport/${north}/$adx`);
    expect((await adx()).text).to.equal((await adx()).text);
  });

  it('are given by DHIS2’s own names, for an org unit or those below it', async () => {
    const whole = await house.fetch(`MeasureReport/$dhis2-data-value-set?${BULK}`);
    expect(whole.status, whole.text).to.equal(200);
    const due = (answer: Json) =>
      answer.dataValues.filter((each: Json) => each.dataElement === 'dueNumberAA');
    expect(due(whole.json).map((each: Json) => each.value)).to.deep.equal(['11']);
    const below = await house.fetch(`MeasureReport/$dhis2-data-value-set?${BULK}&children=true`);
    expect(due(below.json).map((each: Json) => [each.orgUnit, each.value])).to.deep.equal([
      ['NorthAAAAAA', '7'],
      ['SouthAAAAAA', '4'],
    ]);
    expect(below.json.completeDate).to.equal(undefined);
    const open = await house.fetch(
      `MeasureReport/$dhis2-data-value-set?${BULK.replace('202601', '202602')}`,
    );
    expect(open.status).to.equal(404);
    const quarter = await house.fetch(
      `MeasureReport/$dhis2-data-value-set?${BULK.replace('202601', '2026Q1')}`,
    );
    expect(quarter.json.issue[0].details.coding[0].code).to.equal('dhis2-period');
    expect((await render('yaml')).status).to.equal(406);
  });

  it('stop when the mapping is retired', async () => {
    expect((await keep({ ...paymentMapping(), status: 'retired' })).status).to.equal(200);
    expect((await render('json')).status).to.equal(422);
  });
});
