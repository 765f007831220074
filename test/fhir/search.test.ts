/** What a search understands and refuses, how it pages, and what it brings along. */

import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';

const put = (resource: { resourceType: string; id: string }): BundleEntry =>
  ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  }) as unknown as BundleEntry;

const PEOPLE = [
  put({ resourceType: 'Organization', id: 'relief', name: 'Relief' } as never),
  put({
    resourceType: 'Patient',
    id: 'asha',
    name: [{ family: 'Asha', given: ['Neema'] }],
    gender: 'female',
    birthDate: '1980-05-01',
    managingOrganization: { reference: 'Organization/relief' },
  } as never),
  put({
    resourceType: 'Patient',
    id: 'baraka',
    name: [{ family: 'Ashantí' }],
    gender: 'male',
    birthDate: '2015-01-31',
    link: [{ other: { reference: 'Patient/asha' }, type: 'seealso' }],
  } as never),
  put({ resourceType: 'Patient', id: 'chausiku' } as never),
  put({
    resourceType: 'Group',
    id: 'home',
    type: 'person',
    actual: true,
    member: [
      { entity: { reference: 'Patient/asha' } },
      { entity: { reference: 'Patient/baraka' } },
    ],
  } as never),
  put({
    resourceType: 'List',
    id: 'chosen',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: 'Patient/baraka' } }],
  } as never),
];

