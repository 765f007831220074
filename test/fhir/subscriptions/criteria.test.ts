/** What a Subscription is told of is what a search by its criteria finds, for every kind of term. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const CRITERIA = [
  'Observation?identifier=urn:a|1',
  'Observation?identifier=1',
  'Observation?identifier=urn:a|1,urn:b|2',
  'Observation?identifier=urn:a|',
  'Observation?identifier:not=urn:a|1',
  'Observation?subject=Patient/ann',
  'Observation?subject=Patient/ann,Patient/bob',
  'Observation?patient=bob',
  'Observation?subject:Patient=ann',
  'Observation?subject.name=Ann',
  'Observation?subject:missing=true',
  'Observation?_id=o-1,o-4',
  'Observation?status=final&subject=Patient/ann',
  'Observation?date=ge2026-02-01',
  'Observation?value-quantity=gt5',
  'Observation?code:text=height',
  'Observation?code=height',
  'Observation',
];

describe('the criteria of a Subscription', () => {
  let house: TestHouse;
  const receivers: Receiver[] = [];

  before(async () => {
    house = await startTestHouse({ environment: { SUBSCRIPTION_INSIDE_HOSTS: '127.0.0.1' } });
    for (const id of ['ann', 'bob']) {
      const body = { resourceType: 'Patient', id, name: [{ family: id }] };
      await house.fetch(`Patient/${id}`, { method: 'PUT', body });
    }
  });
  after(async () => {
    await house?.stop();
    for (const each of receivers) await each.stop();
  });

  const observation = (id: string, more: Json): Json => ({
    ...{ resourceType: 'Observation', id, status: 'final' },
    code: { coding: [{ system: 'urn:c', code: 'height' }], text: 'height' },
    ...more,
  });

  it('find the same as a search, whatever their terms', async () => {
    for (const criteria of CRITERIA) {
      const receiver = await startReceiver();
      receivers.push(receiver);
      const answer = await house.fetch('Subscription', {
        body: {
          ...{ resourceType: 'Subscription', status: 'requested', reason: 'a test', criteria },
          channel: {
            ...{ type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json' },
          },
        },
      });
      expect(answer.status, `${criteria}: ${answer.text}`).to.equal(201);
    }
    await house.settle();
    const written = [
      observation('o-1', { identifier: [{ system: 'urn:a', value: '1' }] }),
      observation('o-2', { identifier: [{ system: 'urn:b', value: '2' }] }),
      observation('o-3', { subject: { reference: 'Patient/ann' }, effectiveDateTime: '2026-02' }),
      observation('o-4', { subject: { reference: 'Patient/bob' }, status: 'preliminary' }),
      observation('o-5', { valueQuantity: { value: 7 }, code: { text: 'weight' } }),
    ];
    const entry = written.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `Observation/${resource.id}` },
    }));
    const done = await house.fetch('', {
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    expect(done.status, done.text).to.equal(200);
    await house.settle();
    for (const [at, criteria] of CRITERIA.entries()) {
      const found = await house.fetch(criteria);
      const wanted = (found.json.entry ?? []).map((each: Json) => each.resource.id).sort();
      const told = receivers[at]!.got.flatMap(({ body }) => (body ? [JSON.parse(body).id] : []));
      expect(told.sort(), criteria).to.deep.equal(wanted);
    }
  });

  it('leave no event where nobody waits for the type, or the Subscription is off', async () => {
    const waiting = async (): Promise<number> =>
      (await house.app.pool.query('select 1 from outbox')).rowCount ?? 0;
    await house.settle();
    await house.fetch('Device', { body: { resourceType: 'Device' } });
    expect(await waiting()).to.equal(0);
    await house.fetch('Observation', { body: observation('x', {}) });
    expect(await waiting()).to.equal(1);
    await house.settle();
    const all = await house.fetch('Subscription?_count=100');
    for (const { resource } of all.json.entry) {
      const body = { ...resource, status: 'off' };
      await house.fetch(`Subscription/${resource.id}`, { method: 'PUT', body });
    }
    await house.settle();
    await house.fetch('Observation', { body: observation('y', {}) });
    expect(await waiting()).to.equal(0);
  });
});
