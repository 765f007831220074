/** Composite parameters: parts that hold together within one element, for every R4 composite. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { RESOURCE_TYPES } from '../../../src/fhir/definitions/resource-types.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const coded = (code: string, system = 'urn:s') => ({ coding: [{ system, code }] });

const RESOURCES: readonly Json[] = [
  {
    resourceType: 'Observation',
    id: 'pressure',
    status: 'final',
    code: coded('panel'),
    component: [
      {
        code: coded('sys'),
        valueQuantity: { value: 120, unit: 'millimetres', code: 'mm[Hg]', system: 'urn:u' },
      },
      {
        code: coded('dia'),
        valueQuantity: { value: 80, unit: 'millimetres', code: 'mm[Hg]', system: 'urn:u' },
      },
      { code: coded('arm'), valueCodeableConcept: coded('left') },
    ],
  },
  {
    resourceType: 'Observation',
    id: 'visit',
    status: 'final',
    code: coded('seen'),
    valueDateTime: '2026-03-05',
  },
  {
    resourceType: 'Observation',
    id: 'word',
    status: 'final',
    code: coded('eye'),
    valueString: 'Bleu clair',
  },
  {
    resourceType: 'Group',
    id: 'house',
    type: 'person',
    actual: true,
    characteristic: [
      { code: coded('roof'), valueCodeableConcept: coded('straw'), exclude: false },
      { code: coded('floor'), valueCodeableConcept: coded('earth'), exclude: false },
      { code: coded('electricity'), valueBoolean: false, exclude: false },
    ],
  },
  {
    resourceType: 'DocumentReference',
    id: 'second',
    status: 'current',
    content: [{ attachment: { url: 'urn:x' } }],
    relatesTo: [{ code: 'replaces', target: { reference: 'DocumentReference/first' } }],
  },
  {
    resourceType: 'MolecularSequence',
    id: 'gene',
    coordinateSystem: 0,
    referenceSeq: {
      genomeBuild: 'GRCh38',
      chromosome: coded('2'),
      windowStart: 128273724,
      windowEnd: 128273736,
    },
    variant: [{ start: 128273725, end: 128273726 }],
  },
];

const FINDS: readonly [string, string][] = [
  ['Observation?component-code-value-quantity=sys$120', 'pressure'],
  ['Observation?component-code-value-quantity=sys$80', ''],
  ['Observation?component-code-value-quantity=dia$le80|urn:u|mm[Hg]', 'pressure'],
  ['Observation?component-code-value-quantity=dia$80||millimetres', 'pressure'],
  ['Observation?component-code-value-quantity=dia$80||stones', ''],
  ['Observation?component-code-value-concept=urn:s|arm$urn:s|left', 'pressure'],
  ['Observation?component-code-value-concept=urn:s|arm$|left', ''],
  ['Observation?combo-code-value-quantity=urn:s|$gt100', 'pressure'],
  ['Observation?code-value-quantity=panel$120', ''],
  ['Observation?code-value-date=seen$2026-03', 'visit'],
  ['Observation?code-value-date=seen$lt2026-03', ''],
  ['Observation?code-value-string=urn:s|eye$BLEU', 'word'],
  ['Observation?code-value-string:missing=false', 'word'],
  ['Group?characteristic-value=roof$straw', 'house'],
  ['Group?characteristic-value=roof$earth', ''],
  ['Group?characteristic-value=electricity$false', 'house'],
  ['DocumentReference?relationship=DocumentReference/first$replaces', 'second'],
  [
    'DocumentReference?relationship=first$http://hl7.org/fhir/document-relationship-type|replaces',
    'second',
  ],
  ['DocumentReference?relationship=first$signs', ''],
  ['MolecularSequence?chromosome-variant-coordinate=2$gt128273724$lt128273730', 'gene'],
  ['MolecularSequence?chromosome-window-coordinate=2$128273724$128273736', 'gene'],
  ['MolecularSequence?chromosome-window-coordinate=2$128273724$128273799', ''],
];

describe('composite search parameters', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { REFERENTIAL_INTEGRITY: 'off' } });
    for (const body of RESOURCES) {
      const path = `${body.resourceType}/${body.id}`;
      const answer = await house.fetch(path, { method: 'PUT', body });
      expect(answer.status, answer.text).to.equal(201);
    }
  });
  after(() => house?.stop());

  const find = async (query: string): Promise<string> => {
    const { status, json, text } = await house.fetch(
      query.replaceAll('[', '%5B').replaceAll(']', '%5D'),
    );
    expect(status, text).to.equal(200);
    return (json.entry ?? []).map((each: Json) => each.resource.id).join();
  };

  for (const [query, ids] of FINDS) {
    it(`finds ${ids || 'nothing'} by ${query}`, async () => {
      expect(await find(query)).to.equal(ids);
    });
  }

  it('forgets what an element no longer says', async () => {
    const [pressure] = RESOURCES;
    const body = { ...pressure, component: [pressure.component[1]] };
    await house.fetch('Observation/pressure', { method: 'PUT', body });
    expect(await find('Observation?component-code-value-quantity=sys$120')).to.equal('');
    expect(await find('Observation?component-code-value-quantity=dia$80')).to.equal('pressure');
    await house.fetch('Observation/pressure', { method: 'DELETE' });
    const { rows } = await house.database.pool.query(
      `select count(*) as n from pair p left join resource r on r.rid = p.rid and not r.deleted
       where r.rid is null`,
    );
    expect(rows[0].n).to.equal(0n);
  });

  for (const [query, says] of [
    ['Observation?code-value-quantity=panel', 'token$quantity'],
    ['Observation?code-value-quantity=panel$$5', 'token$quantity'],
    ['Observation?code-value-quantity=panel$many', 'not a number'],
    ['Observation?code-value-quantity:exact=panel$5', ':missing'],
  ] as const) {
    it(`refuses ${query} and says its form`, async () => {
      const { status, json } = await house.fetch(query);
      expect(status).to.equal(400);
      expect(json.issue[0].diagnostics).to.include(says);
    });
  }

  it('reads all parts of all composites that R4 has', () => {
    const definitions = createDefinitions();
    let count = 0;
    for (const type of RESOURCE_TYPES) {
      for (const info of definitions.searchParameters(type)) {
        if (info.type !== 'composite') continue;
        count += 1;
        expect(info.components.map((part) => part.place).sort(), info.url).to.deep.equal(
          [1, 2, 3].slice(0, info.components.length),
        );
      }
    }
    expect(count).to.be.greaterThan(60);
  });
});
