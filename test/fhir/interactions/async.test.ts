/** Requests that are answered later: taken, asked after, fetched, cancelled, and kept from others. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startRequest } from '../../../src/fhir/async/store.ts';
import { type Answer, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('a request that is answered later', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    await house.fetch('Patient', { body: { resourceType: 'Patient', gender: 'female' } });
  });
  after(() => house?.stop());

  const later = (path: string, how: Parameters<TestHouse['fetch']>[1] = {}): Promise<Answer> =>
    house.fetch(path, { ...how, headers: { ...how.headers, prefer: 'respond-async' } });
  const place = (answer: Answer): string => answer.headers.get('content-location')!;
  const count = async (query: string): Promise<number> =>
    (await house.fetch(`${query}&_summary=count`)).json.total;

  it('is taken at once, asked after, and fetched as a batch-response', async () => {
    const taken = await later('Patient?gender=female');
    expect(taken.status, taken.text).to.equal(202);
    const waiting = await house.fetch(place(taken));
    expect(waiting.status).to.equal(202);
    expect(waiting.headers.get('x-progress')).to.equal('waiting');
    expect(Number(waiting.headers.get('retry-after'))).to.be.greaterThan(0);
    await house.settle();
    const { status, json, headers } = await house.fetch(place(taken));
    expect(status).to.equal(200);
    expect(json.type).to.equal('batch-response');
    expect(json.entry[0].response.status).to.equal('200');
    expect(json.entry[0].resource.entry[0].resource.gender).to.equal('female');
    expect(headers.get('expires')).to.not.equal(null);
  });

  it('writes as its caller, with its preferences, and tells refusals in its answer', async () => {
    const entry = (gender: string) => ({
      resource: { resourceType: 'Patient', identifier: [{ value: 'late' }], gender },
      request: { method: 'POST', url: 'Patient' },
    });
    const send = (gender: string) =>
      later('', { body: { resourceType: 'Bundle', type: 'transaction', entry: [entry(gender)] } });
    const [good, bad] = [await send('other'), await send('unheard-of')];
    expect(await count('Patient?identifier=late')).to.equal(0);
    await house.settle();
    expect(await count('Patient?identifier=late')).to.equal(1);
    expect((await house.fetch(place(good))).json.entry[0].resource.type).to.equal(
      'transaction-response',
    );
    const [refused] = (await house.fetch(place(bad))).json.entry;
    expect(refused.response.status).to.equal('422');
    expect(refused.response.outcome.issue[0].expression[0]).to.include('Bundle.entry[0]');
  });

  it('has no more rights than its caller, and is nobody else’s', async () => {
    const token = await house.tokenFor('reporting-client');
    const taken = await later('Patient?gender=female', { token });
    expect((await house.fetch(place(taken))).status).to.equal(404);
    expect((await house.fetch(place(taken), { method: 'DELETE' })).status).to.equal(404);
    await house.settle();
    const { json } = await house.fetch(place(taken), { token });
    expect(json.entry[0].response.status).to.equal('403');
  });

  it('is cancelled by DELETE, and then never runs', async () => {
    const body = { resourceType: 'Patient', identifier: [{ value: 'cancelled' }] };
    const taken = await later('Patient', { body });
    expect((await house.fetch(place(taken), { method: 'DELETE' })).status).to.equal(202);
    expect((await house.fetch(place(taken))).status).to.equal(404);
    await house.settle();
    expect(await count('Patient?identifier=cancelled')).to.equal(0);
    expect((await house.fetch('_async/none')).status).to.equal(404);
    expect((await house.fetch(place(taken), { method: 'PUT', body })).status).to.equal(405);
  });

  it('does not write twice when its run was broken off', async () => {
    const body = { resourceType: 'Patient', identifier: [{ value: 'broken-off' }] };
    const taken = await later('Patient', { body });
    const id = place(taken).split('/').at(-1)!;
    const { pool, clock } = house.app;
    const db = {
      maybe: async (text: string, values: unknown[]) => (await pool.query(text, values)).rows[0],
    };
    await startRequest(db as never, id, clock.now());
    await house.settle();
    expect((await house.fetch(place(taken))).json.entry[0].response.status).to.equal('500');
    expect(await count('Patient?identifier=broken-off')).to.equal(0);
  });

  it('is forgotten after a day, and taken only so many at a time', async () => {
    const taken = await later('Patient?gender=female');
    await house.settle();
    await house.advance(25 * 3600);
    expect((await house.fetch(place(taken))).status).to.be.oneOf([401, 404]);
    const token = await house.tokenFor('administrator');
    const statuses: number[] = [];
    for (let number = 0; number < 21; number += 1) {
      statuses.push((await later('Patient?gender=male', { token })).status);
    }
    expect(statuses.filter((each) => each === 202)).to.have.length(20);
    expect(statuses.at(-1)).to.equal(429);
  });
});
