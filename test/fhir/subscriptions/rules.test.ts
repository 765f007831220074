/** What may be written as a Subscription, who sees what of it, and where it may send. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { isPublicAddress } from '../../../src/fhir/subscriptions/endpoint.ts';
import { send } from '../../../src/fhir/subscriptions/send.ts';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Receiver, startReceiver } from './receiver.ts';

describe('a Subscription', () => {
  let house: TestHouse;
  let receiver: Receiver;

  before(async () => {
    receiver = await startReceiver();
    house = await startTestHouse({ environment: { SUBSCRIPTION_INSIDE_HOSTS: receiver.host } });
  });
  after(async () => {
    await house?.stop();
    await receiver?.stop();
  });

  const subscription = (channel: object = {}, more: object = {}): Json => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Patient?gender=female',
    channel: { type: 'rest-hook', endpoint: receiver.url, ...channel },
    ...more,
  });
  const refused = (answer: Answer, expression: string): Json => {
    expect(answer.status, answer.text).to.be.within(400, 422);
    const [issue] = answer.json.issue;
    expect(issue.expression, answer.text).to.deep.equal([expression]);
    return issue;
  };
  const post = (body: Json, token?: string): Promise<Answer> =>
    house.fetch('Subscription', { body, token });

  it('is refused for another channel than rest-hook, naming it', async () => {
    for (const type of ['websocket', 'email', 'sms', 'message']) {
      const issue = refused(await post(subscription({ type })), 'Subscription.channel.type');
      expect(issue.diagnostics).to.include(type);
    }
  });

  it('is refused for criteria that no search would take', async () => {
    for (const criteria of ['Patient?colour=red', 'Patient?birthdate=yesterday', 'Nobody?x=1']) {
      const answer = await post(subscription({}, { criteria }));
      expect(answer.status, criteria).to.be.within(400, 422);
      expect(answer.json.resourceType).to.equal('OperationOutcome');
    }
    for (const criteria of ['gender=female', '', 'Patient?gender=female&_sort=_id']) {
      const answer = await post(subscription({}, { criteria: criteria || 'x' }));
      refused(answer, 'Subscription.criteria');
    }
  });

  it('is refused for endpoints inside the network, unless the operator names the host', async () => {
    const endpoints = [
      'http://example.org/hook',
      'https://127.0.0.1/hook',
      'https://2130706433/hook',
      'https://0x7f.1/hook',
      'https://[::1]/hook',
      'https://[::ffff:10.0.0.1]/hook',
      'https://169.254.169.254/latest/meta-data',
      'https://10.1.2.3/',
      'https://localhost/hook',
      'https://metadata/hook',
      'ftp://example.org/hook',
      'https://user:secret@example.org/hook',
      receiver.url.replace(/:\d+/, ':1'),
    ];
    for (const endpoint of endpoints) {
      refused(await post(subscription({ endpoint })), 'Subscription.channel.endpoint');
    }
    refused(await post(subscription({ endpoint: undefined })), 'Subscription.channel.endpoint');
  });

  it('does not reach an inner address by a name', async () => {
    // "localhost" stands for any name that leads inside; such names are refused before, by spelling.
    const url = new URL(receiver.url.replace('127.0.0.1', 'localhost'));
    const message = { method: 'POST', url, headers: {}, body: 'x' } as const;
    const before = receiver.got.length;
    const { taken, says } = await send(message, [], 5);
    expect([taken, says]).to.deep.equal([false, 'is at an address that is not public']);
    expect(receiver.got).to.have.length(before);
    expect((await send(message, [url.host], 5)).taken, 'unless the host is named').to.equal(true);
  });

  it('knows which addresses are public', () => {
    for (const address of ['8.8.8.8', '41.204.0.1', '2a00:1450:4001::200e']) {
      expect(isPublicAddress(address), address).to.equal(true);
    }
    const inner = [
      '10.0.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '127.9.9.9',
      '0.0.0.0',
    ];
    const others = ['169.254.169.254', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1'];
    const mapped = ['::ffff:8.8.8.8', 'fc00::1', '64:ff9b::a00:1', '2002:a00:1::', 'example.org'];
    for (const address of [...inner, ...others, ...mapped]) {
      expect(isPublicAddress(address), address).to.equal(false);
    }
  });

  it('leaves its status to the server', async () => {
    for (const status of ['active', 'error']) {
      refused(await post(subscription({}, { status })), 'Subscription.status');
    }
    const { json } = await post(subscription());
    await house.settle();
    const active = (await house.fetch(`Subscription/${json.id}`)).json;
    expect(active.status).to.equal('active');
    const put = (body: Json): Promise<Answer> =>
      house.fetch(`Subscription/${json.id}`, { method: 'PUT', body });
    expect((await put({ ...active, reason: 'another' })).status).to.equal(200);
    refused(await put({ ...active, criteria: 'Patient?gender=male' }), 'Subscription.status');
    const elsewhere = { ...active.channel, endpoint: `${receiver.url}/other` };
    refused(await put({ ...active, channel: elsewhere }), 'Subscription.status');
    expect(
      (await put({ ...active, criteria: 'Patient?gender=male', status: 'requested' })).status,
    ).to.equal(200);
  });

  it('sends its headers and shows their values to nobody, not even in its history', async () => {
    // What another test has left to be told goes out at the same time.
    await house.settle();
    const secret = 'Bearer hush-hush-4711';
    const header = [`Authorization: ${secret}`, 'X-Tenant: north'];
    const { json } = await post(subscription({ header }));
    expect(json.channel.header).to.deep.equal(['Authorization: ***', 'X-Tenant: ***']);
    await house.settle();
    expect(receiver.got.at(-1)!.headers.authorization).to.equal(secret);
    const places = ['', '/_history', '/_history/1'];
    for (const place of places) {
      const answer = await house.fetch(`Subscription/${json.id}${place}`);
      expect(answer.status).to.equal(200);
      expect(answer.text).not.to.include('hush-hush');
    }
    const { rows } = await house.app.pool.query(
      `select content from resource where content like '%hush-hush%'
       union all select detail from audit_event where detail like '%hush-hush%'
       union all select data::text from outbox where data::text like '%hush-hush%'`,
    );
    expect(rows).to.deep.equal([]);
    const active = (await house.fetch(`Subscription/${json.id}`)).json;
    const again = { ...active, status: 'requested' };
    const place = `Subscription/${json.id}`;
    expect((await house.fetch(place, { method: 'PUT', body: again })).status).to.equal(200);
    await house.settle();
    expect(receiver.got.at(-1)!.headers.authorization, 'kept by its author').to.equal(secret);
    const other = await house.tokenFor('administrator');
    refused(
      await house.fetch(place, { method: 'PUT', body: again, token: other }),
      'Subscription.channel.header[0]',
    );
  });

  it('is refused for headers that would break into the request', async () => {
    for (const line of [
      'Host: evil.example',
      'Content-Length: 0',
      'webhook-signature: v1,x',
      'X y: z',
    ]) {
      refused(await post(subscription({ header: [line] })), 'Subscription.channel.header[0]');
    }
    const broken = await post(subscription({ header: ['X-A: b\r\nX-C: d'] }));
    expect(broken.status).to.be.within(400, 422);
  });

  it('needs the right to write Subscriptions, and to read what it asks for', async () => {
    const registrar = await house.tokenFor('registrar');
    expect((await post(subscription(), registrar)).status).to.equal(403);
    const registry = await house.tokenFor('registry-client');
    expect((await post(subscription(), registry)).status).to.equal(201);
    const claims = await post(subscription({}, { criteria: 'Coverage?status=active' }), registry);
    expect(claims.status, claims.text).to.equal(403);
  });
});
