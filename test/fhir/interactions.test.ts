/** Create, read, update, delete, history and their headers, over HTTP. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../support/server.ts';

const DALIA = { resourceType: 'Patient', name: [{ family: 'Dalia', given: ['Noor'] }] };

describe('a FHIR resource over HTTP', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { REFERENTIAL_INTEGRITY: 'on' } });
  });
  after(() => house?.stop());

  it('is created with its version, its time and its place', async () => {
    const { status, headers, json } = await house.fetch('Patient', { body: DALIA });
    expect(status).to.equal(201);
    expect(headers.get('etag')).to.equal('W/"1"');
    expect(headers.get('location')).to.equal(`${house.base}/Patient/${json.id}/_history/1`);
    expect(headers.get('last-modified')).to.equal(new Date(json.meta.lastUpdated).toUTCString());
    const read = await house.fetch(`Patient/${json.id}`);
    expect(read.json).to.deep.equal(json);
    expect(read.headers.get('etag')).to.equal('W/"1"');
  });

  it('is answered as the caller prefers', async () => {
    const prefer = (value: string) =>
      house.fetch('Patient', { body: DALIA, headers: { prefer: `return=${value}` } });
    expect((await prefer('minimal')).text).to.equal('');
    expect((await prefer('OperationOutcome')).json.resourceType).to.equal('OperationOutcome');
    expect((await prefer('representation')).json.resourceType).to.equal('Patient');
  });

  it('is created under an id that the caller gives, and changed there', async () => {
    const body = { ...DALIA, id: 'noor-1' };
    const created = await house.fetch('Patient/noor-1', { method: 'PUT', body });
    expect(created.status).to.equal(201);
    const changed = await house.fetch('Patient/noor-1', {
      method: 'PUT',
      body: { ...body, gender: 'female' },
    });
    expect(changed.status).to.equal(200);
    expect(changed.json.meta.versionId).to.equal('2');
    const other = await house.fetch('Patient/noor-2', { method: 'PUT', body });
    expect(other.status).to.equal(400);
    expect(other.json.issue[0].expression).to.deep.equal(['Patient.id']);
  });

  it('is not changed from a version that is no longer the current one', async () => {
    const { json } = await house.fetch('Patient', { body: DALIA });
    const put = (version: string) =>
      house.fetch(`Patient/${json.id}`, {
        method: 'PUT',
        body: { ...json, active: true },
        headers: { 'if-match': version },
      });
    expect((await put('W/"1"')).status).to.equal(200);
    const late = await put('W/"1"');
    expect(late.status).to.equal(412);
    expect(late.json.issue[0].diagnostics).to.include('is now version 2');
    expect((await put('W/"2"')).json.meta.versionId).to.equal('3');
  });

  it('is not sent again to whoever has it', async () => {
    const { json, headers } = await house.fetch('Patient', { body: DALIA });
    const ask = (name: string, value: string) =>
      house.fetch(`Patient/${json.id}`, { headers: { [name]: value } });
    expect((await ask('if-none-match', 'W/"1"')).status).to.equal(304);
    expect((await ask('if-none-match', 'W/"7"')).status).to.equal(200);
    expect((await ask('if-none-match', 'W/"7", W/"1"')).status).to.equal(304);
    expect((await ask('if-none-match', '*')).status).to.equal(304);
    expect((await ask('if-modified-since', headers.get('last-modified')!)).status).to.equal(304);
  });

  it('is gone after a delete, keeps its history, and comes back by an update', async () => {
    const { json } = await house.fetch('Patient', { body: DALIA });
    const path = `Patient/${json.id}`;
    expect((await house.fetch(path, { method: 'DELETE' })).status).to.equal(204);
    expect((await house.fetch(path)).status).to.equal(410);
    expect((await house.fetch(path, { method: 'DELETE' })).status).to.equal(204);
    expect((await house.fetch(`${path}/_history/1`)).json).to.deep.equal(json);
    expect((await house.fetch(`${path}/_history/2`)).status).to.equal(410);
    expect((await house.fetch(`Patient?_id=${json.id}`)).json.entry).to.equal(undefined);
    const again = await house.fetch(path, { method: 'PUT', body: json });
    expect(again.status).to.equal(201);
    expect(again.json.meta.versionId).to.equal('3');
    const history = (await house.fetch(`${path}/_history`)).json.entry as {
      request: { method: string };
      resource?: object;
    }[];
    expect(history.map((each) => each.request.method)).to.deep.equal(['PUT', 'DELETE', 'POST']);
    expect(history[1]!.resource).to.equal(undefined);
  });

  it('shows every version, page by page, on instance, type and system', async () => {
    const { json } = await house.fetch('Basic', {
      body: { resourceType: 'Basic', code: { text: 'v1' } },
    });
    for (let version = 2; version <= 5; version += 1) {
      house.clock.advance(1);
      const body = { ...json, code: { text: `v${version}` } };
      await house.fetch(`Basic/${json.id}`, { method: 'PUT', body });
    }
    for (const path of [`Basic/${json.id}/_history`, 'Basic/_history', '_history']) {
      const seen: string[] = [];
      let next: string | undefined = `${path}?_count=2`;
      while (next && seen.length < 5) {
        const page: { status: number; json: Json } = await house.fetch(next);
        expect(page.status, next).to.equal(200);
        for (const entry of page.json.entry) seen.push(entry.resource.code?.text);
        next = page.json.link.find((each: { relation: string }) => each.relation === 'next')?.url;
      }
      expect(seen.slice(0, 5), path).to.deep.equal(['v5', 'v4', 'v3', 'v2', 'v1']);
    }
    const since = house.clock.now().toISOString();
    const late = await house.fetch(`Basic/${json.id}/_history?_since=${since}`);
    expect(late.json.entry).to.have.length(1);
    const third = await house.fetch(`Basic/${json.id}/_history/3`);
    expect(third.json.code.text).to.equal('v3');
    expect((await house.fetch(`Basic/${json.id}/_history/9`)).status).to.equal(404);
  });

  it('refuses what is not FHIR, naming the element', async () => {
    const wrong = await house.fetch('Patient', {
      body: { resourceType: 'Patient', gender: 'girl', birthDate: '1990-02-30' },
    });
    expect(wrong.status).to.equal(422);
    const places = wrong.json.issue.flatMap((each: { expression: string[] }) => each.expression);
    expect(places).to.include.members(['Patient.gender', 'Patient.birthDate']);
    const type = await house.fetch('Patient', { body: { resourceType: 'Group' } });
    expect(type.status).to.equal(400);
    expect((await house.fetch('Household/1')).status).to.equal(404);
    expect((await house.fetch('Patient/never-seen')).status).to.equal(404);
    expect((await house.fetch('Patient/a/b/c/d/e')).status).to.equal(404);
    expect((await house.fetch('Patient/a', { method: 'PATCH', body: {} })).status).to.equal(415);
    const version = 'Patient/a/_history/1';
    expect((await house.fetch(version, { method: 'DELETE' })).status).to.equal(405);
  });

  it('refuses references that lead nowhere, and deletes of what is referred to', async () => {
    const lost = await house.fetch('Patient', {
      body: { ...DALIA, managingOrganization: { reference: 'Organization/nowhere' } },
    });
    expect(lost.status).to.equal(422);
    expect(lost.json.issue[0].expression).to.deep.equal(['Patient.managingOrganization.reference']);
    const { json } = await house.fetch('Organization', {
      body: { resourceType: 'Organization', name: 'Relief' },
    });
    await house.fetch('Patient', {
      body: { ...DALIA, managingOrganization: { reference: `Organization/${json.id}` } },
    });
    const kept = await house.fetch(`Organization/${json.id}`, { method: 'DELETE' });
    expect(kept.status).to.equal(409);
    expect(kept.json.issue[0].diagnostics).to.include('Patient/');
  });

  it('is found no longer by what an update has taken away', async () => {
    const body = {
      ...DALIA,
      id: 'changing',
      name: [{ family: 'Abe' }, { family: 'ABE' }],
      birthDate: '1990-01-01',
      identifier: [{ system: 'urn:changing', value: '1' }],
    };
    await house.fetch('Patient/changing', { method: 'PUT', body });
    const finds = async (query: string): Promise<boolean> =>
      (await house.fetch(`Patient?_id=changing&${query}`)).json.entry !== undefined;
    expect(await finds('family:exact=ABE')).to.equal(true);
    await house.fetch('Patient/changing', {
      method: 'PUT',
      body: { ...body, name: [{ family: 'Abe' }], birthDate: '1991-01-01', identifier: undefined },
    });
    expect(await finds('family:exact=ABE')).to.equal(false);
    expect(await finds('family:exact=Abe')).to.equal(true);
    expect(await finds('birthdate=1990')).to.equal(false);
    expect(await finds('birthdate=1991')).to.equal(true);
    expect(await finds('identifier=urn:changing|1')).to.equal(false);
    expect(await finds('identifier:missing=true')).to.equal(true);
  });
});
