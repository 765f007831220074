/** R4 Subscriptions by rest-hook: from the request to the receiver's books. */

import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Receiver, startReceiver } from './receiver.ts';

describe('an R4 Subscription by rest-hook', () => {
  let house: TestHouse;
  let receiver: Receiver;
  const made: string[] = [];

  before(async () => {
    house = await startTestHouse({ environment: { SUBSCRIPTION_INSIDE_HOSTS: '127.0.0.1' } });
  });
  after(() => house?.stop());
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await receiver.stop();
    for (const id of made.splice(0)) await house.fetch(`Subscription/${id}`, { method: 'DELETE' });
    await house.settle();
  });

  const subscription = (criteria: string, channel: object = {}, more: object = {}): Json => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria,
    channel: {
      type: 'rest-hook',
      endpoint: receiver.url,
      payload: 'application/fhir+json',
      ...channel,
    },
    ...more,
  });
  const subscribe = async (body: Json, token?: string): Promise<Json> => {
    const answer = await house.fetch('Subscription', { body, token });
    expect(answer.status, answer.text).to.equal(201);
    made.push(answer.json.id);
    return answer.json;
  };
  const read = async (id: string): Promise<Json> => (await house.fetch(`Subscription/${id}`)).json;
  const put = (resource: Json, token?: string): Promise<Answer> =>
    house.fetch(`${resource.resourceType}/${resource.id}`, {
      method: 'PUT',
      body: resource,
      token,
    });
  const patient = async (family: string, more: object = {}): Promise<Json> =>
    (
      await house.fetch('Patient', {
        body: { resourceType: 'Patient', name: [{ family }], ...more },
      })
    ).json;
  const families = (): string[] =>
    receiver.taken().flatMap((each) => (each.body ? JSON.parse(each.body).name[0].family : []));

  it('is active when its endpoint has answered, and is told of what matches, after the commit', async () => {
    const { id } = await subscribe(subscription('Patient?gender=female'));
    expect((await read(id)).status).to.equal('requested');
    await house.settle();
    expect((await read(id)).status).to.equal('active');
    expect(receiver.got.map((each) => [each.method, each.body])).to.deep.equal([['POST', '']]);
    const dalia = await patient('Dalia', { gender: 'female' });
    await patient('Omar', { gender: 'male' });
    expect(receiver.got, 'nothing is sent by the write itself').to.have.length(1);
    await house.settle();
    expect(receiver.got).to.have.length(2);
    const [, told] = receiver.got;
    expect(told!.method).to.equal('PUT');
    expect(told!.path).to.equal(`/hook/Patient/${dalia.id}`);
    expect(told!.headers['content-type']).to.equal('application/fhir+json');
    expect(JSON.parse(told!.body)).to.deep.equal(dalia);
    const changed = await put({ ...dalia, active: true });
    await house.settle();
    expect(JSON.parse(receiver.got[2]!.body)).to.deep.equal(changed.json);
  });

  it('is told by an empty POST when it wants no payload', async () => {
    await subscribe(subscription('Patient?family=Nopay', { payload: undefined }));
    await house.settle();
    await patient('Nopay');
    await house.settle();
    expect(receiver.got.map((each) => [each.method, each.path, each.body])).to.deep.equal([
      ['POST', '/hook', ''],
      ['POST', '/hook', ''],
    ]);
  });

  it('is told of nothing that was rolled back', async () => {
    await subscribe(subscription('Patient?family=Atomic'));
    await house.settle();
    const answer = await house.fetch('', {
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            request: { method: 'POST', url: 'Patient' },
            resource: { resourceType: 'Patient', name: [{ family: 'Atomic' }] },
          },
          {
            request: { method: 'POST', url: 'Patient' },
            resource: { resourceType: 'Patient', gender: 'none such' },
          },
        ],
      },
    });
    expect(answer.status).to.be.within(400, 422);
    await house.settle();
    expect(families()).to.deep.equal([]);
  });

  it('keeps the order and loses nothing while the endpoint fails in every way', async () => {
    const { id } = await subscribe(subscription('Patient?address-city=Marib'));
    await house.settle();
    const moods: Receiver['mood'][] = [500, 'drop', 404, 429, 503];
    receiver.mood = (count) => {
      const mood = moods[count % 7];
      return typeof mood === 'number' || mood === 'drop' ? mood : 200;
    };
    const names = ['A', 'B', 'C', 'D', 'E', 'F'];
    for (const name of names) {
      await patient(name, { address: [{ city: 'Marib' }] });
      await house.settle();
    }
    for (let turn = 0; turn < 40 && families().length < names.length; turn += 1) {
      await house.advance(3600);
      await house.settle();
    }
    expect(families()).to.deep.equal(names);
    expect(receiver.got.length).to.be.greaterThan(names.length + 4);
    const ids = (name: string): Set<unknown> =>
      new Set(
        receiver.got
          .filter((each) => each.body.includes(`"family":"${name}"`))
          .map((each) => each.headers['webhook-id']),
      );
    for (const name of names) expect(ids(name), 'one id through all attempts').to.have.length(1);
    expect((await read(id)).status).to.equal('active');
  });

  it('waits longer after each failure, and as long as the endpoint asks', async () => {
    await subscribe(subscription('Patient?family=Backoff'));
    await house.settle();
    receiver.mood = 500;
    await patient('Backoff');
    await house.settle();
    const attempts = (): number => receiver.got.length - 1;
    expect(attempts()).to.equal(1);
    await house.advance(4);
    await house.settle();
    expect(attempts(), 'not before 5 seconds').to.equal(1);
    await house.advance(2);
    await house.settle();
    expect(attempts()).to.equal(2);
    await house.advance(6);
    await house.settle();
    expect(attempts(), 'not before 10 seconds').to.equal(2);
    receiver.mood = 503;
    receiver.answers = { 'retry-after': '300' };
    await house.advance(5);
    await house.settle();
    expect(attempts()).to.equal(3);
    await house.advance(290);
    await house.settle();
    expect(attempts(), 'not before Retry-After').to.equal(3);
    receiver.mood = 200;
    await house.advance(11);
    await house.settle();
    expect(families()).to.deep.equal(['Backoff']);
  });

  it('is put in error with the reason, and goes on where it stopped when it is requested again', async () => {
    const { id } = await subscribe(subscription('Patient?family:exact=Patience'));
    await house.settle();
    receiver.mood = 500;
    await patient('Patience', { birthDate: '1990-01-01' });
    await house.settle();
    for (let hour = 0; hour < 30; hour += 1) {
      await house.advance(3601);
      await house.settle();
    }
    const failed = await read(id);
    expect(failed.status).to.equal('error');
    expect(failed.error).to.match(/HTTP 500.*requested/);
    const attempts = receiver.got.length;
    await patient('Patience', { birthDate: '1991-01-01' });
    await house.advance(7200);
    await house.settle();
    expect(receiver.got.length, 'an endpoint in error is left alone').to.equal(attempts);
    receiver.mood = 200;
    const again = await put({ ...failed, status: 'requested' });
    expect(again.status, again.text).to.equal(200);
    await house.settle();
    expect((await read(id)).status).to.equal('active');
    expect((await read(id)).error).to.equal(undefined);
    const births = receiver
      .taken()
      .filter((each) => each.body)
      .map((each) => JSON.parse(each.body).birthDate);
    expect(births).to.deep.equal(['1990-01-01', '1991-01-01']);
  });

  it('stays requested while the endpoint is silent, and is given up after some attempts', async () => {
    const quick = await startTestHouse({
      environment: { SUBSCRIPTION_INSIDE_HOSTS: receiver.host, SUBSCRIPTION_TIMEOUT_SECONDS: '1' },
    });
    try {
      receiver.mood = 'silent';
      const { json } = await quick.fetch('Subscription', {
        body: subscription('Patient?active=true'),
      });
      await quick.settle();
      const now = async (): Promise<Json> => (await quick.fetch(`Subscription/${json.id}`)).json;
      expect((await now()).status).to.equal('requested');
      receiver.mood = 'drop';
      for (let turn = 0; turn < 6; turn += 1) {
        await quick.advance(3600);
        await quick.settle();
      }
      expect((await now()).status).to.equal('error');
      expect((await now()).error).to.include('closed the connection');
    } finally {
      await quick.stop();
    }
  });

  it('is taken over when the process that was sending has died, and nothing is lost', async () => {
    const { id } = await subscribe(subscription('Patient?family=Orphan'));
    await house.settle();
    const lease = `update subscription set lease = gen_random_uuid(), leased_until = $2 where id = $1`;
    const until = new Date(house.clock.now().getTime() + 60_000);
    await house.app.pool.query(lease, [id, until]);
    await patient('Orphan');
    await house.settle();
    expect(families(), 'while another may be sending').to.deep.equal([]);
    await house.advance(61);
    await house.settle();
    expect(families()).to.deep.equal(['Orphan']);
  });

  it('stops when it is turned off, when its time is over, and at once when the endpoint is gone', async () => {
    const off = await subscribe(subscription('Patient?family=Stop'));
    const ending = await subscribe(
      subscription(
        'Patient?family=Stop',
        {},
        { end: new Date(house.clock.now().getTime() + 60_000) },
      ),
    );
    await house.settle();
    expect((await put({ ...(await read(off.id)), status: 'off' })).status).to.equal(200);
    await house.advance(120);
    await patient('Stop');
    await house.settle();
    expect(families()).to.deep.equal([]);
    expect((await read(ending.id)).status).to.equal('off');
    const gone = await subscribe(subscription('Patient?family=Gone'));
    await house.settle();
    receiver.mood = 410;
    await patient('Gone');
    await house.settle();
    expect((await read(gone.id)).status).to.equal('error');
  });

  it('does not let one slow endpoint hold up another', async () => {
    const slow = await startReceiver();
    try {
      await subscribe(subscription('Patient?family=Parallel', { endpoint: slow.url }));
      await subscribe(subscription('Patient?family=Parallel'));
      await house.settle();
      slow.mood = 'silent';
      await patient('Parallel');
      const settled = house.settle();
      const until = performance.now() + 5000;
      while (families().length === 0 && performance.now() < until) {
        await new Promise((done) => setTimeout(done, 20));
      }
      expect(families(), 'told while the slow one is still waited for').to.deep.equal(['Parallel']);
      await slow.stop();
      await settled;
    } finally {
      await slow.stop().catch(() => {});
    }
  });
});
