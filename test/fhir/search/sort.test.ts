/**
 * The order of pages: by parameters of every type, by several keys, with what is missing last;
 * links that neither lose nor repeat anything while resources come, go and change.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const quantity = (value: number) => ({ value, unit: 'kg', system: 'urn:u', code: 'kg' });
const concept = (code: string) => ({ coding: [{ system: 'urn:c', code }] });

const RESOURCES: readonly Json[] = [
  {
    resourceType: 'Patient',
    id: 'a',
    name: [{ family: 'Zulu' }, { family: 'Babu' }],
    gender: 'male',
    birthDate: '1990-03-01',
    identifier: [{ system: 'urn:i', value: '300' }],
    telecom: [
      { system: 'email', value: 'a@x.example' },
      { system: 'phone', value: '900' },
    ],
    managingOrganization: { reference: 'Organization/two' },
  },
  {
    resourceType: 'Patient',
    id: 'b',
    name: [{ family: 'Chacha', given: ['Zawadi'] }],
    gender: 'female',
    birthDate: '1980',
    identifier: [{ system: 'urn:i', value: '100' }, { value: '900' }],
    telecom: [{ system: 'phone', value: '100' }],
    managingOrganization: { reference: 'Organization/one' },
  },
  {
    resourceType: 'Patient',
    id: 'c',
    name: [{ family: 'Daudi' }],
    gender: 'female',
    birthDate: '1985-01-01',
    identifier: [{ value: '200' }],
  },
  { resourceType: 'Patient', id: 'd', name: [{ use: 'official' }], active: true },
  {
    resourceType: 'RiskAssessment',
    id: 'r1',
    status: 'final',
    subject: { reference: 'Patient/a' },
    prediction: [{ probabilityDecimal: 0.5 }, { probabilityDecimal: 0.1 }],
  },
  {
    resourceType: 'RiskAssessment',
    id: 'r2',
    status: 'final',
    subject: { reference: 'Patient/a' },
    prediction: [{ probabilityDecimal: 0.25 }],
  },
  {
    resourceType: 'Observation',
    id: 'o1',
    status: 'final',
    code: concept('x'),
    valueQuantity: quantity(9.5),
  },
  {
    resourceType: 'Observation',
    id: 'o2',
    status: 'final',
    code: concept('b'),
    valueQuantity: quantity(10),
  },
  { resourceType: 'Observation', id: 'o3', status: 'final', code: concept('c') },
  { resourceType: 'ValueSet', id: 'v1', status: 'draft', url: 'http://z.example/1' },
  { resourceType: 'ValueSet', id: 'v2', status: 'draft', url: 'http://a.example/2' },
];

/** What is sorted, how, and what must come; what has no value is last whichever way. */
const ORDERS: readonly [string, string][] = [
  ['Patient?_sort=name', 'a,b,c,d'],
  ['Patient?_sort=-name', 'a,b,c,d'],
  ['Patient?_sort=-family', 'a,c,b,d'],
  ['Patient?_sort=birthdate', 'b,c,a,d'],
  ['Patient?_sort=-birthdate', 'a,c,b,d'],
  ['Patient?_sort=gender,-birthdate', 'c,b,a,d'],
  ['Patient?_sort=-gender,birthdate', 'a,b,c,d'],
  ['Patient?_sort=identifier', 'b,c,a,d'],
  ['Patient?_sort=-identifier', 'b,a,c,d'],
  ['Patient?_sort=phone', 'b,a,c,d'],
  ['Patient?_sort=organization,name', 'b,a,c,d'],
  ['Patient?_sort=-organization,-name', 'a,b,c,d'],
  ['Patient?_sort=active,name', 'd,a,b,c'],
  ['Patient?_sort=death-date,-name', 'a,b,c,d'],
  ['Patient?gender=female&_sort=name', 'b,c'],
  ['Patient?name=d,c,z&_sort=-birthdate', 'a,c,b'],
  ['Patient?birthdate=ge1980-06&_sort=birthdate', 'b,c,a'],
  ['Patient?birthdate=ge1985&birthdate=lt1990&_sort=-birthdate', 'c'],
  ['Patient?birthdate=le1985&_sort=-birthdate', 'c,b'],
  ['Patient?birthdate=sa1980&_sort=birthdate,name', 'c,a'],
  ['Patient?birthdate=1980,1990-03-01&_sort=-birthdate', 'a,b'],
  ['Patient?birthdate=ne1985-01-01&_sort=birthdate', 'b,a'],
  ['Patient?birthdate:missing=false&_sort=birthdate', 'b,c,a'],
  ['Patient?family=d,z&_sort=-family', 'a,c'],
  ['RiskAssessment?_sort=probability', 'r1,r2'],
  ['RiskAssessment?_sort=-probability', 'r1,r2'],
  ['Observation?_sort=value-quantity', 'o1,o2,o3'],
  ['Observation?_sort=-value-quantity', 'o2,o1,o3'],
  ['Observation?_sort=code', 'o2,o3,o1'],
  ['ValueSet?status=draft&_sort=url', 'v2,v1'],
  ['Patient?_sort=_id', ''],
  ['Patient?_sort=-_lastUpdated', ''],
  ['Patient?_sort=_lastUpdated,-birthdate', ''],
];

