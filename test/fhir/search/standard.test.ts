/**
 * The search page of R4 by its sentences: what it says that a server does is asked of a running one.
 *
 * Spec: https://hl7.org/fhir/R4/search.html
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const person = (id: string, rest: Json): Json => ({ resourceType: 'Patient', id, ...rest });
const named = (id: string, family: string, ...given: string[]): Json =>
  person(id, { name: [{ family, ...(given.length > 0 && { given }) }] });
const seen = (id: string, subject: string, rest: Json = {}): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'urn:c', code: 'seen' }] },
  subject: { reference: subject },
  ...rest,
});
const order = (id: string, timing: Json): Json => ({
  resourceType: 'ServiceRequest',
  id,
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/eve' },
  occurrenceTiming: timing,
});
const place = (id: string, partOf?: string): Json => ({
  resourceType: 'Location',
  id,
  name: id,
  ...(partOf && { partOf: { reference: `Location/${partOf}` } }),
});

const RESOURCES: readonly Json[] = [
  named('eve', 'Eve'),
  named('evelyn', 'Evelyn', 'Ann', 'Maria'),
  named('severine', 'Severine', 'Maria'),
  named('eq', 'eqbal'),
  named('jr', 'Smith, Jr'),
  named('pipe', 'A|B'),
  named('slash', 'C\\D'),
  named('percent', '100% Sure'),
  named('under', 'foo_bar'),
  named('oneill', "O'Neill-Díaz"),
  named('arabic', 'أحمد'),
  named('tatweel', 'محـمد'),
  named('amharic', 'አበበ ቢቂላ'),
  named('joined', 'می‌خواهم'),
  named('strasse', 'Straße'),
  named('lodz', 'Łódź'),
  named('nguyen', 'Nguyễn'),
  named('turkish', 'İstanbul'),
  named('greek', 'ΟΔΥΣΣΕΥΣ'),
  named('hangul', '김'),
  named('wide', 'Ｆｕｌｌ'),
  person('comma', { identifier: [{ system: 'urn:i', value: 'a,b' }] }),
  person('bar', { identifier: [{ system: 'urn:i', value: 'a|b' }] }),
  person('both', { identifier: [{ system: 'urn:i', value: 'a' }, { value: 'b' }] }),
  person('case', { identifier: [{ system: 'urn:i', value: 'Case' }] }),
  person('born', { birthDate: '1990-05-01', gender: 'female', active: true }),
  person('month', { birthDate: '1990-05', gender: 'male' }),
  person('deceased', { deceasedDateTime: '2020-01-01T23:30:00-05:00' }),
  seen('o-day', 'Patient/eve', { effectiveDateTime: '2020-03-10' }),
  seen('o-zone', 'Patient/evelyn', { effectiveDateTime: '2020-03-10T01:00:00+03:00' }),
  seen('o-open', 'Patient/born', { effectivePeriod: { start: '2020-03-01' } }),
  seen('o-ended', 'Patient/month', { effectivePeriod: { end: '2020-02-01' } }),
  seen('o-place', 'Location/village'),
  order('t-events', { event: ['2021-01-01', '2021-06-01'] }),
  order('t-bounds', { repeat: { boundsPeriod: { start: '2021-02-01', end: '2021-03-01' } } }),
  place('country'),
  place('district', 'country'),
  place('village', 'district'),
  place('elsewhere'),
  {
    resourceType: 'Organization',
    id: 'ring-a',
    name: 'A',
    partOf: { reference: 'Organization/ring-b' },
  },
  {
    resourceType: 'Organization',
    id: 'ring-b',
    name: 'B',
    partOf: { reference: 'Organization/ring-a' },
  },
];

describe('the search page of R4', () => {
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

  /** What a query finds: names and values separated as in a URL, each encoded here. */
  async function ids(path: string): Promise<string> {
    const [type, query = ''] = path.split('?');
    const encoded = query
      .split('&')
      .map((each) => {
        const at = each.indexOf('=');
        return `${each.slice(0, at)}=${encodeURIComponent(each.slice(at + 1))}`;
      })
      .join('&');
    const { json, status } = await house.fetch(`${type}?${encoded}`);
    if (status !== 200) return `${status} ${json.issue[0].details?.coding?.[0]?.code}`;
    return (json.entry ?? [])
      .map((each: Json) => each.resource.id)
      .sort()
      .join();
  }

  const SAYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'a string matches the beginning, whatever its case and accents': {
      'Patient?family=eve': 'eve,evelyn',
      'Patient?family=EVE': 'eve,evelyn',
      'Patient?family=éve': 'eve,evelyn',
      'Patient?family:contains=eve': 'eve,evelyn,severine',
      'Patient?family:exact=Eve': 'eve',
      'Patient?family:exact=eve': '',
      'Patient?family=oneill': '',
      'Patient?family=o neill diaz': 'oneill',
      "Patient?family=O'NEILL-DIAZ": 'oneill',
      "Patient?family:exact=O'Neill-Díaz": 'oneill',
    },
    'a string has no comparators and no wildcards': {
      'Patient?family=eqbal': 'eq',
      'Patient?family=eq': 'eq',
      'Patient?family=ne': '',
      'Patient?family=100%': 'percent',
      'Patient?family:contains=0% s': 'percent',
      'Patient?family:contains=o_b': 'under',
      'Patient?family:contains=%': '400 search-text',
      'Patient?family=ev*': 'eve,evelyn',
    },
    'names of every script are found as they are written by others': {
      'Patient?family=احمد': 'arabic',
      'Patient?family=محمد': 'tatweel',
      'Patient?family=አበበ': 'amharic',
      'Patient?family=አበ': 'amharic',
      'Patient?family=ابب': '',
      'Patient?family=میخواهم': 'joined',
      'Patient?family=STRASSE': 'strasse',
      'Patient?family=straße': 'strasse',
      'Patient?family=lodz': 'lodz',
      'Patient?family=nguyen': 'nguyen',
      'Patient?family=istanbul': 'turkish',
      'Patient?family=οδυσσευς': 'greek',
      'Patient?family=οδυσσευσ': 'greek',
      'Patient?family=김': 'hangul',
      'Patient?family=full': 'wide',
    },
    'a comma is or, repetition is and, within one person': {
      'Patient?family=eve,severine': 'eve,evelyn,severine',
      'Patient?given=ann&given=maria': 'evelyn',
      'Patient?given=ann,maria': 'evelyn,severine',
      'Patient?given=ann&given=nobody': '',
    },
    'escapes are taken as text': {
      'Patient?family=Smith\\, Jr': 'jr',
      'Patient?family:exact=Smith\\, Jr': 'jr',
      'Patient?family:exact=A\\|B': 'pipe',
      'Patient?family:exact=A|B': 'pipe',
      'Patient?family:exact=C\\\\D': 'slash',
      'Patient?identifier=urn:i|a\\,b': 'comma',
      'Patient?identifier=a\\,b': 'comma',
      'Patient?identifier=a,b': 'both',
      'Patient?identifier=urn:i|a\\|b': 'bar',
      'Patient?identifier=a\\|b': 'bar',
    },
    'a token has a system, none, or any': {
      'Patient?identifier=urn:i|a': 'both',
      'Patient?identifier=|b': 'both',
      'Patient?identifier=|a': '',
      'Patient?identifier=urn:i|': 'bar,both,case,comma',
      'Patient?identifier=urn:i|case': '',
      'Patient?identifier=|': '400 search-token',
      'Patient?gender=female': 'born',
      'Patient?gender=http://hl7.org/fhir/administrative-gender|female': 'born',
      'Patient?gender=urn:other|female': '',
      'Patient?active=true': 'born',
      'Patient?gender:not=female&birthdate:missing=false': 'month',
    },
    'dates are spans on both sides': {
      'Patient?birthdate=1990': 'born,month',
      'Patient?birthdate=1990-05': 'born,month',
      'Patient?birthdate=1990-05-01': 'born',
      'Patient?birthdate=ne1990-05-01': 'month',
      'Patient?birthdate=gt1990-05-01': 'month',
      'Patient?birthdate=ge1990-05-01': 'born,month',
      'Patient?birthdate=lt1990-05-01': '',
      'Patient?birthdate=sa1990-04': 'born,month',
      'Patient?birthdate=eb1990-06': 'born,month',
      'Patient?birthdate=ge1990-05-01&birthdate=le1990-05-31': 'born,month',
      'Patient?birthdate=1990-13': '400 search-date',
      'Patient?birthdate=xx1990': '400 search-date',
    },
    'instants have zones, and a plus sign survives': {
      'Patient?death-date=2020-01-02': 'deceased',
      'Patient?death-date=2020-01-01': '',
      'Patient?death-date=2020-01-01T23:30:00-05:00': 'deceased',
      'Patient?death-date=2020-01-02T07:30:00+03:00': 'deceased',
      'Observation?date=2020-03-09': 'o-zone',
      'Observation?date=2020-03-10': 'o-day',
      'Observation?date=2020-03-09T22:00:00Z': 'o-zone',
    },
    'a period without end goes on, one without beginning began before': {
      'Observation?date=gt2030': 'o-open',
      'Observation?date=lt1990': 'o-ended',
      'Observation?date=sa2020-02-15': 'o-day,o-open,o-zone',
      'Observation?date=eb2020-02-15': 'o-ended',
      'Observation?date=2020': 'o-day,o-zone',
      'Observation?date:missing=true': 'o-place',
    },
    'a Timing has its outer bounds': {
      'ServiceRequest?occurrence=2021': 't-bounds,t-events',
      'ServiceRequest?occurrence=2021-03': '',
      'ServiceRequest?occurrence=gt2021-05': 't-events',
      'ServiceRequest?occurrence=sa2021-01-15': 't-bounds',
      'ServiceRequest?occurrence=lt2021-01-15': 't-events',
    },
    'a reference is found in every form': {
      'Observation?subject=Patient/eve': 'o-day',
      'Observation?subject=eve': 'o-day',
      'Observation?subject:Patient=eve': 'o-day',
      'Observation?subject:Location=eve': '',
      'Observation?patient=Patient/eve,evelyn': 'o-day,o-zone',
      'Observation?patient=Location/village': '',
      'Observation?subject=Location/village': 'o-place',
      'Observation?subject=Patient/eve/_history/7': 'o-day',
      'Observation?subject=http://other.example/fhir/Patient/eve': '',
      'Observation?subject:missing=true': '',
    },
    'hierarchies of references are followed': {
      'Location?partof:below=Location/country': 'district,village',
      'Location?partof:below=district': 'village',
      'Location?partof:above=village': 'district,village',
      'Location?partof:above=elsewhere': '',
      'Location?partof:below=Organization/ring-a': '',
      'Observation?encounter:below=Location/country': '',
      'Location?partof=country': 'district',
      'Organization?partof:below=ring-a': 'ring-a,ring-b',
      'Observation?subject:below=Location/country': 'o-place',
    },
    'chains take modifiers and comparators': {
      'Observation?subject:Patient.family:exact=Eve': 'o-day',
      'Observation?subject:Patient.birthdate=ge1990-05-02': 'o-open,o-ended'
        .split(',')
        .slice(1)
        .join(),
      'Observation?patient.gender:not=male': 'o-day,o-open,o-zone',
      'Observation?patient.gender:missing=true': 'o-day,o-zone',
      'Observation?subject.name=evelyn': 'o-zone',
      'Observation?patient._id=born,month': 'o-ended,o-open',
      'Patient?_has:Observation:patient:date=2020-03-10': 'eve',
      'Patient?_has:Observation:subject:code=seen&family=eve': 'eve,evelyn',
    },
    'ids and changes narrow': {
      'Patient?_id=eve,nobody,evelyn': 'eve,evelyn',
      'Patient?_id=eve&_id=evelyn': '',
      'Patient?_id=eve&_lastUpdated=gt2000&_lastUpdated=lt2100': 'eve',
      'Patient?_id=eve&_lastUpdated=lt2000': '',
      'Patient?_id=eve&_lastUpdated=xyz': '400 search-date',
    },
    'parameter names are case-sensitive and known': {
      'Patient?Family=eve': '400 search-parameter-unknown',
      'Patient?family:foo=eve': '400 search-modifier',
      'Patient?birthdate:exact=1990': '400 search-modifier',
      'Patient?family:missing=maybe': '400 search-value',
      'Patient?_filter=name eq eve': '400 search-parameter-unknown',
      'Patient?_text=eve': '400 search-parameter-unknown',
      'Patient?_content=eve': '400 search-parameter-unknown',
      'Patient?_query=x': '400 search-parameter-unknown',
      'Patient?_contained=true': '400 search-parameter-unknown',
      'Patient?_contained=false&_id=eve': 'eve',
      'Patient?_count=-1': '400 search-value',
      'Patient?_total=some': '400 search-value',
      'Patient?_summary=text&_include=Patient:organization': '400 search-include',
    },
    'what leads round in circles comes once': {
      'Organization?_id=ring-a&_include:iterate=Organization:partof': 'ring-a,ring-b',
      'Organization?_id=ring-a&_revinclude:iterate=Organization:partof': 'ring-a,ring-b',
      'Location?_id=village&_include:iterate=Location:partof': 'country,district,village',
      'Location?_id=village&_include=Location:partof': 'district,village',
      'Location?_id=country&_revinclude:iterate=Location:partof': 'country,district,village',
    },
  };

  for (const [sentence, queries] of Object.entries(SAYS)) {
    it(sentence, async () => {
      const wrong: string[] = [];
      for (const [query, expected] of Object.entries(queries)) {
        const got = await ids(query);
        if (got !== expected)
          wrong.push(`${query} → ${got || 'nothing'}, not ${expected || 'nothing'}`);
      }
      expect(wrong.join('\n')).to.equal('');
    });
  }

  it('takes every absolute form of a reference to this server', async () => {
    const { json } = await house.fetch(
      `Observation?subject=${encodeURIComponent(`${house.base}/Patient/eve`)}`,
    );
    expect(json.entry).to.have.length(1);
  });

  it('says whether any parameter of any kind is missing', async () => {
    const wrong: string[] = [];
    const { json } = await house.fetch('metadata');
    for (const type of ['Patient', 'Observation', 'Location', 'ServiceRequest', 'RiskAssessment']) {
      const declared = json.rest[0].resource.find((each: Json) => each.type === type).searchParam;
      const all = (await house.fetch(`${type}?_summary=count`)).json.total;
      for (const { name } of declared) {
        if (name === '_list') continue;
        const [yes, no] = await Promise.all(
          ['true', 'false'].map((each) =>
            house.fetch(`${type}?${name}:missing=${each}&_summary=count`),
          ),
        );
        if (yes!.json.total + no!.json.total !== all) wrong.push(`${type} ${name}`);
      }
    }
    expect(wrong.join('\n')).to.equal('');
  });

  it('joins the parameters of the body and of the URL', async () => {
    const posted = await house.fetch('Patient/_search?given=maria', {
      body: 'family=eve&_count=5',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(posted.json.entry.map((each: Json) => each.resource.id)).to.eql(['evelyn']);
    const self = posted.json.link.find((each: Json) => each.relation === 'self').url;
    expect(self).to.contain('given=maria').and.to.contain('family=eve');
  });

  it('gives parts that say that they are parts', async () => {
    const { json } = await house.fetch('Patient?_id=born&_elements=Patient.birthDate');
    const [{ resource }] = json.entry;
    expect(Object.keys(resource).sort()).to.eql(['birthDate', 'id', 'meta', 'resourceType']);
    expect(resource.meta.tag.map((each: Json) => each.code)).to.eql(['SUBSETTED']);
    const counted = await house.fetch('Patient?family=eve&_summary=count');
    expect([counted.json.total, counted.json.entry]).to.eql([2, undefined]);
    const none = await house.fetch('Patient?family=eve&_count=0');
    expect([none.json.total, none.json.entry]).to.eql([2, undefined]);
    const about = await house.fetch('Patient?family=eve&_total=estimate');
    expect(about.json.total).to.be.a('number');
  });

  it('leaves out what it does not know only when asked to, and says so', async () => {
    const headers = { prefer: 'handling=lenient' };
    const { json } = await house.fetch('Patient?family=eve&nosuch=1&_filter=x', { headers });
    const modes = json.entry.map((each: Json) => each.search.mode).sort();
    expect(modes).to.eql(['match', 'match', 'outcome']);
    const self = json.link.find((each: Json) => each.relation === 'self').url;
    expect(self).to.contain('family=eve').and.not.to.contain('nosuch');
    const strict = await house.fetch('Patient?nosuch=1', {
      headers: { prefer: 'handling=strict' },
    });
    expect(strict.status).to.equal(400);
  });

  it('pages through what is there while others write, each once', async () => {
    const got: string[] = [];
    let url: string | undefined = 'Patient?_sort=family&_count=4&family:missing=false';
    for (let page = 0; url; page += 1) {
      const { json }: Json = await house.fetch(url);
      got.push(...json.entry.map((each: Json) => each.resource.id));
      url = json.link.find((each: Json) => each.relation === 'next')?.url;
      const body = named(`new-${page}`, page % 2 === 0 ? 'AAA' : 'zzz');
      await house.fetch(`Patient/new-${page}`, { method: 'PUT', body });
      if (page === 1) await house.fetch('Patient/strasse', { method: 'DELETE' });
    }
    const whole = RESOURCES.filter((each) => each.resourceType === 'Patient' && each.name);
    expect(new Set(got).size).to.equal(got.length);
    expect(got).to.include.members(whole.map((each) => each.id).filter((id) => id !== 'strasse'));
  });
});
