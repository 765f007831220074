/**
 * What roles allow, what tokens are worth, and who may change access.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { after, before, describe, it } from 'mocha';
import { bootstrap } from '../../src/access/bootstrap.ts';
import { AUDIENCE, loadKeys } from '../../src/access/provider.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const PATIENT = { resourceType: 'Patient', name: [{ family: 'Achieng' }] };

describe('access', () => {
  let house: TestHouse;
  let outside: Server;
  let outsideUrl: string;
  let outsideKey: CryptoKey;

  before(async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    outsideKey = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'o1', alg: 'RS256', use: 'sig' };
    outside = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      const keys = { keys: [jwk] };
      const about = { issuer: outsideUrl, jwks_uri: `${outsideUrl}/jwks` };
      response.end(JSON.stringify(request.url === '/jwks' ? keys : about));
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
    house = await startTestHouse({
      environment: { OIDC_ISSUER: outsideUrl, OIDC_ROLES_CLAIM: 'groups' },
    });
  });
  after(async () => {
    await house?.stop();
    outside?.close();
  });

  const status = async (token: string, path: string, body?: object): Promise<number> =>
    (await house.fetch(path, { token, ...(body && { body }) })).status;
  const actors = (method: string, path: string, body?: unknown, token?: string) =>
    house.fetch(`${house.house.url}/access/actors${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { 'content-type': 'application/json' },
      ...(token && { token }),
    });

  it('is needed for everything but metadata, health and sign-in', async () => {
    for (const [method, path] of [
      ['GET', 'Patient'],
      ['GET', 'Patient/1'],
      ['GET', '_history'],
      ['POST', 'Patient'],
      ['POST', ''],
      ['PUT', 'Patient/1'],
      ['DELETE', 'Patient/1'],
      ['POST', 'Patient/_search'],
      ['GET', '$anything'],
    ] as const) {
      const answer = await fetch(`${house.base}/${path}`, { method });
      expect(answer.status, `${method} ${path}`).to.equal(401);
      expect(answer.headers.get('www-authenticate'), path).to.match(/^Bearer realm="amana"/);
    }
    expect((await fetch(`${house.house.url}/access/actors`)).status).to.equal(401);
  });

  it('follows roles: a registry writes people, an auditor reads, a reporter does neither', async () => {
    const registry = await house.tokenFor('registry-client');
    const auditor = await house.tokenFor('auditor');
    const reporter = await house.tokenFor('reporting-client');
    expect(await status(registry, 'Patient', PATIENT)).to.equal(201);
    expect(await status(auditor, 'Patient')).to.equal(200);
    const refused = await house.fetch('Patient', { token: auditor, body: PATIENT });
    expect(refused.status).to.equal(403);
    expect(refused.json.issue[0].diagnostics).to.include('Patient.write');
    expect(await status(reporter, 'Patient')).to.equal(403);
    expect(await status(registry, 'InsurancePlan')).to.equal(403);
  });

  it('has a role for every permission, and no role grants one that does not exist', async () => {
    const { rows } = await house.app.pool.query<{ permission: string }>(
      'select distinct permission from access_role_permission',
    );
    const granted = new Set(rows.map((row) => row.permission));
    const { modules, permissions } = house.app.registers;
    const ungranted = [...permissions.keys()].filter((name) => !granted.has(name));
    expect(ungranted, 'granted by administrators only').to.deep.equal([]);
    const rooms = new Set(modules.map((module) => module.name));
    const unknown = [...granted].filter(
      (name) => rooms.has(name.split('.')[0]!) && !permissions.has(name),
    );
    expect(unknown, 'granted, but asked for by nobody').to.deep.equal([]);
  });

  it('counts in each entry of a transaction', async () => {
    const registry = await house.tokenFor('registry-client');
    const entry = (resource: object, url: string) => ({
      resource,
      request: { method: 'POST', url },
    });
    const answer = await house.fetch('', {
      token: registry,
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          entry({ resourceType: 'Patient', name: [{ family: 'Neverstored' }] }, 'Patient'),
          entry({ resourceType: 'Basic', code: { text: 'x' } }, 'Basic'),
        ],
      },
    });
    expect(answer.status).to.equal(403);
    const found = await house.fetch('Patient?family=neverstored&_summary=count');
    expect(found.json.total).to.equal(0);
  });

  it('ends when a role is taken, and when an actor is shut out', async () => {
    const made = await actors('POST', '', {
      kind: 'client',
      name: 'Clerk',
      login: 'clerk-1',
      secret: 'secret-of-clerk-1',
      roles: ['registrar'],
    });
    const basic = Buffer.from('clerk-1:secret-of-clerk-1').toString('base64');
    const answer = await fetch(`${house.house.url}/oidc/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const { actor_id: id } = made.json;
    expect(await status(token, 'Patient', PATIENT)).to.equal(201);
    expect((await actors('PUT', `/${id}/roles`, ['auditor'])).status).to.equal(204);
    expect(await status(token, 'Patient', PATIENT)).to.equal(403);
    expect(await status(token, 'Patient')).to.equal(200);
    expect((await actors('PUT', `/${id}/active`, { active: false })).status).to.equal(204);
    expect(await status(token, 'Patient')).to.equal(401);
  });

  it('is changed only by who may, within what they have, and leaves an administrator', async () => {
    const plain = await house.tokenFor('registrar');
    expect((await actors('GET', '', undefined, plain)).status).to.equal(403);
    await house.app.pool.query(`insert into access_role values ('access-officer', 'gives roles')`);
    await house.app.pool.query(
      `insert into access_role_permission values ('access-officer', 'access.manage')`,
    );
    const officer = await house.tokenFor('access-officer');
    const person = { kind: 'user', name: 'A', login: 'person-a', roles: ['auditor'] };
    const made = await actors('POST', '', person, officer);
    expect(made.status).to.equal(201);
    expect(made.json.secret).to.match(/^\w{24}$/);
    const above = { ...person, login: 'person-b', roles: ['administrator'] };
    expect((await actors('POST', '', above, officer)).status).to.equal(403);
    const administrators = (await actors('GET', '')).json.filter((each: { roles: string[] }) =>
      each.roles.includes('administrator'),
    );
    for (const each of administrators) {
      const reset = await actors('PUT', `/${each.actor_id}/secret`, {}, officer);
      expect(reset.status).to.equal(403);
    }
    const left: number[] = [];
    const mine = administrators.find((each: { kind: string }) => each.kind === 'client');
    for (const each of [...administrators.filter((one: object) => one !== mine), mine]) {
      left.push((await actors('PUT', `/${each.actor_id}/active`, { active: false })).status);
    }
    expect(left.at(-1)).to.equal(422);
  });

  it('says what is wrong with a new actor', async () => {
    const person = { kind: 'user', name: 'B', login: 'person-c', roles: ['auditor'] };
    const attempts: [object | string, number][] = [
      ['{"kind": ', 400],
      [{ ...person, kind: 'robot' }, 400],
      [{ ...person, login: 'a b' }, 400],
      [{ ...person, secret: 'short' }, 400],
      [{ ...person, roles: ['king'] }, 422],
      [{ ...person, jwks: null }, 400],
    ];
    for (const [body, wanted] of attempts) {
      const answer = await actors('POST', '', body);
      expect(answer.status, JSON.stringify(body)).to.equal(wanted);
      expect(answer.json.resourceType).to.equal('OperationOutcome');
    }
    expect((await actors('POST', '', person)).status).to.equal(201);
    expect((await actors('POST', '', person)).status).to.equal(409);
    expect((await actors('PUT', '/nobody/roles', [])).status).to.equal(404);
  });

  it('leaves changes of access in the trail', async () => {
    const { rows } = await house.app.pool.query<{ interaction: string }>(
      `select distinct interaction from audit_event where interaction like 'set-%' order by 1`,
    );
    expect(rows.map((row) => row.interaction)).to.deep.equal(['set-active', 'set-roles']);
  });

  it('is made once, however often the house starts', async () => {
    expect(await bootstrap(house.app.pool, house.clock, house.app.settings)).to.equal(undefined);
  });

  describe('by token', () => {
    const sign = (key: CryptoKey | Uint8Array, head: object, claims: object, life = '1h') =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...head })
        .setIssuedAt()
        .setExpirationTime(life)
        .sign(key);
    const administrator = async (): Promise<string> => {
      const { rows } = await house.app.pool.query<{ actor_id: string }>(
        `select actor_id from access_actor join access_actor_role using (actor_id)
         where role = 'administrator' and active limit 1`,
      );
      return rows[0]!.actor_id;
    };
    const ownKey = async (): Promise<{ key: CryptoKey; kid: string }> => {
      const [jwk] = (await loadKeys(house.app.pool)).jwks.keys as [JWK];
      return { key: (await importJWK(jwk)) as CryptoKey, kid: jwk.kid! };
    };

    it('is ours when signed by us, for us, and in time', async () => {
      const { key, kid } = await ownKey();
      const claims = { iss: house.house.url, aud: AUDIENCE, sub: await administrator() };
      expect(await status(await sign(key, { kid }, claims), 'Patient')).to.equal(200);
      const late = await house.fetch('Patient', { token: await sign(key, { kid }, claims, '-1s') });
      expect(late.status).to.equal(401);
      expect(late.json.issue[0].diagnostics).to.include('expired');
      expect(late.headers.get('www-authenticate')).to.include('error="invalid_token"');
      for (const wrong of [
        { aud: 'urn:other' },
        { iss: 'https://other.example' },
        { sub: 'nobody' },
      ]) {
        const token = await sign(key, { kid }, { ...claims, ...wrong });
        expect(await status(token, 'Patient'), JSON.stringify(wrong)).to.equal(401);
      }
      const identity = await sign(key, { kid, typ: 'JWT' }, claims);
      expect(await status(identity, 'Patient')).to.equal(401);
    });

    it('is refused when another key, no key, or a shared secret has signed it', async () => {
      const claims = { iss: house.house.url, aud: AUDIENCE, sub: await administrator() };
      const { kid } = await ownKey();
      const thief = await generateKeyPair('ES256');
      expect(await status(await sign(thief.privateKey, { kid }, claims), 'Patient')).to.equal(401);
      const secret = new TextEncoder().encode('x'.repeat(32));
      const shared = await sign(secret, { alg: 'HS256', kid }, claims);
      expect(await status(shared, 'Patient')).to.equal(401);
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const exp = 4_102_444_800;
      const unsigned = `${part({ alg: 'none', typ: 'at+jwt' })}.${part({ ...claims, exp })}.`;
      expect(await status(unsigned, 'Patient')).to.equal(401);
      for (const nonsense of ['x', 'a.b.c', '..']) {
        expect(await status(nonsense, 'Patient'), nonsense).to.equal(401);
      }
    });

    it('may come from the outside issuer that the settings name, with its roles', async () => {
      const head = { alg: 'RS256', kid: 'o1', typ: 'JWT' };
      const claims = { iss: outsideUrl, aud: 'amana', sub: 'u-1', name: 'Grace' };
      const auditor = await sign(outsideKey, head, { ...claims, groups: ['auditor', 'golfers'] });
      expect(await status(auditor, 'Patient')).to.equal(200);
      expect(await status(auditor, 'Patient', PATIENT)).to.equal(403);
      const other = await sign(outsideKey, head, { ...claims, aud: 'other', groups: ['auditor'] });
      expect(await status(other, 'Patient')).to.equal(401);
      const none = await sign(outsideKey, head, claims);
      expect(await status(none, 'Patient')).to.equal(403);
    });
  });
});