const linkOf = ({ json }: Answer, relation: string): string | undefined =>
  json.link.find((each: Json) => each.relation === relation)?.url;
const idsOf = ({ json }: Answer): string[] =>
  (json.entry ?? []).map((each: Json) => each.resource.id);

describe('the order of a search', () => {
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

  for (const [query, expected] of ORDERS) {
    it(`is kept through pages and back by ${query}`, async () => {
      const whole = await house.fetch(query);
      expect(whole.status, whole.text).to.equal(200);
      const all = idsOf(whole);
      if (expected) expect(all.join()).to.equal(expected);
      for (const size of [1, 2]) {
        const pages: string[][] = [];
        let page = await house.fetch(`${query}&_count=${size}`);
        for (;;) {
          pages.push(idsOf(page));
          const next = linkOf(page, 'next');
          if (!next) break;
          page = await house.fetch(next);
        }
        expect(pages.flat(), `forward by ${size}`).to.deep.equal(all);
        for (const before of pages.slice(0, -1).reverse()) {
          page = await house.fetch(linkOf(page, 'previous')!);
          expect(idsOf(page), `back by ${size}`).to.deep.equal(before);
        }
        expect(linkOf(page, 'previous')).to.equal(undefined);
      }
    });
  }

  it('is refused by what has no order', async () => {
    const { status, json } = await house.fetch('Location?_sort=near');
    expect(status).to.equal(400);
    expect(json.issue[0].diagnostics).to.include('no order');
  });

  it('loses nothing and repeats nothing while resources come, go and change', async function () {
    this.timeout(60_000);
    const basic = (number: number, created: string) => ({
      resourceType: 'Basic',
      id: `n${number}`,
      code: concept('page'),
      created,
      identifier: [{ value: `v${number}` }],
    });
    const put = (body: Json) => house.fetch(`Basic/${body.id}`, { method: 'PUT', body });
    for (let i = 0; i < 40; i += 1)
      await put(basic(i, `2026-01-${String(1 + (i % 20)).padStart(2, '0')}`));
    for (const [at, sort] of ['created', '-created', 'identifier', 'code,-created'].entries()) {
      const first = 1000 * (at + 1);
      const seen: string[] = [];
      let url: string | undefined = `Basic?_count=6&_sort=${sort}`;
      let fresh = 0;
      while (url) {
        const page: Answer = await house.fetch(url);
        expect(page.status, page.text).to.equal(200);
        seen.push(...idsOf(page));
        url = linkOf(page, 'next');
        if (fresh >= 6) continue;
        fresh += 1;
        await put(basic(first + fresh, `2026-01-${10 + fresh}`));
        await house.fetch(`Basic/n${first + fresh - 1}`, { method: 'DELETE' });
      }
      const old = seen.filter((id) => Number(id.slice(1)) < 1000);
      expect(new Set(seen).size, `${sort}: nothing twice`).to.equal(seen.length);
      expect(old, `${sort}: nothing lost`).to.have.length(40);
      expect(
        seen.filter((id) => Number(id.slice(1)) > first),
        `${sort}: nothing newer`,
      ).to.deep.equal([]);
    }
  });
});
