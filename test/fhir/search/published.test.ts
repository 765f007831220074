/** Definitions that the house publishes are found like stored ones; a search over all types. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('search among what is published', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  async function found(path: string, token?: string): Promise<Json[]> {
    const answer = await house.fetch(path, token ? { token } : {});
    expect(answer.status, answer.text).to.equal(200);
    return (answer.json.entry ?? []).map((each: Json) => each.resource);
  }
  const ids = async (path: string) => (await found(path)).map((each) => each.id).sort();

  it('finds the definition of every operation and profile that metadata names', async () => {
    const { json } = await house.fetch('metadata');
    const [rest] = json.rest;
    const canonicals = new Set<string>();
    for (const each of rest.operation) canonicals.add(`OperationDefinition ${each.definition}`);
    for (const type of rest.resource) {
      for (const each of type.operation ?? [])
        canonicals.add(`OperationDefinition ${each.definition}`);
      for (const each of type.supportedProfile ?? []) {
        if (each.includes('amana')) canonicals.add(`StructureDefinition ${each}`);
      }
    }
    expect(canonicals.size).to.be.greaterThan(40);
    const missing: string[] = [];
    for (const each of canonicals) {
      const [type, url] = each.split(' ');
      const matches = await found(`${type}?url=${encodeURIComponent(url!.split('|')[0]!)}`);
      if (matches.length !== 1) missing.push(each);
    }
    expect(missing.join('\n')).to.equal('');
  });

  it('finds the definition of every search parameter that metadata names', async () => {
    const { json } = await house.fetch('metadata');
    const patient = json.rest[0].resource.find((each: Json) => each.type === 'Patient');
    const all = await found('SearchParameter?base=Patient,DomainResource,Resource&_count=200');
    const urls = new Set(all.map((each) => each.url));
    const missing = patient.searchParam.filter(
      (each: Json) => each.name !== '_list' && !urls.has(each.definition),
    );
    expect(missing.map((each: Json) => each.name)).to.eql([]);
    expect(await ids('SearchParameter?base=Patient&code=active')).to.eql(['Patient-active']);
  });

  it('reads by id what it has found', async () => {
    const [parameter] = await found(
      'SearchParameter?url=http://hl7.org/fhir/SearchParameter/Patient-active',
    );
    const { json } = await house.fetch(`SearchParameter/${parameter!.id}`);
    expect(json).to.eql(parameter);
  });

  it('finds by every kind of parameter and modifier that definitions have', async () => {
    const base = 'CodeSystem?_summary=count';
    const count = async (query: string): Promise<number> =>
      (await house.fetch(`${base}&${query}`)).json.total;
    const all = await count('');
    expect(all).to.be.greaterThan(20);
    expect(await count('url:missing=true')).to.equal(0);
    expect(await count('url:missing=false')).to.equal(all);
    expect(await count('status=active')).to.equal(all);
    expect(await count('status:not=active')).to.equal(0);
    expect(await count('title:contains=REASON')).to.be.within(1, all - 1);
    const [one] = await found('CodeSystem?_count=1');
    expect(await count(`title:exact=${encodeURIComponent(one!.title)}`)).to.equal(1);
    expect(await count(`title=${encodeURIComponent(one!.title.toUpperCase())}`)).to.be.at.least(1);
    expect(
      await count(`url:below=${encodeURIComponent(one!.url.replace(/\/[^/]+$/, ''))}`),
    ).to.equal(all);
    expect(await count('_lastUpdated=gt2000-01-01')).to.equal(all);
    expect(await count('_lastUpdated=lt2000-01-01')).to.equal(0);
    expect(await count(`_id=${one!.id},nobody`)).to.equal(1);
  });

  it('sorts and pages across what is stored and what is published, each once', async () => {
    for (const [id, title] of [
      ['zz-own', 'AAA first'],
      ['aa-own', 'zzz last'],
    ]) {
      const body = {
        resourceType: 'CodeSystem',
        id,
        title,
        status: 'active',
        content: 'not-present',
      };
      expect((await house.fetch(`CodeSystem/${id}`, { method: 'PUT', body })).status).to.equal(201);
    }
    for (const sort of ['title', '-title', '_id', '-_id', '_lastUpdated', 'url,-title', '-date']) {
      const whole = await found(`CodeSystem?_sort=${sort}&_count=1000`);
      const paged: Json[] = [];
      let next: string | undefined = `CodeSystem?_sort=${sort}&_count=7`;
      while (next) {
        const page: Answer = await house.fetch(next);
        expect(page.status, page.text).to.equal(200);
        paged.push(...page.json.entry.map((each: Json) => each.resource));
        next = page.json.link.find((each: Json) => each.relation === 'next')?.url;
      }
      expect(
        paged.map((each) => each.id),
        sort,
      ).to.eql(whole.map((each) => each.id));
      expect(new Set(paged.map((each) => each.id)).size, sort).to.equal(paged.length);
    }
    const titles = (await found('CodeSystem?_sort=title&_count=1000')).map((each) => each.title);
    expect(titles[0]).to.equal('AAA first');
    expect(titles.at(-1)).to.equal('zzz last');
  });

  it('shows what was stored under the id of a published definition in its place', async () => {
    const [one] = await found('ValueSet?_count=1');
    const body = { resourceType: 'ValueSet', id: one!.id, status: 'retired', title: 'Ours' };
    expect((await house.fetch(`ValueSet/${one!.id}`, { method: 'PUT', body })).status).to.equal(
      201,
    );
    expect((await found(`ValueSet?_id=${one!.id}`)).map((each) => each.title)).to.eql(['Ours']);
    await house.fetch(`ValueSet/${one!.id}`, { method: 'DELETE' });
    expect(await ids(`ValueSet?_id=${one!.id}`)).to.eql([]);
  });

  it('searches all types that the caller may read', async () => {
    const tag = { system: 'urn:whole', code: 'x' };
    for (const type of ['Patient', 'Organization', 'Basic', 'Observation']) {
      const more =
        type === 'Basic'
          ? { code: { text: 'b' } }
          : type === 'Observation'
            ? { status: 'final', code: { text: 'o' } }
            : type === 'Organization'
              ? { name: 'O' }
              : {};
      const body = { resourceType: type, id: 'same-id', meta: { tag: [tag] }, ...more };
      const answer = await house.fetch(`${type}/same-id`, { method: 'PUT', body });
      expect(answer.status, answer.text).to.equal(201);
    }
    const types = async (path: string, token?: string) =>
      (await found(path, token)).map((each) => each.resourceType).sort();
    const all = ['Basic', 'Observation', 'Organization', 'Patient'];
    expect(await types('?_tag=urn:whole|x')).to.eql(all);
    expect(await types('?_id=same-id')).to.eql(all);
    expect(await types('?_id=same-id&_type=Patient,Basic')).to.eql(['Basic', 'Patient']);
    const paged = await house.fetch('?_tag=urn:whole|x&_count=3&_total=accurate');
    expect(paged.json.total).to.equal(4);
    const next = paged.json.link.find((each: Json) => each.relation === 'next').url;
    expect((await house.fetch(next)).json.entry).to.have.length(1);
    const posted = await house.fetch('_search', {
      body: '_tag=urn:whole|x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(posted.json.entry).to.have.length(4);
    // A parameter of one type is none of all types.
    expect((await house.fetch('?birthdate=1990')).status).to.equal(400);
    const clerk = await house.tokenFor('auditor');
    const seen = await house.fetch('?_id=same-id', { token: clerk });
    expect(seen.status).to.equal(200);
  });
});
