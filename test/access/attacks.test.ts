/**
 * Attacks of limited actors, one by one: what they must not be told, do or take. What is hidden
 * making no difference to reads and writes at random is proved beside (`noninterference.test.ts`).
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createActor } from '../../src/access/actors.ts';
import { household, inArea, patient } from '../modules/support/people.ts';
import {
  type Answer,
  getToken,
  type Json,
  startTestHouse,
  type TestHouse,
} from '../support/server.ts';
import { enrolment, IDENTIFIER, makeWorld } from './world.ts';

interface Attacker {
  readonly id: string;
  readonly token: string;
}

describe('a limited actor', function () {
  this.timeout(120_000);
  let house: TestHouse;
  let count = 0;
  const world = makeWorld(7, 2);
  /** h0 with p0 is in north-1 and scheme one, h1 with p1 in south and scheme two. */
  let officer: Attacker;

  before(async () => {
    house = await startTestHouse();
    for (const each of world.writes) await put(each);
    await house.settle();
    officer = await actor(['area-officer', 'registrar'], { limits: { areas: ['north'] } });
  });
  after(() => house?.stop());

  async function put(resource: Json): Promise<void> {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.be.lessThan(300);
  }

  async function actor(
    roles: string[],
    { limits, scope }: { limits?: object; scope?: string } = {},
  ): Promise<Attacker> {
    count += 1;
    const [login, secret] = [`attacker-${count}`, `secret-of-attacker-${count}`];
    const id = await createActor(house.app.pool, house.clock, {
      ...{ kind: 'client' as const, name: login, login, secret, roles },
    });
    if (limits) {
      const url = `${house.house.url}/access/actors/${id}/limits`;
      expect((await house.fetch(url, { method: 'PUT', body: limits })).status).to.equal(204);
    }
    return { id, token: await getToken(house.house.url, login, secret, scope) };
  }

  const code = ({ json }: Answer): string => json?.issue?.[0]?.details?.coding?.[0]?.code;

  const role = (name: string, ...permissions: string[]) =>
    house.app.pool.query(
      `with made as (insert into access_role values ($1, 'of a test'))
       insert into access_role_permission select $1, unnest($2::text[])`,
      [name, permissions],
    );

  it('who manages access cannot lift its own limits, nor make somebody without', async () => {
    await role('manager', 'access.manage', '*.read');
    const limited = await actor(['manager'], { limits: { areas: ['north'] } });
    const scoped = await actor(['administrator'], { scope: 'system/Patient.rs' });
    const other = await actor(['registrar']);
    const url = `${house.house.url}/access/actors`;
    const tries: [string, string, unknown][] = [
      ['PUT', `${url}/${limited.id}/limits`, {}],
      ['PUT', `${url}/${limited.id}/roles`, ['administrator']],
      ['PUT', `${url}/${other.id}/limits`, { areas: ['south'] }],
      ['PUT', `${url}/${other.id}/secret`, {}],
      ['POST', url, { kind: 'client', name: 'x', login: 'x-unlimited', roles: ['registrar'] }],
    ];
    for (const { token } of [limited, scoped]) {
      for (const [method, path, body] of tries) {
        const answer = await house.fetch(path, { method, body, token });
        expect(answer.status, `${method} ${path} ${answer.text}`).to.equal(403);
      }
    }
    expect((await house.fetch('Patient/p1', { token: limited.token })).status).to.equal(404);
  });

  it('with scopes calls no operation that its scopes do not speak of', async () => {
    const reader = await actor(['administrator'], { scope: 'system/InsurancePlan.rs' });
    const post = (path: string, token: string) =>
      house.fetch(path, { token, body: { resourceType: 'Parameters' } });
    expect((await post('InsurancePlan/two/$draft-payroll', reader.token)).status).to.equal(403);
    expect(code(await post('$fund', reader.token))).to.equal('scope-missing');
    const writer = await actor(['administrator'], { scope: 'system/InsurancePlan.rsu' });
    const drafted = await post('InsurancePlan/two/$draft-payroll', writer.token);
    expect(code(drafted)).to.not.equal('scope-missing');
  });

  it('does not find the Subscriptions of others, but its own', async () => {
    const [one, two] = [await actor(['registry-client']), await actor(['registry-client'])];
    const made = await house.fetch('Subscription', {
      token: one.token,
      body: {
        ...{ resourceType: 'Subscription', status: 'off', reason: 'a test' },
        criteria: `Patient?identifier=${IDENTIFIER}|p1`,
        channel: { type: 'rest-hook', endpoint: 'https://receiver.example/hook' },
      },
    });
    expect(made.status, made.text).to.equal(201);
    const path = `Subscription/${made.json.id}`;
    for (const rest of ['', '/_history', '/_history/1', '/$status', '/$events', '/$meta']) {
      const theirs = await house.fetch(path + rest, { token: two.token });
      expect(theirs.text, rest).to.not.include('receiver.example');
      expect(theirs.text, rest).to.not.include('|p1');
      if (rest !== '/$status') expect(theirs.status, rest).to.equal(404);
      expect((await house.fetch(path + rest, { token: one.token })).status, rest).to.equal(200);
    }
    const listed = await house.fetch('Subscription?_total=accurate', { token: two.token });
    expect(listed.json.total).to.equal(0);
    const seized = {
      ...made.json,
      channel: { ...made.json.channel, endpoint: 'https://x.example' },
    };
    const write = await house.fetch(path, { token: two.token, method: 'PUT', body: seized });
    expect(write.status).to.equal(404);
    expect((await house.fetch(path, { token: two.token, method: 'DELETE' })).status).to.equal(204);
    expect((await house.fetch(path, { token: one.token })).json.channel.endpoint).to.include(
      'receiver.example',
    );
    const { token } = await actor(['auditor']);
    expect((await house.fetch(path, { token })).status).to.equal(200);
  });

  it('is not told by a condition whether somebody is registered beyond its reach', async () => {
    const query = (id: string) => `identifier=${IDENTIFIER}|${id}`;
    const ask = async (method: string, path: string, body?: unknown): Promise<string> => {
      const headers = { 'content-type': 'application/json-patch+json' };
      const { token } = officer;
      const how = method === 'PATCH' ? { method, body, headers, token } : { method, body, token };
      const answer = await house.fetch(path, how);
      return `${answer.status} ${answer.text.replace(/p1\b|nobody/g, 'X')}`;
    };
    for (const path of ['Patient', 'Group']) {
      const deleted = (id: string) => ask('DELETE', `${path}?${query(id)}`);
      expect(await deleted('p1')).to.equal(await deleted('nobody'));
      const patched = (id: string) =>
        ask('PATCH', `${path}?${query(id)}`, [{ op: 'test', path: '/id', value: 'x' }]);
      expect(await patched('p1')).to.equal(await patched('nobody'));
    }
    const named = (id: string) =>
      ask('POST', '', {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            resource: {
              ...{ resourceType: 'Flag', status: 'active', code: { text: 'x' } },
              subject: { reference: `Patient?${query(id)}` },
            },
            request: { method: 'POST', url: 'Flag' },
          },
        ],
      });
    expect(await named('p1')).to.equal(await named('nobody'));
    expect((await house.fetch('Patient/p1')).status).to.equal(200);
  });

  it('takes nobody from beyond its reach into a household of its own', async () => {
    await put(patient('loose', { identifier: [{ system: IDENTIFIER, value: 'loose' }] }));
    for (const id of ['p1', 'loose', 'nobody']) {
      const answer = await house.fetch('Group/h-new', {
        ...{ method: 'PUT', token: officer.token },
        body: household('h-new', [`head:${id}`], { extension: [inArea('north-1')] }),
      });
      expect(answer.status, id).to.equal(422);
      expect(code(answer), id).to.equal('reference-unknown');
    }
    const taken = await house.fetch('', {
      token: officer.token,
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          patient('new', { identifier: [{ system: IDENTIFIER, value: 'loose' }] }),
          household('h-new', ['head:new'], { extension: [inArea('north-1')] }),
        ].map((resource) => ({
          resource,
          request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
        })),
      },
    });
    expect(code(taken)).to.equal('identifier-taken');
    expect(taken.text).to.not.include('Patient/loose');
  });

  it('sees an earlier version only when it reaches the people whom that version named', async () => {
    const about = (id: string, note: string): Json => ({
      ...{ resourceType: 'Observation', id: 'moved', status: 'final', code: { text: note } },
      subject: { reference: `Patient/${id}` },
    });
    await put(about('p1', 'told in confidence'));
    await put(about('p0', 'corrected'));
    for (const path of ['Observation/moved/_history', 'Observation/_history', '_history']) {
      const { status, text } = await house.fetch(`${path}?_count=500`, officer);
      expect(status, path).to.equal(200);
      expect(text, path).to.include('corrected').and.not.include('told in confidence');
    }
    expect((await house.fetch('Observation/moved/_history/1', officer)).status).to.equal(404);
    expect((await house.fetch('Observation/moved/_history/2', officer)).status).to.equal(200);
    expect((await house.fetch('Observation/moved/_history/1')).status).to.equal(200);
  });

  it('is not told who or what hidden things refer to what it may delete', async () => {
    await put({
      ...{ resourceType: 'Flag', id: 'named', status: 'active', code: { text: 'x' } },
      subject: { reference: 'Patient/p0' },
    });
    await put({
      ...{ resourceType: 'Provenance', id: 'secret-1', recorded: '2026-01-15T08:00:00Z' },
      target: [{ reference: 'Flag/named' }],
      agent: [{ who: { reference: 'Patient/p1' } }],
    });
    const answer = await house.fetch('Flag/named', { ...officer, method: 'DELETE' });
    expect(answer.status).to.equal(409);
    expect(answer.text).to.not.include('secret-1');
    expect((await house.fetch('Flag/named', { method: 'DELETE' })).text).to.include('secret-1');
  });

  it('reads nothing by writing: a patch, or a conditional write, needs the right to read', async () => {
    const writer = await actor(['administrator'], { scope: 'system/Patient.cud' });
    const patched = await house.fetch('Patient/p0', {
      ...{ method: 'PATCH', token: writer.token, body: [] },
      headers: { 'content-type': 'application/json-patch+json' },
    });
    expect(patched.status).to.equal(403);
    const conditional = await house.fetch('Patient', {
      ...{ token: writer.token, body: patient('x') },
      headers: { 'if-none-exist': `identifier=${IDENTIFIER}|p0` },
    });
    expect(conditional.status).to.equal(403);
    await role('masked-writer', 'Patient.read', 'Patient.write');
    await house.app.pool.query(
      `insert into access_mask values ('masked-writer', 'Patient.identifier')`,
    );
    const masked = await actor(['masked-writer']);
    const guess = await house.fetch('Patient', {
      ...{ token: masked.token, body: patient('x') },
      headers: { 'if-none-exist': `identifier=${IDENTIFIER}|p0` },
    });
    expect(guess.status).to.equal(403);
  });

  it('with masks meets no name in references and narratives', async () => {
    await put({
      resourceType: 'List',
      id: 'told',
      status: 'current',
      mode: 'working',
      text: {
        status: 'generated',
        div: '<div xmlns="http://www.w3.org/1999/xhtml">List of Zola</div>',
      },
      subject: { reference: 'Patient/p0', display: 'Zola', identifier: { value: 'id-of-zola' } },
    });
    await role('blind', 'Patient.read', 'List.read');
    await house.app.pool.query(
      `insert into access_mask values ('blind', 'Patient.name'), ('blind', 'Patient.identifier')`,
    );
    const blind = await actor(['blind']);
    const read = await house.fetch('List/told', blind);
    expect(read.status).to.equal(200);
    expect(read.text).to.not.match(/Zola|id-of-zola/);
    expect(read.json.subject.reference).to.equal('Patient/p0');
    expect(read.json.meta.security[0].code).to.equal('MASKED');
    const asked = await house.fetch('List?subject:identifier=id-of-zola', blind);
    expect(asked.status).to.equal(403);
    await role('timeless', 'Patient.read', 'Claim.read');
    await house.app.pool.query(`insert into access_mask values ('timeless', 'Claim.created')`);
    const timeless = await actor(['timeless']);
    for (const path of [
      'Claim?created=2026',
      'Patient/p0/Claim?created=2026',
      'Claim?_sort=created',
    ]) {
      expect((await house.fetch(path, timeless)).status, path).to.equal(403);
    }
    expect((await house.fetch('Patient/p0/Claim?status=draft', timeless)).status).to.equal(200);
  });

  it('is narrowed by scopes that lead on to other resources, also back to their own type', async () => {
    const scope = 'system/Patient.rs?_has:Group:member:_id=h1 system/Observation.rs';
    const chained = await actor(['administrator'], { scope });
    const found = await house.fetch('Patient', chained);
    expect(found.status, found.text).to.equal(200);
    const ids: string[] = found.json.entry.map((each: Json) => each.resource.id);
    expect(ids.length).to.be.greaterThan(0);
    expect(ids.every((id) => id.startsWith('p1'))).to.equal(true);
    expect(
      (await house.fetch('Observation?subject:Patient.gender=male,female', chained)).status,
    ).to.equal(200);
    const back = 'system/Patient.rs?link:Patient.gender=female';
    const itself = await actor(['administrator'], { scope: back });
    const none = await house.fetch('Patient?_total=accurate', itself);
    expect(none.status, none.text).to.equal(200);
    expect(none.json.total).to.equal(0);
  });

  it('does not find the later answers of others, nor cancels them', async () => {
    const taken = await house.fetch('Patient?_count=5', {
      headers: { prefer: 'respond-async' },
    });
    expect(taken.status).to.equal(202);
    const url = taken.headers.get('content-location')!;
    await house.settle();
    expect((await house.fetch(url, officer)).status).to.equal(404);
    expect((await house.fetch(url, { ...officer, method: 'DELETE' })).status).to.equal(404);
    expect((await house.fetch(url)).status).to.equal(200);
  });

  it('sees payrolls with the totals of its areas alone, and does nothing to them', async () => {
    await put(enrolment('c1-one', 'h1', 'p1', 'one'));
    await house.settle();
    const drafted = await house.fetch('InsurancePlan/one/$draft-payroll', {
      body: { resourceType: 'Parameters' },
    });
    expect(drafted.status, drafted.text).to.equal(200);
    const [{ resource: whole }] = (await house.fetch('List?code=payroll')).json.entry;
    const part = (await house.fetch(`List/${whole.id}`, officer)).json;
    const said = (list: Json) =>
      list.extension
        .map((each: Json) => each.valueInteger ?? each.valueMoney?.value)
        .filter((each: unknown) => each !== undefined);
    expect(said(whole)).to.include.members([2, 4000]);
    expect(said(part)).to.include.members([1, 2000]).and.not.include(4000);
    const lines = await house.fetch(`Claim?_list=${whole.id}&_total=accurate`, officer);
    expect(lines.json.total).to.equal(1);
    const approver = await actor(['payroll-approver'], { limits: { areas: ['north'] } });
    const approved = await house.fetch(`List/${whole.id}/$approve`, {
      ...{ token: approver.token, body: { resourceType: 'Parameters' } },
    });
    expect(code(approved)).to.equal('operation-beyond-reach');
    await orders(whole.id);
    const elsewhere = await actor(['registrar'], { limits: { areas: ['north-2'] } });
    expect((await house.fetch(`List/${whole.id}`, elsewhere)).status).to.equal(404);
    const narrow = await actor(['administrator'], { scope: 'user/Claim.rs?status=cancelled' });
    expect((await house.fetch('Claim?_total=accurate', narrow)).json.total).to.equal(0);
    const line = (await house.fetch('Claim')).json.entry[0].resource;
    expect((await house.fetch(`Claim/${line.id}`, narrow)).status).to.equal(404);
  });

  /** Approves a payroll of h0 and h1: one message to the provider orders both. */
  async function orders(list: string): Promise<void> {
    const call = async (path: string, parameter: object[], token?: string): Promise<void> => {
      const body = { resourceType: 'Parameters', parameter };
      const answer = await house.fetch(path, { ...(token && { token }), body });
      expect(answer.status, answer.text).to.equal(200);
    };
    await call('$fund', [
      { name: 'account', valueString: 'fund:one' },
      { name: 'amount', valueMoney: { value: 9000, currency: 'KES' } },
      { name: 'reference', valueString: 'grant' },
    ]);
    const control = [
      { name: 'count', valueInteger: 2 },
      { name: 'amount', valueString: '4000.00' },
    ];
    await call(`List/${list}/$approve`, control, (await actor(['payroll-approver'])).token);
    await house.settle();
  }

  it('is not shown what else stands in a message to a provider about its own', async () => {
    const local = await actor(['administrator'], { limits: { areas: ['north'] } });
    const [{ resource: own }] = (await house.fetch('ClaimResponse', local)).json.entry;
    const path = `ClaimResponse/${own.id}/$evidence`;
    expect((await house.fetch(path)).text).to.include('+254711000001');
    const shown = await house.fetch(path, local);
    expect(shown.status, shown.text).to.equal(200);
    expect(shown.text).to.not.include('+254711000001').and.not.include('body');
    await role('clerk', 'disbursement.resolve', '*.read');
    await house.app.pool.query(
      `insert into access_mask values ('clerk', 'Group.extension:payment-account')`,
    );
    const masked = await actor(['clerk']);
    expect((await house.fetch(path, masked)).text).to.not.include('+2547110000');
  });

  it('sees the reports of its areas, none of others, and none of all schemes', async () => {
    const closed = await house.fetch('Measure/registration/$close-period', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'periodStart', valueDate: '2025-12' },
          { name: 'periodEnd', valueDate: '2025-12' },
        ],
      },
    });
    expect(closed.status, closed.text).to.equal(200);
    const subjects = async (token?: string): Promise<string[]> => {
      const { json } = await house.fetch('MeasureReport?_count=50', token ? { token } : {});
      const found = (json.entry ?? []).map(
        (each: Json) => each.resource.subject?.reference ?? 'all',
      );
      return found.sort();
    };
    expect(await subjects()).to.include.members(['all', 'Location/country', 'Location/south']);
    expect(await subjects(officer.token)).to.deep.equal(
      ['north', 'north-1', 'north-2'].map((id) => `Location/${id}`),
    );
    const manager = await actor(['scheme-manager'], { limits: { schemes: ['one'] } });
    expect(await subjects(manager.token)).to.deep.equal([]);
    expect((await house.fetch('Measure/registration', officer)).status).to.equal(200);
    const figures = await house.fetch(
      'Measure/registration/$evaluate-measure?periodStart=2025-12&periodEnd=2025-12',
      officer,
    );
    expect(figures.status).to.equal(403);
  });
});
