/**
 * Signing in: programs by secret or signed assertion, people by password through the authorization
 * code flow with PKCE; and what is refused on the way.
 */

import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

interface TokenAnswer {
  access_token?: string;
  token_type?: string;
  expires_in?: number;
  error?: string;
}

describe('signing in', () => {
  let house: TestHouse;
  let url: string;
  before(async () => {
    house = await startTestHouse({
      environment: {
        BOOTSTRAP_CLIENT_ID: 'automation',
        BOOTSTRAP_CLIENT_SECRET: 'a-secret-for-automation',
      },
    });
    url = house.house.url;
  });
  after(() => house?.stop());

  const tokenBy = async (
    body: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; answer: TokenAnswer }> => {
    const answer = await fetch(`${url}/oidc/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(body),
    });
    return { status: answer.status, answer: (await answer.json()) as TokenAnswer };
  };
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });
  const canRead = async (token: string | undefined): Promise<number> =>
    (await house.fetch('Patient?_summary=count', { token: token ?? 'none' })).status;
  const makeActor = async (actor: object) =>
    house.fetch(`${url}/access/actors`, {
      body: actor,
      headers: { 'content-type': 'application/json' },
    });

  it('is described where clients look for it', async () => {
    const openid = await fetch(`${url}/.well-known/openid-configuration`);
    const found = (await openid.json()) as Record<string, unknown>;
    expect(found.issuer).to.equal(url);
    expect(found.token_endpoint).to.equal(`${url}/oidc/token`);
    const smart = await fetch(`${house.base}/.well-known/smart-configuration`);
    expect(((await smart.json()) as Record<string, unknown>).token_endpoint).to.equal(
      `${url}/oidc/token`,
    );
    const refused = await fetch(`${house.base}/Patient`);
    const place = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '');
    const metadata = (await (await fetch(place![1]!)).json()) as Record<string, unknown>;
    expect(metadata.resource).to.equal(house.base);
    expect(metadata.authorization_servers).to.deep.equal([url]);
  });

  describe('as a program', () => {
    it('works with the secret in the header or in the form', async () => {
      const grant = { grant_type: 'client_credentials' };
      const header = await tokenBy(grant, basic('automation', 'a-secret-for-automation'));
      expect(header.answer.token_type).to.equal('Bearer');
      expect(header.answer.expires_in).to.equal(3600);
      expect(await canRead(header.answer.access_token)).to.equal(200);
      const form = await tokenBy({
        ...grant,
        client_id: 'automation',
        client_secret: 'a-secret-for-automation',
      });
      expect(await canRead(form.answer.access_token)).to.equal(200);
    });

    it('is refused with a wrong secret, as an unknown client, and as a person', async () => {
      const grant = { grant_type: 'client_credentials' };
      for (const [id, secret] of [
        ['automation', 'another-secret'],
        ['nobody', 'a-secret-for-automation'],
        ['administrator', house.house.firstAccess!.password],
      ] as const) {
        const { status, answer } = await tokenBy(grant, basic(id, secret));
        expect(status, id).to.equal(401);
        expect(answer.error).to.equal('invalid_client');
      }
    });

    it('works with an assertion signed by its key, once', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
      const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES384', use: 'sig' };
      const made = await makeActor({
        kind: 'client',
        name: 'Registry',
        login: 'registry-1',
        jwks: { keys: [jwk] },
        roles: ['registry-client'],
      });
      expect(made.status, made.text).to.equal(201);
      expect(made.json).not.to.have.property('secret');
      const assertion = await new SignJWT({})
        .setProtectedHeader({ alg: 'ES384', kid: 'k1' })
        .setIssuer('registry-1')
        .setSubject('registry-1')
        .setAudience(`${url}/oidc/token`)
        .setJti(randomBytes(16).toString('hex'))
        .setIssuedAt()
        .setExpirationTime('4m')
        .sign(privateKey);
      const form = {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      };
      const first = await tokenBy(form);
      expect(first.answer.error, JSON.stringify(first.answer)).to.equal(undefined);
      expect(await canRead(first.answer.access_token)).to.equal(200);
      expect((await tokenBy(form)).status).to.equal(401);
    });
  });

  describe('as a person', () => {
    interface Walk {
      readonly jar: Map<string, string>;
      readonly verifier: string;
      readonly signIn: string;
    }

    async function step(jar: Map<string, string>, target: string, init: RequestInit = {}) {
      const answer = await fetch(new URL(target, url), {
        ...init,
        redirect: 'manual',
        headers: {
          ...init.headers,
          cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        },
      });
      for (const line of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
        if (value) jar.set(name, value);
        else jar.delete(name);
      }
      return answer;
    }

    async function begin(): Promise<Walk> {
      const jar = new Map<string, string>();
      const verifier = randomBytes(32).toString('base64url');
      const query = new URLSearchParams({
        client_id: 'amana-console',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: `${url}/`,
        state: 'xyz',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const answer = await step(jar, `/oidc/authorize?${query}`);
      expect(answer.status).to.be.oneOf([302, 303]);
      return { jar, verifier, signIn: answer.headers.get('location')! };
    }

    const enter = (walk: Walk, login: string, password: string) =>
      step(walk.jar, walk.signIn, {
        method: 'POST',
        body: new URLSearchParams({ login, password }),
      });

    async function finish(walk: Walk, answer: Response): Promise<URL> {
      let at = answer.headers.get('location')!;
      for (let hops = 0; hops < 5; hops += 1) {
        const target = new URL(at, url);
        if (target.searchParams.has('code')) return target;
        at = (await step(walk.jar, at)).headers.get('location')!;
      }
      throw new Error('the flow does not end');
    }

    it('leads from the page through the password to a token', async () => {
      const walk = await begin();
      const page = await step(walk.jar, walk.signIn);
      expect(await page.text()).to.match(/<form method="post"/);
      const { login, password } = house.house.firstAccess!;
      const back = await finish(walk, await enter(walk, login, password));
      expect(back.searchParams.get('state')).to.equal('xyz');
      const exchange = {
        grant_type: 'authorization_code',
        client_id: 'amana-console',
        code: back.searchParams.get('code')!,
        redirect_uri: `${url}/`,
      };
      const stolen = await tokenBy({ ...exchange, code_verifier: 'v'.repeat(43) });
      expect(stolen.answer.error).to.equal('invalid_grant');
      const again = await begin();
      const once = await finish(again, await enter(again, login, password));
      const { answer } = await tokenBy({
        ...exchange,
        code: once.searchParams.get('code')!,
        code_verifier: again.verifier,
      });
      expect(await canRead(answer.access_token)).to.equal(200);
    });

    it('is refused with a wrong password, an unknown login, and as a program', async () => {
      for (const [login, password] of [
        ['administrator', 'wrong-password'],
        ['nobody', 'wrong-password'],
        ['automation', 'a-secret-for-automation'],
      ] as const) {
        const walk = await begin();
        const answer = await enter(walk, login, password);
        expect(answer.status, login).to.equal(401);
        expect(await answer.text()).to.include('Login or password is wrong');
      }
    });

    it('is slowed down after five wrong passwords, also for the right one', async () => {
      await makeActor({
        kind: 'user',
        name: 'Officer',
        login: 'officer-1',
        secret: 'the-right-password',
        roles: ['registrar'],
      });
      const walk = await begin();
      const statuses: number[] = [];
      for (let tries = 0; tries < 5; tries += 1) {
        statuses.push((await enter(walk, 'officer-1', 'wrong-password')).status);
      }
      statuses.push((await enter(walk, 'officer-1', 'the-right-password')).status);
      expect(statuses).to.deep.equal([401, 401, 401, 401, 401, 429]);
    });

    it('needs PKCE, a known client and a known place to return to', async () => {
      const base = { client_id: 'amana-console', response_type: 'code', scope: 'openid' };
      const ask = async (query: Record<string, string>) =>
        step(new Map(), `/oidc/authorize?${new URLSearchParams(query)}`);
      const without = await ask({ ...base, redirect_uri: `${url}/`, state: 's' });
      expect(without.headers.get('location')).to.include('error=invalid_request');
      const elsewhere = await ask({ ...base, redirect_uri: 'https://thief.example/' });
      expect(elsewhere.status).to.equal(400);
      expect((await ask({ ...base, client_id: 'nobody' })).status).to.equal(400);
    });

    it('leaves sign-ins and refusals in the trail, without what was typed', async () => {
      const { rows } = await house.app.pool.query<{ interaction: string; actor_id: string }>(
        `select interaction, actor_id, detail from audit_event_fhir
         where interaction like 'sign-in%' order by interaction`,
      );
      expect(new Set(rows.map((row) => row.interaction))).to.deep.equal(
        new Set(['sign-in', 'sign-in-refused']),
      );
      expect(JSON.stringify(rows)).not.to.match(/wrong-password|nobody/);
    });

    it('is forgotten when its time is over', async () => {
      const { pool } = house.app;
      const count = async () => (await pool.query('select from access_oidc')).rowCount;
      expect(await count()).to.be.above(0);
      await pool.query(`update access_oidc set expires_at = now() - interval '1 minute'`);
      await pool.query(`select graphile_worker.add_job('house.forget-expired', '{}'::json)`);
      await house.settle();
      expect(await count()).to.equal(0);
    });

    it('is told when a sign-in is over', async () => {
      const answer = await step(new Map(), '/access/sign-in/long-gone');
      expect(answer.status).to.equal(404);
    });
  });
});
