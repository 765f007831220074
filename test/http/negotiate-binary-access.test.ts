/** Whoever reads a Binary must have the right to read what its security context names. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createActor } from '../../src/access/actors.ts';
import { area, household, inArea, patient } from '../modules/support/people.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../support/server.ts';

const BINARIES = ['open', 'near', 'far', 'about', 'elsewhere', 'unnamed'];

describe('the security context of a Binary', () => {
  let house: TestHouse;
  /** Reads Binaries and Organizations only. */
  let clerk: string;
  /** Reads everything in the north. */
  let north: string;
  let auditor: string;

  before(async () => {
    house = await startTestHouse();
    await put(area('north'));
    await put(area('south'));
    for (const [place, name] of [
      ['north', 'n1'],
      ['south', 's1'],
    ] as const) {
      await put(patient(name));
      await put(household(`h-${name}`, [`head:${name}`], { extension: [inArea(place)] }));
    }
    await put({
      resourceType: 'Observation',
      id: 'o-s1',
      status: 'final',
      code: { text: 'height' },
      subject: { reference: 'Patient/s1' },
    });
    await put({ resourceType: 'Organization', id: 'ngo', name: 'NGO' });
    const contexts: Record<string, object | undefined> = {
      open: undefined,
      near: { reference: 'Patient/n1' },
      far: { reference: 'Patient/s1' },
      about: { reference: 'Observation/o-s1' },
      elsewhere: { reference: 'https://other.example/fhir/Organization/1' },
      unnamed: { identifier: { system: 'urn:x', value: '1' } },
      ngo: { reference: 'Organization/ngo' },
    };
    for (const [id, securityContext] of Object.entries(contexts)) {
      await put({
        ...{ resourceType: 'Binary', id, contentType: 'text/plain', data: 'aGk=' },
        ...(securityContext && { securityContext }),
      });
    }
    await house.app.pool.query(`insert into access_role values ('clerk', 'reads files')`);
    await house.app.pool.query(
      `insert into access_role_permission values
         ('clerk', 'Binary.read'), ('clerk', 'Binary.write'), ('clerk', 'Organization.read')`,
    );
    clerk = await house.tokenFor('clerk');
    auditor = await house.tokenFor('auditor');
    north = await tokenIn('north');
    await house.settle();
  });
  after(() => house?.stop());

  async function put(resource: object): Promise<void> {
    const { resourceType, id } = resource as { resourceType: string; id: string };
    const answer = await house.fetch(`${resourceType}/${id}`, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.equal(201);
  }

  async function tokenIn(place: string): Promise<string> {
    const login = 'officer';
    const secret = 'secret-of-the-officer';
    const id = await createActor(house.app.pool, house.clock, {
      ...{ kind: 'client', name: login, login, secret, roles: ['auditor'] },
    } as Parameters<typeof createActor>[2]);
    const limits = { method: 'PUT', body: { areas: [place] } };
    const set = await house.fetch(`${house.house.url}/access/actors/${id}/limits`, limits);
    expect(set.status, set.text).to.equal(204);
    return getToken(house.house.url, login, secret);
  }

  /** What an actor reads of all, by their bytes. */
  async function readable(token: string): Promise<string[]> {
    const found: string[] = [];
    for (const id of [...BINARIES, 'ngo']) {
      const answer = await house.fetch(`Binary/${id}`, { token });
      expect(answer.status, id).to.be.oneOf([200, 404]);
      if (answer.status === 200) found.push(id);
      else expect(answer.text).to.not.include('aGk');
    }
    return found.sort();
  }

  async function listed(path: string, token: string): Promise<string[]> {
    const { status, json, text } = await house.fetch(path, { token });
    expect(status, text).to.equal(200);
    return (json.entry ?? []).map((each: Json) => each.resource.id).sort();
  }

  it('opens the bytes to those who may read what it names', async () => {
    const all = [...BINARIES, 'ngo'].sort();
    expect(await readable(house.token)).to.deep.equal(all);
    expect(await readable(auditor)).to.deep.equal(all);
    expect(await readable(clerk)).to.deep.equal(['ngo', 'open']);
    expect(await readable(north)).to.deep.equal(['near', 'ngo', 'open']);
  });

  it('holds in versions, searches, counts and histories', async () => {
    expect((await house.fetch('Binary/far/_history/1', { token: clerk })).status).to.equal(404);
    expect((await house.fetch('Binary/far/_history', { token: clerk })).status).to.equal(404);
    expect(await listed('Binary', clerk)).to.deep.equal(['ngo', 'open']);
    expect(await listed('Binary', north)).to.deep.equal(['near', 'ngo', 'open']);
    const counted = await house.fetch('Binary?_summary=count', { token: clerk });
    expect(counted.json.total).to.equal(2);
    expect(await listed('Binary/_history', clerk)).to.deep.equal(['ngo', 'open']);
    expect(await listed('Binary?security-context=Patient/s1', clerk)).to.deep.equal([]);
    expect(await listed('Binary?security-context=Patient/s1', auditor)).to.deep.equal(['far']);
  });

  it('is not lost by whoever cannot see it', async () => {
    const headers = { 'content-type': 'text/plain' };
    const how = { method: 'PUT', body: 'overwritten', headers };
    const blind = await house.fetch('Binary/far', { ...how, token: clerk });
    expect(blind.status, blind.text).to.be.oneOf([403, 404, 412]);
    const opened = await house.fetch('Binary/far', {
      ...how,
      token: clerk,
      headers: { ...headers, 'x-security-context': 'Organization/ngo' },
    });
    expect(opened.status, opened.text).to.be.oneOf([403, 404]);
    expect((await house.fetch('Binary/far')).text).to.equal('hi');
  });

  it('keeps a deleted Binary closed too', async () => {
    await house.fetch('Binary/elsewhere', { method: 'DELETE' });
    expect((await house.fetch('Binary/elsewhere', { token: clerk })).status).to.equal(404);
    expect((await house.fetch('Binary/elsewhere/_history/1', { token: clerk })).status).to.equal(
      404,
    );
    expect((await house.fetch('Binary/elsewhere', { token: auditor })).status).to.equal(410);
    expect(await listed('Binary/_history', clerk)).to.deep.equal(['ngo', 'open']);
  });
});
