/** Modifiers, special parameters, includes and result parameters: what is found, brought, refused. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const ROLE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const at = (latitude: number, longitude: number) => ({ position: { latitude, longitude } });

const RESOURCES: readonly Json[] = [
  { resourceType: 'Organization', id: 'top', name: 'Top' },
  {
    resourceType: 'Organization',
    id: 'mid',
    name: 'Mid',
    partOf: { reference: 'Organization/top' },
  },
  {
    resourceType: 'Organization',
    id: 'low',
    name: 'Low',
    partOf: { reference: 'Organization/mid' },
  },
  {
    resourceType: 'Patient',
    id: 'asha',
    meta: {
      tag: [{ system: 'urn:t', code: 'north' }],
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
      source: 'urn:registry:one',
    },
    name: [{ family: 'Asha' }],
    birthDate: '1990-05-01',
    gender: 'female',
    identifier: [
      {
        type: {
          coding: [{ system: 'urn:k', code: 'NI', display: 'National' }],
          text: 'National card',
        },
        system: 'urn:i',
        value: '7',
      },
    ],
    maritalStatus: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
          code: 'M',
          display: 'Wedded',
        },
      ],
    },
    managingOrganization: {
      reference: 'Organization/low',
      identifier: { system: 'urn:o', value: 'L' },
    },
  },
  {
    resourceType: 'Patient',
    id: 'musa',
    gender: 'male',
    name: [{ family: 'Musa' }],
    address: [{ use: 'home' }],
  },
  {
    resourceType: 'RelatedPerson',
    id: 'kin',
    patient: { reference: 'Patient/asha' },
    relationship: [{ coding: [{ system: ROLE, code: 'DAUC' }] }],
  },
  {
    resourceType: 'Group',
    id: 'home',
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/asha' } }],
  },
  {
    resourceType: 'Flag',
    id: 'hold',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: 'Patient/asha' },
  },
  {
    resourceType: 'Flag',
    id: 'house',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: 'Group/home' },
  },
  { resourceType: 'Location', id: 'near', status: 'active', ...at(-1.3, 36.82) },
  { resourceType: 'Location', id: 'nearest', status: 'active', ...at(-1.287, 36.818) },
  { resourceType: 'Location', id: 'far', status: 'active', ...at(0.51, 35.27) },
  { resourceType: 'Location', id: 'nowhere', status: 'active' },
];

const FINDS: readonly [string, string][] = [
  ['Patient?_tag=urn:t|north', 'asha'],
  ['Patient?_tag:missing=true', 'musa'],
  ['Patient?_tag:not=north', 'musa'],
  ['Patient?_security=R', 'asha'],
  ['Patient?_source=urn:registry:one', 'asha'],
  ['Patient?_profile:missing=true', 'asha,musa'],
  ['Patient?_id:missing=false', 'asha,musa'],
  ['Patient?_lastUpdated:missing=true', ''],
  ['Patient?birthdate:missing=true', 'musa'],
  ['Patient?birthdate:missing=false', 'asha'],
  ['Patient?family:missing=false', 'asha,musa'],
  ['Patient?given:missing=true', 'asha,musa'],
  ['Patient?phonetic:missing=true', ''],
  ['Patient?address:missing=true', 'asha'],
  ['Patient?address-city:missing=true', 'asha,musa'],
  ['Patient?identifier:of-type=urn:k|NI|7', 'asha'],
  ['Patient?identifier:of-type=urn:k|PPN|7', ''],
  ['Patient?identifier:text=national', 'asha'],
  ['Patient?organization:identifier=urn:o|L', 'asha'],
  ['Patient?organization:identifier=|L', ''],
  ['Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender', 'asha,musa'],
  ['Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender', ''],
  [`RelatedPerson?relationship:below=${ROLE}|CHILD`, 'kin'],
  [`RelatedPerson?relationship:below=${ROLE}|PRN`, ''],
  [`RelatedPerson?relationship:above=${ROLE}|DAU`, 'kin'],
  ['Organization?partof.partof.name=top', 'low'],
  ['Group?member:Patient._has:Flag:subject:_id=hold', 'home'],
  ['Group?member._has:Flag:subject:_id=hold', 'home'],
  ['Organization?_has:Patient:organization:_has:Flag:patient:_id=hold', 'low'],
  ['Organization?_has:Patient:organization:organization.partof.name=mid', 'low'],
  ['Flag?patient:missing=true', 'house'],
  ['Flag?subject:Group._id=home', 'house'],
  ['Patient?organization.name:missing=false', 'asha'],
  ['Location?near=-1.286|36.817|10|km', 'near,nearest'],
  ['Location?near=-1.286|36.817|500|m', 'nearest'],
  ['Location?near=-1.286|36.817|300|[mi_us]', 'far,near,nearest'],
  ['Location?near:missing=true', 'nowhere'],
];

const BRINGS: readonly [string, string][] = [
  [
    'Patient?_id=asha&_include=Patient:organization&_include:iterate=Organization:partof',
    'low,mid,top',
  ],
  ['Patient?_id=asha&_include=*&_revinclude=*', 'hold,home,kin,low'],
  ['Patient?_id=asha&_include=*&_revinclude=*&_type=Organization,Flag', 'hold,low'],
  ['Patient?_id=asha&_revinclude=Flag:*', 'hold'],
  ['Flag?_include=Flag:patient', 'asha'],
  ['Group?_revinclude=Flag:patient', ''],
  ['Group?_revinclude=Flag:subject', 'house'],
];

const REFUSED: readonly [string, string][] = [
  ['Patient?_filter=name eq "x"', 'not supported'],
  ['Patient?_content=x', 'not supported'],
  ['Patient?_contained=true', 'not supported'],
  ['Patient?gender:of-type=a|b|c', ':not'],
  ['Patient?gender:in=http://nowhere.example/ValueSet/x', 'no value set'],
  ['Patient?gender:below=urn:x|y', 'not carried'],
  ['Patient?gender:below=male', 'system|code'],
  ['Patient?_list=$current-problems', 'Lists'],
  ['Location?near=-1.286', 'latitude|longitude'],
  ['Location?near=-1.286|36.8|10|parsec', 'km'],
  ['Patient?_include=Patient', 'Type:parameter'],
  ['Patient?_sort:asc=name', '_sort'],
  ['Patient?gender:missing=perhaps', 'true or false'],
  ['Patient?identifer=1', 'identifier'],
];

const idsOf = ({ json }: Answer, mode = 'match'): string[] =>
  (json.entry ?? [])
    .filter((each: Json) => each.search?.mode === mode)
    .map((each: Json) => each.resource.id);

describe('what a search can ask', () => {
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

  const escaped = (query: string): string => query.replaceAll('[', '%5B').replaceAll(']', '%5D');

  for (const [query, ids] of FINDS) {
    it(`finds ${ids || 'nothing'} by ${query}`, async () => {
      const answer = await house.fetch(escaped(query));
      expect(answer.status, answer.text).to.equal(200);
      expect(idsOf(answer).sort().join()).to.equal(ids);
    });
  }

  for (const [query, ids] of BRINGS) {
    it(`brings ${ids || 'nothing'} along by ${query}`, async () => {
      const answer = await house.fetch(query);
      expect(answer.status, answer.text).to.equal(200);
      expect(idsOf(answer, 'include').sort().join()).to.equal(ids);
    });
  }

  for (const [query, says] of REFUSED) {
    it(`refuses ${query} and says what would do`, async () => {
      const { status, json } = await house.fetch(query);
      expect(status).to.equal(400);
      expect(json.issue[0].diagnostics).to.include(says);
    });
  }

  it('gives the nearest places first, through pages', async () => {
    const first = await house.fetch('Location?near=-1.286|36.817|1000|km&_count=2');
    expect(idsOf(first)).to.deep.equal(['nearest', 'near']);
    const next = first.json.link.find((each: Json) => each.relation === 'next');
    expect(idsOf(await house.fetch(next.url))).to.deep.equal(['far']);
  });

  it('takes parameters of a POSTed form and of the URL together', async () => {
    const answer = await house.fetch('Patient/_search?gender=female,male', {
      method: 'POST',
      body: 'name=musa',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(idsOf(answer)).to.deep.equal(['musa']);
    expect(answer.json.link[0].url).to.include('gender=').and.to.include('name=musa');
  });

  it('leaves out what it does not know of results too, when it may', async () => {
    const headers = { prefer: 'handling=lenient' };
    const answer = await house.fetch('Patient?_sort=shoesize&_include=Patient:shoe&gender=male', {
      headers,
    });
    expect(answer.status, answer.text).to.equal(200);
    expect(idsOf(answer)).to.deep.equal(['musa']);
    const [self] = answer.json.link;
    expect(self.url).to.not.include('_sort').and.to.not.include('_include');
    const [outcome] = answer.json.entry.filter((each: Json) => each.search.mode === 'outcome');
    expect(outcome.resource.issue[0].diagnostics).to.include('_sort, _include');
    const strict = await house.fetch('Patient?shoe=1', { headers: { prefer: 'handling=strict' } });
    expect(strict.status).to.equal(400);
  });

  it('counts as asked: exactly, about, or not', async () => {
    const totalOf = async (query: string) => (await house.fetch(query)).json.total;
    expect(await totalOf('Patient?_count=1')).to.equal(undefined);
    expect(await totalOf('Patient?_count=1&_total=none')).to.equal(undefined);
    expect(await totalOf('Patient?_count=1&_total=accurate')).to.equal(2);
    expect(await totalOf('Patient?_count=1&_total=estimate')).to.be.a('number');
    expect(await totalOf('Patient?_count=0&gender=male')).to.equal(1);
    const none = await house.fetch('Patient?_summary=count&gender=female');
    expect([none.json.total, none.json.entry]).to.deep.equal([1, undefined]);
  });

  it('gives each summary, and elements on read as well', async () => {
    const keysOf = async (query: string): Promise<string[]> => {
      const { json } = await house.fetch(query);
      return Object.keys(json.entry?.[0]?.resource ?? json);
    };
    const read = await keysOf('Patient/asha?_elements=gender');
    expect(read).to.have.members(['resourceType', 'id', 'meta', 'gender']);
    expect(await keysOf('Patient?_id=asha&_elements=Patient.gender,name')).to.include('name');
    expect(await keysOf('Patient?_id=asha&_summary=text')).to.not.include('gender');
    expect(await keysOf('Patient?_id=asha&_summary=true')).to.not.include('maritalStatus');
    expect(await keysOf('Patient?_id=asha&_summary=data')).to.include('maritalStatus');
    const whole = await house.fetch('Patient?_id=asha&_summary=false');
    expect(whole.json.entry[0].resource.meta.tag).to.have.length(1);
  });
});
