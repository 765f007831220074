/**
 * Matching bound to the registry, over HTTP: keys in the write, `$match`, suspicions and holds.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const AMINA = {
  resourceType: 'Patient',
  id: 'amina',
  identifier: [{ system: 'urn:ke:national', value: '24681357' }],
  name: [{ use: 'official', family: 'Hassan', given: ['Amina', 'Fatuma'] }],
  gender: 'female',
  birthDate: '1984-05-17',
  telecom: [{ system: 'phone', value: '0712345678' }],
  address: [{ city: 'Garissa', country: 'KE' }],
};

describe('matching in the registry', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { PHONE_COUNTRY: 'KE' } });
  });
  after(() => house?.stop());

  const put = async (resource: Json, status = [200, 201]): Promise<Json> => {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    expect(status, answer.text).to.include(answer.status);
    return answer.json;
  };
  const match = (resource: Json, more: Json[] = [], token?: string) =>
    house.fetch('Patient/$match', {
      method: 'POST',
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: 'resource', resource }, ...more],
      },
      ...(token && { token }),
    });
  const found = (bundle: Json): [string, string][] =>
    (bundle.entry ?? [])
      .filter((each: Json) => each.search.mode === 'match')
      .map((each: Json) => [each.resource.id, each.search.extension[0].valueCode]);

  it('answers who a person may be, with probability and grade', async () => {
    await put(AMINA);
    await put({
      ...AMINA,
      id: 'other',
      identifier: undefined,
      telecom: undefined,
      birthDate: '1990-02-03',
      name: [{ family: 'Odhiambo', given: ['Peter'] }],
      gender: 'male',
    });
    const { status, json } = await match({
      resourceType: 'Patient',
      name: [{ family: 'Hasan', given: ['Aminah'] }],
      gender: 'female',
      birthDate: '1984-05-17',
      telecom: [{ system: 'phone', value: '+254712345678' }],
    });
    expect(status).to.equal(200);
    expect(json.type).to.equal('searchset');
    expect(found(json)).to.eql([['amina', 'certain']]);
    expect(json.entry[0].search.score).to.be.within(0.99, 1);
  });

  const tasks = async (): Promise<Json[]> =>
    ((await house.fetch('Task?code=duplicate-review')).json.entry ?? []).map(
      (each: Json) => each.resource,
    );
  const holds = async (id: string): Promise<string[]> =>
    ((await house.fetch(`Flag?subject=Patient/${id}`)).json.entry ?? []).map(
      (each: Json) => each.resource.status,
    );

  it('suspects a person who is registered again, once, and holds the later record', async () => {
    await put({ ...AMINA, id: 'amina-2', identifier: undefined });
    await house.settle();
    const [task, ...others] = await tasks();
    expect(others).to.eql([]);
    const ids = [task.focus.reference, task.input[0].valueReference.reference];
    expect(ids).to.eql(['Patient/amina', 'Patient/amina-2']);
    expect(await holds('amina-2')).to.eql(['active']);
    await put({ ...AMINA, id: 'amina-2', identifier: undefined, maritalStatus: { text: 'M' } });
    await house.fetch('Patient/$find-duplicates', { method: 'POST' });
    await house.settle();
    expect(await tasks()).to.have.length(1);
  });

  it('lifts a hold for a reason, and leaves the suspicion to be looked at', async () => {
    const [task] = await tasks();
    const lift = (value: string) =>
      house.fetch(`Task/${task.id}/$override-hold`, {
        method: 'POST',
        body: { resourceType: 'Parameters', parameter: [{ name: 'reason', valueString: value }] },
      });
    expect((await lift(' ')).status).to.equal(422);
    expect((await lift('The family has waited for three months.')).status).to.equal(200);
    expect(await holds('amina-2')).to.eql(['inactive']);
    expect((await tasks())[0].status).to.equal('requested');
  });
});
