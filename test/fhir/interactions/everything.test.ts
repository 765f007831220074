/** `$everything` in pages and by time, and `$meta` with its changes. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('everything of a person', () => {
  let house: TestHouse;
  const NOTES = 30;
  let since = '';
  before(async () => {
    house = await startTestHouse();
    const put = (path: string, body: object) =>
      house.fetch(path, { method: 'PUT', body: { ...body, id: path.split('/')[1] } });
    await put('Organization/clinic', { resourceType: 'Organization', name: 'Clinic' });
    for (const id of ['amal', 'other']) await put(`Patient/${id}`, { resourceType: 'Patient' });
    await put('Group/house', {
      resourceType: 'Group',
      type: 'person',
      actual: true,
      member: [
        { entity: { reference: 'Patient/amal' } },
        { entity: { reference: 'Patient/other' } },
      ],
    });
    for (let number = 0; number < NOTES; number += 1) {
      const month = String((number % 12) + 1).padStart(2, '0');
      await put(`Observation/note-${number}`, {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'weight' },
        subject: { reference: `Patient/${number % 3 === 0 ? 'other' : 'amal'}` },
        performer: [{ reference: 'Organization/clinic' }],
        effectiveDateTime: `2025-${month}-15`,
      });
    }
    await house.advance(60);
    since = house.clock.now().toISOString();
    await put('Flag/late', {
      resourceType: 'Flag',
      status: 'active',
      code: { text: 'x' },
      subject: { reference: 'Patient/amal' },
    });
  });
  after(() => house?.stop());

  const names = ({ json }: Answer, mode?: string): string[] =>
    json.entry
      .filter((each: Json) => mode === undefined || each.search.mode === mode)
      .map((each: Json) => `${each.resource.resourceType}/${each.resource.id}`);
  const types = (answer: Answer): string[] =>
    [...new Set(names(answer).map((each) => each.split('/')[0]!))].sort();

  it('comes in pages that lose and repeat nothing while others write', async () => {
    const whole = await house.fetch('Patient/amal/$everything');
    expect(whole.status, whole.text).to.equal(200);
    expect(whole.json.total).to.equal(whole.json.entry.length);
    const seen: string[] = [];
    let url: string | undefined = 'Patient/amal/$everything?_count=4';
    let pages = 0;
    for (; url && pages < 30; pages += 1) {
      const answer: Answer = await house.fetch(url);
      expect(answer.status, answer.text).to.equal(200);
      const matches = names(answer, 'match');
      expect(matches.length).to.be.lessThan(5);
      seen.push(...matches);
      if (matches.some((each) => each.startsWith('Observation'))) {
        expect(names(answer, 'include')).to.deep.equal(['Organization/clinic']);
      }
      url = answer.json.link.find((each: Json) => each.relation === 'next')?.url;
      const body = {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'beside' },
        subject: { reference: 'Patient/amal' },
      };
      await house.fetch('Observation', { body });
    }
    expect(pages).to.be.greaterThan(4);
    expect(new Set(seen).size).to.equal(seen.length);
    expect(seen).to.include.members(names(whole, 'match'));
  });

  it('is narrowed by type, by what has changed, and by when care was given', async () => {
    const ask = (query: string) => house.fetch(`Patient/amal/$everything?${query}`);
    expect(types(await ask('_type=Flag,Patient'))).to.deep.equal(['Flag', 'Patient']);
    expect(types(await ask('_type=Organization'))).to.deep.equal(['Organization']);
    expect(names(await ask(`_since=${since}&_type=Flag,Patient`))).to.deep.equal(['Flag/late']);
    const spring = await ask('start=2025-03-01&end=2025-04-30&_type=Observation');
    const dates = spring.json.entry.map((each: Json) => each.resource.effectiveDateTime);
    const given = dates.filter(Boolean);
    expect(given.length).to.be.greaterThan(2);
    for (const date of given) expect(date).to.be.oneOf(['2025-03-15', '2025-04-15']);
    expect(types(await ask('start=2025-03-01'))).to.include.members(['Patient', 'Flag']);
    for (const wrong of [
      'start=soon',
      '_type=Nobody',
      '_count=0',
      '_cursor=made-up',
      'colour=red',
    ]) {
      expect((await ask(wrong)).status, wrong).to.equal(400);
    }
  });

  it('of a household covers its members, by GET and by POST', async () => {
    const got = await house.fetch('Group/house/$everything?_type=Observation,Patient');
    expect(types(got)).to.deep.equal(['Observation', 'Patient']);
    const people = names(got).filter((each) => each.startsWith('Patient'));
    expect(people).to.have.members(['Patient/amal', 'Patient/other']);
    const posted = await house.fetch('Group/house/$everything', {
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: '_type', valueString: 'Patient' }],
      },
    });
    expect(names(posted)).to.have.members(people);
  });

  it('does not hold the trail unless it is asked for', async () => {
    await house.fetch('Patient/amal');
    await house.settle();
    expect(types(await house.fetch('Patient/amal/$everything'))).to.not.include('AuditEvent');
  });
});

describe('the meta of a resource', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    const body = { resourceType: 'Basic', id: 'one', code: { text: 'x' } };
    await house.fetch('Basic/one', { method: 'PUT', body });
  });
  after(() => house?.stop());

  const tag = (code: string, display?: string): object => ({ system: 'urn:tags', code, display });
  const call = (code: string, meta: object): Promise<Answer> =>
    house.fetch(`Basic/one/$${code}`, {
      body: { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] },
    });
  const meta = ({ json }: Answer): Json => json.parameter[0].valueMeta;

  it('gains and loses tags and labels, each once, as versions that a search finds', async () => {
    const added = await call('meta-add', { tag: [tag('a'), tag('b')] });
    expect(added.status, added.text).to.equal(200);
    expect(meta(added)).to.include({ versionId: '2' });
    const again = await call('meta-add', { tag: [tag('a', 'shown otherwise')] });
    expect(meta(again)).to.deep.equal(meta(added));
    const found = await house.fetch('Basic?_tag=urn:tags|a&_summary=count');
    expect(found.json.total).to.equal(1);
    const less = await call('meta-delete', { tag: [tag('a')] });
    expect(meta(less).tag).to.deep.equal([{ system: 'urn:tags', code: 'b' }]);
    const none = await house.fetch('Basic?_tag=urn:tags|a&_summary=count');
    expect(none.json.total).to.equal(0);
    const read = await house.fetch('Basic/one/$meta');
    expect(meta(read)).to.deep.equal(meta(less));
    expect((await house.fetch('Basic/one')).json.meta).to.deep.equal(meta(less));
  });

  it('is held to its profiles, and its version is not a caller’s to set', async () => {
    const vitals = 'http://hl7.org/fhir/StructureDefinition/vitalsigns';
    const { json } = await house.fetch('Observation', {
      body: { resourceType: 'Observation', status: 'final', code: { text: 'x' } },
    });
    const held = await house.fetch(`Observation/${json.id}/$meta-add`, {
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { profile: [vitals] } }],
      },
    });
    expect(held.status).to.equal(422);
    expect((await call('meta-add', { versionId: '9' })).status).to.equal(400);
    expect((await house.fetch('Basic/nobody/$meta')).status).to.equal(404);
    const token = await house.tokenFor('reporting-client');
    expect((await house.fetch('Basic/one/$meta', { token })).status).to.equal(403);
  });
});
