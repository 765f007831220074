/** Topic-based Subscriptions (R5 Backport): what rooms publish, numbered, filtered, and to be fetched again. */

import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { subscriptionTopic, type Topic, topicUrl } from '../../../src/sdk/index.ts';
import {
  base,
  criterion,
  household,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../../modules/support/people.ts';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const GUIDE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';
const url = (name: string): string => topicUrl({ name });

describe('a topic-based Subscription', () => {
  let house: TestHouse;
  let receiver: Receiver;

  before(async () => {
    house = await startTestHouse({ environment: { SUBSCRIPTION_INSIDE_HOSTS: '127.0.0.1' } });
    await put(provider('bank'));
    for (const [at, name] of ['a', 'b', 'c', 'd'].entries()) {
      await put(patient(`p-${name}`));
      const account = mobileAccount('bank', `+25470000000${at}`);
      await put(household(`h-${name}`, [`head:p-${name}`], { extension: [account] }));
    }
    await house.settle();
  });
  after(() => house?.stop());
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.stop());

  const put = async (resource: Json): Promise<Answer> => {
    const answer = await house.fetch(`${resource.resourceType}/${resource.id}`, {
      method: 'PUT',
      body: resource,
    });
    expect(answer.status, answer.text).to.be.within(200, 201);
    return answer;
  };
  const subscription = (name: string, more: Json = {}): Json => ({
    resourceType: 'Subscription',
    meta: { profile: [`${GUIDE}/backport-subscription`] },
    status: 'requested',
    reason: 'a test',
    criteria: url(name),
    ...(more.filter && {
      _criteria: {
        extension: [{ url: `${GUIDE}/backport-filter-criteria`, valueString: more.filter }],
      },
    }),
    channel: {
      extension: [
        ...(more.heartbeat
          ? [{ url: `${GUIDE}/backport-heartbeat-period`, valueUnsignedInt: more.heartbeat }]
          : []),
        ...(more.max ? [{ url: `${GUIDE}/backport-max-count`, valuePositiveInt: more.max }] : []),
      ],
      type: 'rest-hook',
      endpoint: receiver.url,
      payload: 'application/fhir+json',
      _payload: {
        extension: [
          { url: `${GUIDE}/backport-payload-content`, valueCode: more.content ?? 'id-only' },
        ],
      },
    },
  });
  const trimmed = (body: Json): Json => {
    const copy = structuredClone(body);
    if (copy.channel.extension.length === 0) delete copy.channel.extension;
    return copy;
  };
  const subscribe = async (body: Json): Promise<string> => {
    const answer = await house.fetch('Subscription', { body: trimmed(body) });
    expect(answer.status, answer.text).to.equal(201);
    await house.settle();
    return answer.json.id;
  };
  const call = async (path: string, parameter: object[] = [], token?: string): Promise<Json> => {
    const answer = await house.fetch(path, {
      body: { resourceType: 'Parameters', parameter },
      ...(token && { token }),
    });
    expect(answer.status, answer.text).to.equal(200);
    return answer.json;
  };
  const hold = async (household: string): Promise<string> => {
    const answer = await house.fetch('Flag', { body: holdOn(household) });
    expect(answer.status, answer.text).to.equal(201);
    return answer.json.id;
  };
  const holdOn = (household: string): Json => ({
    resourceType: 'Flag',
    meta: { profile: ['https://amana.example/fhir/StructureDefinition/hold'] },
    status: 'active',
    category: [
      { coding: [{ system: 'https://amana.example/fhir/CodeSystem/flag-category', code: 'hold' }] },
    ],
    code: {
      coding: [
        {
          system: 'https://amana.example/fhir/CodeSystem/hold-reason',
          code: 'duplicate-suspected',
        },
      ],
    },
    subject: { reference: `Group/${household}` },
  });
  const bundles = (): Json[] => receiver.taken().map((each) => JSON.parse(each.body));
  const statusOf = (bundle: Json): Json => {
    const { parameter } = bundle.entry[0].resource;
    const named = (name: string): Json => parameter.find((each: Json) => each.name === name);
    return {
      type: named('type').valueCode,
      status: named('status').valueCode,
      topic: named('topic')?.valueCanonical,
      since: named('events-since-subscription-start').valueString,
      numbers: parameter.flatMap((each: Json) =>
        each.name === 'notification-event' ? [each.part[0].valueString] : [],
      ),
      focuses: parameter.flatMap((each: Json) =>
        each.name === 'notification-event'
          ? each.part.flatMap((part: Json) => part.valueReference?.reference ?? [])
          : [],
      ),
    };
  };

  it('shakes hands, then tells of holds with their numbers and whole content', async () => {
    const id = await subscribe(subscription('hold-raised', { content: 'full-resource' }));
    const [greeting] = bundles();
    expect(greeting).to.include({ resourceType: 'Bundle', type: 'history' });
    expect(statusOf(greeting)).to.deep.include({
      type: 'handshake',
      status: 'requested',
      topic: url('hold-raised'),
      since: '0',
      numbers: [],
    });
    const flag = await hold('h-a');
    await house.settle();
    const [, told] = bundles();
    expect(statusOf(told)).to.deep.equal({
      type: 'event-notification',
      status: 'active',
      topic: url('hold-raised'),
      since: '1',
      numbers: ['1'],
      focuses: [`${house.base}/Flag/${flag}`],
    });
    const [status, entry] = told.entry;
    expect(status.resource.parameter[0].valueReference.reference).to.equal(
      `${house.base}/Subscription/${id}`,
    );
    expect(status.request).to.deep.equal({
      method: 'GET',
      url: `${house.base}/Subscription/${id}/$status`,
    });
    expect(entry.fullUrl).to.equal(`${house.base}/Flag/${flag}`);
    expect(entry.resource).to.deep.equal((await house.fetch(`Flag/${flag}`)).json);
    for (const bundle of bundles()) {
      const verdict = await house.fetch('Bundle/$validate', { body: bundle });
      const errors = verdict.json.issue.filter((each: Json) => each.severity === 'error');
      expect(errors, verdict.text).to.deep.equal([]);
    }
  });

  it('tells no more than is asked: only numbers, or only references', async () => {
    await subscribe(subscription('hold-raised', { content: 'empty' }));
    await hold('h-a');
    await house.settle();
    const told = bundles()[1];
    expect(statusOf(told)).to.deep.include({ numbers: ['1'], focuses: [], topic: undefined });
    expect(told.entry).to.have.length(1);
    expect(receiver.got[1]!.body).not.to.include('Flag');
    const lean = await startReceiver();
    const body = subscription('hold-raised');
    body.channel.endpoint = lean.url;
    await subscribe(body);
    const flag = await hold('h-b');
    await house.settle();
    const told2 = JSON.parse(lean.got[1]!.body);
    expect(statusOf(told2).focuses).to.deep.equal([`${house.base}/Flag/${flag}`]);
    expect(told2.entry).to.have.length(1);
    await lean.stop();
  });

  it('filters by the search parameters of the focus', async () => {
    await subscribe(subscription('hold-raised', { filter: 'Flag?subject=Group/h-b' }));
    await hold('h-a');
    const wanted = await hold('h-b');
    await house.settle();
    expect(bundles().flatMap((each) => statusOf(each).focuses)).to.deep.equal([
      `${house.base}/Flag/${wanted}`,
    ]);
  });

  it('refuses unknown topics, filters that the topic does not have, and a missing content', async () => {
    const refused = async (body: Json): Promise<Json> => {
      const answer = await house.fetch('Subscription', { body: trimmed(body) });
      expect(answer.status, answer.text).to.be.within(400, 422);
      return answer.json.issue[0];
    };
    expect((await refused(subscription('moon-risen'))).diagnostics).to.include(url('hold-raised'));
    const filter = await refused(subscription('hold-raised', { filter: 'Flag?author=x' }));
    expect(filter.diagnostics).to.include('subject');
    await refused(subscription('hold-raised', { filter: 'Patient?name=x' }));
    const bare = subscription('hold-raised');
    delete bare.channel._payload;
    expect((await refused(bare)).expression).to.deep.equal([
      'Subscription.channel.payload.extension',
    ]);
  });

  it('numbers events without a gap and gathers them, at most as many as are asked for', async () => {
    const id = await subscribe(subscription('household-registered', { max: 3 }));
    receiver.mood = 503;
    const transaction = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: ['1', '2', '3', '4', '5', '6', '7'].flatMap((n) =>
        [patient(`p-x${n}`), household(`h-x${n}`, [`head:p-x${n}`])].map((resource) => ({
          resource,
          request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
        })),
      ),
    };
    expect((await house.fetch('', { body: transaction })).status).to.equal(200);
    await house.settle();
    receiver.mood = 200;
    await house.advance(3600);
    await house.settle();
    const told = bundles().slice(1).map(statusOf);
    expect(told.map((each) => each.numbers)).to.deep.equal([
      ['1', '2', '3'],
      ['4', '5', '6'],
      ['7'],
    ]);
    expect(told.map((each) => each.since)).to.deep.equal(['3', '6', '7']);
    const again = await house.fetch(
      `Subscription/${id}/$events?eventsSinceNumber=2&eventsUntilNumber=4&content=full-resource`,
    );
    expect(again.status, again.text).to.equal(200);
    expect(statusOf(again.json)).to.deep.include({
      type: 'query-event',
      since: '7',
      numbers: ['2', '3', '4'],
    });
    expect(again.json.entry).to.have.length(4);
    expect(again.json.entry[1].resource.resourceType).to.equal('Group');
    const wrong = await house.fetch(`Subscription/${id}/$events?eventsSinceNumber=two`);
    expect(wrong.status).to.be.within(400, 422);
  });

  it('says how it stands, one or all', async () => {
    const id = await subscribe(subscription('hold-raised'));
    await hold('h-a');
    await house.settle();
    const one = await house.fetch(`Subscription/${id}/$status`);
    expect(one.json).to.include({ resourceType: 'Bundle', type: 'searchset' });
    expect(statusOf(one.json)).to.deep.include({
      type: 'query-status',
      status: 'active',
      since: '1',
    });
    const all = await house.fetch('Subscription/$status?status=active');
    expect(all.status, all.text).to.equal(200);
    const references = all.json.entry.map(
      (each: Json) => each.resource.parameter[0].valueReference,
    );
    expect(references).to.deep.include({ reference: `${house.base}/Subscription/${id}` });
    const none = await house.fetch(`Subscription/$status?id=${id}&status=error`);
    expect(none.json.entry ?? []).to.deep.equal([]);
    expect((await house.fetch('Subscription/none/$status')).status).to.be.within(200, 404);
  });

  it('shows a sign of life when it was asked for and nothing has happened', async () => {
    await subscribe(subscription('payroll-closed', { heartbeat: 600 }));
    await house.advance(500);
    await house.settle();
    expect(bundles()).to.have.length(1);
    await house.advance(101);
    await house.settle();
    expect(bundles().map((each) => statusOf(each).type)).to.deep.equal(['handshake', 'heartbeat']);
    expect(statusOf(bundles()[1])).to.deep.include({ since: '0', numbers: [] });
    await house.advance(601);
    await house.settle();
    expect(bundles()).to.have.length(3);
  });

  it('follows a payroll from its draft to the last payment', async () => {
    const names = ['payroll-drafted', 'payroll-approved', 'payroll-closed', 'payment-resolved'];
    for (const name of names) await subscribe(subscription(name, { content: 'full-resource' }));
    await put(
      scheme('s', [{ url: 'frequency', valueCode: 'monthly' }, criterion('size >= 1'), base(100)]),
    );
    await call('InsurancePlan/s/$enrol');
    await call('$fund', [
      { name: 'account', valueString: 'fund:s' },
      { name: 'amount', valueMoney: { value: 100_000, currency: 'KES' } },
      { name: 'reference', valueString: 'test' },
    ]);
    await house.settle();
    const officer = await house.tokenFor('payroll-officer');
    const drafted = await call('InsurancePlan/s/$draft-payroll', [], officer);
    const payroll = drafted.parameter.find((each: Json) => each.name === 'payroll').valueReference
      .reference;
    await house.settle();
    const events = (): Json[] =>
      bundles()
        .map(statusOf)
        .filter((each) => each.numbers.length > 0);
    expect(events().map((each) => [each.topic, each.focuses])).to.deep.equal([
      [url('payroll-drafted'), [`${house.base}/${payroll}`]],
    ]);
    const approver = await house.tokenFor('payroll-approver');
    await call(`${payroll}/$approve`, [], approver);
    await house.settle();
    for (let turn = 0; turn < 6; turn += 1) {
      await house.advance(600);
      await house.settle();
    }
    const topics = events().map((each) => each.topic);
    expect(new Set(topics)).to.deep.equal(new Set(names.map(url)));
    const paid = bundles().filter((each) => statusOf(each).topic === url('payment-resolved'));
    const outcomes = paid.flatMap((each) => each.entry.slice(1)).map((each) => each.resource);
    expect(outcomes.map((each) => [each.resourceType, each.outcome])).to.deep.equal([
      ['ClaimResponse', 'complete'],
      ['ClaimResponse', 'complete'],
    ]);
  });

  it('finds the topics in metadata, and each described as a resource', async () => {
    const metadata = await house.fetch('metadata');
    expect(metadata.json.instantiates[0]).to.include('backport-subscription-server-r4');
    const type = metadata.json.rest[0].resource.find((each: Json) => each.type === 'Subscription');
    const canonicals: string[] = type.extension.map((each: Json) => each.valueCanonical);
    const topics = house.app.registers.contributions.get(subscriptionTopic.name) as Topic[];
    expect(canonicals).to.deep.equal(topics.map(topicUrl));
    const operations: string[] = type.operation.map((each: Json) => each.name);
    expect(operations).to.include.members(['status', 'events', 'rotate-secret']);
    for (const canonical of canonicals) {
      const { status, json } = await house.fetch(`Basic/${canonical.split('/').at(-1)}`);
      expect(status, canonical).to.equal(200);
      expect(json.code.coding[0].code).to.equal('SubscriptionTopic');
      expect(json.extension[0].valueUri).to.equal(canonical);
    }
  });

  it('has only topics whose filters are search parameters of their focus', () => {
    const { definitions } = house.app.fhir;
    const topics = house.app.registers.contributions.get(subscriptionTopic.name) as Topic[];
    expect(topics.length).to.be.greaterThan(5);
    for (const each of topics) {
      const unknown = each.filters.filter(
        (name) => !definitions.searchParameter(each.resource, name),
      );
      expect(unknown, each.name).to.deep.equal([]);
    }
    expect(new Set(topics.map((each) => each.name))).to.have.length(topics.length);
  });
});