describe('a search', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: PEOPLE };
    const answer = await house.fetch('', { body: bundle });
    expect(answer.status, answer.text).to.equal(200);
  });
  after(() => house?.stop());

  const idsOf = ({ json }: Answer, mode = 'match'): string[] =>
    ((json as Bundle).entry ?? [])
      .filter((each) => each.search?.mode === mode)
      .map((each) => each.resource!.id!)
      .sort();

  const FINDS: readonly [string, string][] = [
    ['Patient?name=asha', 'asha,baraka'],
    ['Patient?family:exact=Asha', 'asha'],
    ['Patient?name:contains=EEM', 'asha'],
    ['Patient?gender=male', 'baraka'],
    ['Patient?gender:not=male', 'asha,chausiku'],
    ['Patient?gender=male,female', 'asha,baraka'],
    ['Patient?gender:missing=true', 'chausiku'],
    ['Patient?birthdate=ge2000', 'baraka'],
    ['Patient?birthdate=1980-05', 'asha'],
    ['Patient?_id=asha,chausiku', 'asha,chausiku'],
    ['Patient?_lastUpdated=gt2020-01-01&gender=male', 'baraka'],
    ['Patient?_list=chosen', 'baraka'],
    ['Patient?organization=relief', 'asha'],
    ['Patient?organization:Organization=relief', 'asha'],
    ['Patient?organization.name=rel', 'asha'],
    ['Patient?organization:Organization.name=other', ''],
    ['Patient?link:Patient.organization.name=Relief', 'baraka'],
    ['Patient?_has:Group:member:_id=home', 'asha,baraka'],
    ['Patient?_has:Group:member:_id=home&gender=female', 'asha'],
    ['Organization?_has:Patient:organization:gender=female', 'relief'],
    ['Organization?_has:Patient:organization:_has:Group:member:_id=home', 'relief'],
    ['Group?member=Patient/asha', 'home'],
    ['Group?member:Patient.name=asha', 'home'],
    ['?_type=Patient,Group&_id=home,asha', 'asha,home'],
  ];
  for (const [query, ids] of FINDS) {
    it(`finds ${ids || 'nothing'} by ${query}`, async () => {
      const answer = await house.fetch(query);
      expect(answer.status, answer.text).to.equal(200);
      expect(idsOf(answer).join()).to.equal(ids);
    });
  }

  it('is the same by POST', async () => {
    const answer = await house.fetch('Patient/_search', {
      method: 'POST',
      body: 'gender=male',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.status, answer.text).to.equal(200);
    expect(idsOf(answer)).to.deep.equal(['baraka']);
  });

  const BRINGS: readonly [string, string][] = [
    ['Patient?_id=asha&_include=Patient:organization', 'relief'],
    ['Patient?_id=asha&_revinclude=Group:member', 'home'],
    ['Group?_include=Group:member', 'asha,baraka'],
    ['Group?_include=Group:member&_include:iterate=Patient:organization', 'asha,baraka,relief'],
    ['Organization?_revinclude=Patient:organization&_revinclude:iterate=Group:member', 'asha,home'],
    ['Patient?_id=asha&_include=*', 'relief'],
  ];
  for (const [query, ids] of BRINGS) {
    it(`brings ${ids} along by ${query}`, async () => {
      expect(idsOf(await house.fetch(query), 'include').join()).to.equal(ids);
    });
  }

  const REFUSED: readonly [string, string][] = [
    ['Patient?gendre=male', 'gender'],
    ['Patient?gender:like=male', ':not'],
    ['Patient?birthdate=yesterday', '2026-01'],
    ['Patient?birthdate:exact=2020', ':missing'],
    ['Patient?gender.name=x', 'not a reference'],
    ['Patient?_count=many', 'whole number'],
    ['Patient?_sort=shoesize', 'cannot be searched'],
    ['Patient?_include=Patient:gender', 'not a reference'],
    ['Patient?_has:Group:code:x=1', 'does not lead'],
    ['Patient?_summary=little', 'one of'],
    ['Patient?_cursor=made.up', 'cursor'],
  ];
  for (const [query, says] of REFUSED) {
    it(`refuses ${query} and says what would do`, async () => {
      const { status, json } = await house.fetch(query);
      expect(status).to.equal(400);
      expect(json.issue[0].diagnostics).to.include(says);
    });
  }

  it('leaves out what it does not know when asked to be lenient, and says so', async () => {
    const answer = await house.fetch('Patient?gendre=male&_id=asha', {
      headers: { prefer: 'handling=lenient' },
    });
    expect(idsOf(answer)).to.deep.equal(['asha']);
    expect(answer.json.link[0].url).to.not.include('gendre');
    expect(JSON.stringify(answer.json.entry.at(-1))).to.include('gendre');
  });

  it('gives parts on demand, tagged as parts, which cannot be written back', async () => {
    const { json } = await house.fetch('Patient?_id=asha&_elements=gender');
    const [{ resource }] = json.entry;
    expect(resource.gender).to.equal('female');
    expect(resource.name).to.equal(undefined);
    expect(resource.meta.tag[0].code).to.equal('SUBSETTED');
    const back = await house.fetch('Patient/asha', { method: 'PUT', body: resource });
    expect(back.status).to.equal(422);
    const counted = await house.fetch('Patient?_summary=count');
    expect([counted.json.total, counted.json.entry]).to.deep.equal([3, undefined]);
  });

  it('sorts by several keys, with what is missing last, through all pages and back', async () => {
    const expected = ['baraka', 'asha', 'chausiku'];
    const seen: string[] = [];
    let page = await house.fetch('Patient?_sort=-birthdate,name&_count=1');
    for (;;) {
      seen.push(...idsOf(page));
      const next = page.json.link.find((each: { relation: string }) => each.relation === 'next');
      if (!next) break;
      page = await house.fetch(next.url);
    }
    expect(seen).to.deep.equal(expected);
    for (const id of ['asha', 'baraka']) {
      const link = page.json.link.find(
        (each: { relation: string }) => each.relation === 'previous',
      );
      page = await house.fetch(link.url);
      expect(idsOf(page)).to.deep.equal([id]);
    }
  });

  it('loses nothing and repeats nothing while others write', async function () {
    this.timeout(60_000);
    const create = (number: number): Promise<Answer> =>
      house.fetch('Basic', {
        body: {
          resourceType: 'Basic',
          code: { text: 'page' },
          identifier: [{ system: 'urn:page', value: String(number) }],
        },
      });
    const before = new Set<string>();
    for (let i = 0; i < 60; i += 1) before.add((await create(i)).json.id);
    for (const sort of ['', '&_sort=_lastUpdated', '&_sort=_id']) {
      const seen: string[] = [];
      let url: string | undefined = `Basic?_count=7${sort}`;
      let number = 1000;
      while (url) {
        const page: Answer = await house.fetch(url);
        expect(page.status, page.text).to.equal(200);
        for (const each of page.json.entry) seen.push(each.resource.id);
        url = page.json.link.find((each: { relation: string }) => each.relation === 'next')?.url;
        number += 1;
        if (number < 1020) await create(number);
      }
      expect(new Set(seen).size, 'nothing twice').to.equal(seen.length);
      for (const id of before) expect(seen).to.include(id);
    }
  });
});
