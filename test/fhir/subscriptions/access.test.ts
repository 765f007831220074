/** A subscriber gets only what its author may see when it is sent, and can prove who sent it. */

import type { Subscription } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { createActor, setActive, setRoles } from '../../../src/access/actors.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { type Actor, type Problem, topicUrl } from '../../../src/sdk/index.ts';
import { area, household, inArea, patient } from '../../modules/support/people.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { isSigned, type Receiver, startReceiver } from './receiver.ts';

const GUIDE = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition';

describe('the author of a Subscription', () => {
  let house: TestHouse;
  let receiver: Receiver;
  let count = 0;

  before(async () => {
    house = await startTestHouse({ environment: { SUBSCRIPTION_INSIDE_HOSTS: '127.0.0.1' } });
    for (const place of ['north', 'south']) await put(area(place));
    await house.settle();
  });
  after(() => house?.stop());
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.stop());

  async function put(resource: Json, token?: string): Promise<Json> {
    const { resourceType, id } = resource;
    const path = `${resourceType}/${id}`;
    const answer = await house.fetch(path, {
      method: 'PUT',
      body: resource,
      ...(token && { token }),
    });
    expect(answer.status, answer.text).to.be.within(200, 201);
    return answer.json;
  }
  interface Author {
    readonly id: string;
    readonly token: string;
  }
  const author = async (
    roles: string[],
    { limits, scope }: { limits?: object; scope?: string } = {},
  ): Promise<Author> => {
    count += 1;
    const [login, secret] = [`author-${count}`, `secret-of-author-${count}`];
    const id = await createActor(house.app.pool, house.clock, {
      ...{ kind: 'client', name: login, login, secret, roles },
    });
    if (limits) {
      const place = `${house.house.url}/access/actors/${id}/limits`;
      expect((await house.fetch(place, { method: 'PUT', body: limits })).status).to.equal(204);
    }
    return { id, token: await getToken(house.house.url, login, secret, scope) };
  };
  const subscribe = async (criteria: string, token: string, more: Json = {}): Promise<Json> => {
    const { payload = {}, ...rest } = more;
    const answer = await house.fetch('Subscription', {
      token,
      body: {
        ...{ resourceType: 'Subscription', status: 'requested', reason: 'a test', criteria },
        channel: {
          ...{ type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json' },
          ...payload,
        },
        ...rest,
      },
    });
    expect(answer.status, answer.text).to.equal(201);
    await house.settle();
    return answer.json;
  };
  const register = async (name: string, place: string): Promise<void> => {
    await put(patient(`p-${name}`));
    await put(household(`h-${name}`, [`head:p-${name}`], { extension: [inArea(place)] }));
  };
  const told = (): string[] =>
    receiver.taken().flatMap((each) => (each.method === 'PUT' ? [JSON.parse(each.body).id] : []));

  it('is told of its areas alone, by searches and by topics', async () => {
    const north = await author(['area-officer', 'registry-client'], {
      limits: { areas: ['north'] },
    });
    await subscribe('Group?type=person', north.token);
    const topics = await startReceiver();
    await subscribe(topicUrl({ name: 'household-registered' }), north.token, {
      payload: {
        endpoint: topics.url,
        _payload: {
          extension: [{ url: `${GUIDE}/backport-payload-content`, valueCode: 'full-resource' }],
        },
      },
    });
    await register('n1', 'north');
    await register('s1', 'south');
    await register('n2', 'north');
    await house.settle();
    expect(told()).to.deep.equal(['h-n1', 'h-n2']);
    const groups = topics.got.flatMap((each) => JSON.parse(each.body).entry.slice(1));
    expect(groups.map((each: Json) => each.resource.id)).to.deep.equal(['h-n1', 'h-n2']);
    expect(topics.got.map((each) => each.body).join(), 'not even its id').not.to.include('h-s1');
    await topics.stop();
  });

  it('is not told of what has left its areas before it could be sent', async () => {
    const north = await author(['area-officer', 'registry-client'], {
      limits: { areas: ['north'] },
    });
    await subscribe('Group?type=person', north.token);
    receiver.mood = 503;
    await register('moving', 'north');
    await house.settle();
    expect(receiver.got.at(-1)!.body).to.include('h-moving');
    await put(household('h-moving', ['head:p-moving'], { extension: [inArea('south')] }));
    await house.settle();
    receiver.got.length = 0;
    receiver.mood = 200;
    await house.advance(3600);
    await house.settle();
    expect(receiver.got.map((each) => each.body)).to.deep.equal([]);
  });

  it('is told within the scopes of the token with which it was written', async () => {
    const scope = 'system/Subscription.cruds system/Patient.rs?gender=female';
    const scoped = await author(['administrator'], { scope });
    await subscribe('Patient?birthdate=1971-01-01', scoped.token);
    for (const gender of ['female', 'male'] as const) {
      await put(patient(`p-${gender}`, { gender, birthDate: '1971-01-01' }));
    }
    await house.settle();
    expect(told()).to.deep.equal(['p-female']);
  });

  it('is told with the elements masked that are kept from its roles, and not by them', async () => {
    const { rowCount } = await house.app.pool.query(
      `insert into access_role_permission values ('statistician', 'Subscription.write'),
         ('statistician', 'Subscription.read')`,
    );
    expect(rowCount).to.equal(2);
    const masked = await author(['statistician']);
    await subscribe('Patient?birthdate=1972-02-02', masked.token);
    const identifier = [{ system: 'https://amana.example/id/national', value: 'SECRET-7' }];
    await put(patient('p-masked', { identifier, birthDate: '1972-02-02' }));
    await house.settle();
    expect(told()).to.deep.equal(['p-masked']);
    expect(receiver.got.at(-1)!.body).not.to.include('SECRET-7');
    const asked = await house.fetch('Subscription', {
      token: masked.token,
      body: {
        ...{ resourceType: 'Subscription', status: 'requested', reason: 'x' },
        criteria: 'Patient?identifier=SECRET-7',
        channel: { type: 'rest-hook', endpoint: receiver.url },
      },
    });
    expect(asked.status, asked.text).to.equal(403);
  });

  it('who is shut out, or may no longer read this, is told nothing more', async () => {
    const gone = await author(['registry-client']);
    const first = await subscribe('Patient?birthdate=1973-03-03', gone.token);
    const demoted = await author(['registry-client']);
    const second = await subscribe('Patient?birthdate=1973-03-03', demoted.token);
    await setActive(house.app.pool, gone.id, false);
    await setRoles(house.app.pool, demoted.id, ['reporting-client']);
    const greetings = receiver.got.length;
    await put(patient('p-late', { birthDate: '1973-03-03' }));
    await house.settle();
    expect(receiver.got).to.have.length(greetings);
    for (const { id } of [first, second]) {
      const { json } = await house.fetch(`Subscription/${id}`);
      expect(json.status).to.equal('error');
      expect(json.error).to.match(/no longer sign in|permission/);
    }
  });

  it('must be known to this server, for rights are looked up when nobody is signed in', async () => {
    const guest: Actor = { ...SYSTEM, id: 'https://issuer.example|guest', kind: 'client' };
    const refused = await runUnitOfWork(house.app, guest, {}, async (ctx) =>
      ctx.fhir
        .create<Subscription>({
          ...{
            resourceType: 'Subscription',
            status: 'requested',
            reason: 'x',
            criteria: 'Patient',
          },
          channel: { type: 'rest-hook', endpoint: receiver.url },
        } as Subscription)
        .catch((error: Problem) => error.issues[0]?.code),
    );
    expect(refused).to.equal('subscription-author-unknown');
  });

  it('is named in the trail as the reader of what was sent', async () => {
    const reader = await author(['registry-client']);
    const { id } = await subscribe('Patient?birthdate=1974-04-04', reader.token);
    await put(patient('p-trail', { birthDate: '1974-04-04' }));
    await house.settle();
    const path = `AuditEvent?entity-name=Patient/p-trail&agent-name=${reader.id}`;
    const trail = await house.fetch(path);
    expect(trail.status, trail.text).to.equal(200);
    const [event, ...others] = trail.json.entry.map((each: Json) => each.resource);
    expect(others).to.deep.equal([]);
    expect(event.action).to.equal('R');
    expect(JSON.stringify(event)).to.include('notification').and.to.include(id);
  });

  it('is given the signing key once, and both keys sign while it is being replaced', async () => {
    const owner = await author(['registry-client']);
    const { id } = await subscribe('Patient?birthdate=1975-05-05', owner.token);
    const rotate = async (token: string, parameter: Json[] = []): Promise<Json> =>
      house.fetch(`Subscription/${id}/$rotate-secret`, {
        token,
        body: { resourceType: 'Parameters', parameter },
      });
    expect((await rotate(house.token)).status, 'not by another').to.equal(403);
    const key = async (parameter: Json[] = []): Promise<string> => {
      const answer = await rotate(owner.token, parameter);
      expect(answer.status, answer.text).to.equal(200);
      return answer.json.parameter[0].valueString;
    };
    const first = await key();
    const send = async (name: string): Promise<void> => {
      await put(patient(name, { birthDate: '1975-05-05' }));
      await house.settle();
    };
    const now = (): Date => house.clock.now();
    await send('p-sign-1');
    const one = receiver.got.at(-1)!;
    expect(isSigned(one, first, now())).to.equal(true);
    expect(isSigned({ ...one, body: one.body.replace('1975', '1976') }, first, now())).to.equal(
      false,
    );
    expect(isSigned(one, 'whsec_b3RoZXI=', now())).to.equal(false);
    expect(isSigned(one, first, new Date(now().getTime() + 301_000)), 'a replay').to.equal(false);
    const second = await key([{ name: 'overlap-days', valueUnsignedInt: 2 }]);
    expect(second).not.to.equal(first);
    await send('p-sign-2');
    expect(isSigned(receiver.got.at(-1)!, second, now())).to.equal(true);
    expect(isSigned(receiver.got.at(-1)!, first, now()), 'for two days').to.equal(true);
    await house.advance(2 * 86_400 + 1);
    await send('p-sign-3');
    expect(isSigned(receiver.got.at(-1)!, second, now())).to.equal(true);
    expect(isSigned(receiver.got.at(-1)!, first, now())).to.equal(false);
  });
});
