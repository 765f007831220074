/**
 * What the HTTP room refuses and forgives: bodies that are broken, too large, compressed or of
 * another kind; methods; addresses. Every refusal is an OperationOutcome that says what to do.
 */

import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';

const PATIENT = { resourceType: 'Patient', name: [{ family: 'Wanjiru' }] };

describe('requests over HTTP', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({
      environment: { BODY_MAX_BYTES: '20000', CORS_ORIGINS: 'https://registry.example' },
    });
  });
  after(() => house?.stop());

  const outcome = (answer: Answer) => {
    expect(answer.headers.get('content-type')).to.match(/^application\/fhir\+json/);
    expect(answer.json.resourceType).to.equal('OperationOutcome');
    return answer.json.issue[0];
  };
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    house.fetch('Patient', { method: 'POST', body, headers } as never);
  const bytes = async (body: Uint8Array, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${house.base}/Patient`, {
      method: 'POST',
      body,
      headers: {
        authorization: `Bearer ${house.token}`,
        'content-type': 'application/fhir+json',
        ...headers,
      },
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: JSON.parse(text || '{}') };
  };

  describe('with bodies', () => {
    it('names line and column where JSON is broken', async () => {
      const answer = await post('{"resourceType":"Patient",\n "active": tru }');
      expect(answer.status).to.equal(400);
      expect(outcome(answer).diagnostics).to.match(/line 2, column 1\d/);
    });

    it('refuses an empty body, a list and a text', async () => {
      for (const body of ['', '[]', '"Patient"', 'null']) {
        expect((await post(body)).status, body).to.equal(400);
      }
    });

    it('refuses what is not UTF-8, and a charset that is not', async () => {
      const latin = Buffer.from(
        JSON.stringify(PATIENT).replace('Wanjiru', 'M\u00fcller'),
        'latin1',
      );
      const broken = await bytes(latin);
      expect(broken.status).to.equal(400);
      expect(outcome(broken).details.coding[0].code).to.equal('encoding-broken');
      const named = await bytes(latin, {
        'content-type': 'application/fhir+json; charset=iso-8859-1',
      });
      expect(named.status).to.equal(415);
    });

    it('refuses a character that no database text can hold', async () => {
      const answer = await post('{"resourceType":"Patient","name":[{"family":"A\\u0000B"}]}');
      expect(answer.status).to.be.within(400, 422);
      outcome(answer);
    });

    it('takes a byte order mark', async () => {
      expect((await post(`\uFEFF${JSON.stringify(PATIENT)}`)).status).to.equal(201);
    });

    it('refuses a body above the limit, declared or found while reading', async () => {
      const large = JSON.stringify({ ...PATIENT, language: 'x'.repeat(30_000) });
      const declared = await post(large);
      expect(declared.status).to.equal(413);
      expect(outcome(declared).code).to.equal('too-long');
      const chunked = await fetch(`${house.base}/Patient`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${house.token}`,
          'content-type': 'application/fhir+json',
        },
        body: new Blob([large]).stream(),
        duplex: 'half',
      } as RequestInit);
      expect(chunked.status).to.equal(413);
      expect(((await chunked.json()) as { resourceType: string }).resourceType).to.equal(
        'OperationOutcome',
      );
    });

    it('reads gzip, deflate and brotli, and counts the bytes after decompression', async () => {
      const text = JSON.stringify(PATIENT);
      expect((await bytes(gzipSync(text), { 'content-encoding': 'gzip' })).status).to.equal(201);
      const brotli = await bytes(brotliCompressSync(text), { 'content-encoding': 'br' });
      expect(brotli.status).to.equal(201);
      const bomb = gzipSync(Buffer.alloc(5_000_000, 0x20));
      expect(bomb.length).to.be.below(20_000);
      expect((await bytes(bomb, { 'content-encoding': 'gzip' })).status).to.equal(413);
    });

    it('refuses a broken or unknown compression', async () => {
      const broken = await bytes(Buffer.from('no gzip'), { 'content-encoding': 'gzip' });
      expect(broken.status).to.equal(400);
      expect(outcome(broken).details.coding[0].code).to.equal('encoding-broken');
      const cut = gzipSync(JSON.stringify(PATIENT)).subarray(0, 20);
      expect((await bytes(cut, { 'content-encoding': 'gzip' })).status).to.equal(400);
      const unknown = await bytes(Buffer.from('x'), { 'content-encoding': 'zstd' });
      expect(unknown.status).to.equal(415);
    });

    it('ignores a body on DELETE', async () => {
      const made = await house.fetch('Patient', { body: PATIENT });
      const answer = await house.fetch(`Patient/${made.json.id}`, { method: 'DELETE', body: '' });
      expect(answer.status).to.be.oneOf([200, 204]);
    });

    it('searches by POST with a form', async () => {
      await house.fetch('Patient', { body: { ...PATIENT, name: [{ family: 'Nyambura' }] } });
      const answer = await house.fetch('Patient/_search?_count=5', {
        body: 'family=nyambura',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(answer.status).to.equal(200);
      expect(answer.json.entry).to.have.length(1);
    });
  });

  describe('with media types', () => {
    it('gives JSON to all who can take it', async () => {
      for (const accept of [
        'application/fhir+json',
        'application/json',
        'text/json',
        '*/*',
        'application/xml;q=0.8, application/fhir+json;q=0.9',
      ]) {
        const answer = await house.fetch('Patient?_summary=count', { headers: { accept } });
        expect(answer.status, accept).to.equal(200);
      }
      expect((await house.fetch('Patient?_format=json')).status).to.equal(200);
      expect((await house.fetch('Patient?_format=application/fhir+json')).status).to.equal(200);
    });

    it('refuses what it cannot give or take, and says what it can', async () => {
      const turtle = { headers: { accept: 'application/fhir+turtle' } };
      expect((await house.fetch('Patient', turtle)).status).to.equal(406);
      expect((await house.fetch('Patient?_format=ttl')).status).to.equal(406);
      const none = { headers: { accept: 'application/fhir+json;q=0' } };
      expect((await house.fetch('Patient', none)).status).to.equal(406);
      const sent = await post('<> a <>.', { 'content-type': 'application/fhir+turtle' });
      expect(sent.status).to.equal(415);
      expect(outcome(sent).diagnostics).to.include('application/fhir+json');
    });
  });

  describe('with methods and addresses', () => {
    it('answers 405 with Allow', async () => {
      for (const [method, path] of [
        ['PUT', 'Patient/1/_history/1'],
        ['POST', 'Patient/1'],
        ['DELETE', 'Patient/1/_history/1'],
      ] as const) {
        const answer = await house.fetch(path, { method });
        expect(answer.status, `${method} ${path}`).to.equal(405);
        expect(answer.headers.get('allow'), path).to.match(/GET/);
        outcome(answer);
      }
    });

    it('answers HEAD like GET without a body', async () => {
      const made = await house.fetch('Patient', { body: PATIENT });
      const answer = await house.fetch(`Patient/${made.json.id}`, { method: 'HEAD' });
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('etag')).to.equal('W/"1"');
      expect(Number(answer.headers.get('content-length'))).to.be.above(50);
      expect(answer.text).to.equal('');
    });

    it('takes the whole URL as a target, as a proxy sends it', async () => {
      const port = Number(new URL(house.base).port);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const path = 'http://proxied.example/fhir/R4/metadata?_summary=true';
        get({ port, host: '127.0.0.1', path }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).on('error', reject);
      });
      expect(status).to.equal(200);
    });

    it('forgives slashes at the ends of base and path', async () => {
      const { url } = house.house;
      expect((await fetch(`${url}/fhir/R4/metadata/`)).status).to.equal(200);
      expect((await house.fetch(`${url}/fhir/R4//Patient?_summary=count`)).status).to.equal(200);
      expect((await house.fetch(`${url}/fhir/R4/?_type=Patient`)).status).to.equal(200);
    });

    it('answers FHIR errors for unknown paths, also outside the base', async () => {
      for (const url of [
        `${house.base}/Nonsense`,
        `${house.base}/Patient/1/2/3/4/5`,
        `${house.house.url}/fhir/R5/Patient`,
        `${house.house.url}/nothing`,
      ]) {
        const answer = await house.fetch(url);
        expect(answer.status, url).to.equal(404);
        outcome(answer);
      }
    });

    it('refuses broken percent escapes', async () => {
      expect((await house.fetch('Patient/%E0%A4%A')).status).to.equal(400);
      expect((await house.fetch(`${house.house.url}/callbacks/%E0%A4%A/x`)).status).to.be.within(
        400,
        404,
      );
    });

    it('names the request: the id that was sent, or a new one for a bad one', async () => {
      const sent = await house.fetch('Patient', { headers: { 'x-request-id': 'batch-7.a' } });
      expect(sent.headers.get('x-request-id')).to.equal('batch-7.a');
      const bad = await house.fetch('Patient', { headers: { 'x-request-id': 'a b<c>' } });
      expect(bad.headers.get('x-request-id')).to.match(/^[0-9a-f-]{36}$/);
    });

    it('lets browsers of the named origins call, and no others', async () => {
      const preflight = async (origin: string) =>
        fetch(`${house.base}/Patient`, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'POST' },
        });
      const known = await preflight('https://registry.example');
      expect(known.status).to.equal(204);
      expect(known.headers.get('access-control-allow-origin')).to.equal('https://registry.example');
      expect(known.headers.get('access-control-allow-headers')).to.include('If-None-Exist');
      const unknown = await preflight('https://elsewhere.example');
      expect(unknown.headers.get('access-control-allow-origin')).to.equal(null);
    });

    it('compresses large answers for those who ask', async () => {
      const answer = await fetch(`${house.base}/metadata`, {
        headers: { 'accept-encoding': 'gzip' },
      });
      expect(answer.headers.get('content-encoding')).to.equal('gzip');
      expect(((await answer.json()) as { resourceType: string }).resourceType).to.equal(
        'CapabilityStatement',
      );
    });

    it('lets its page run its own script and no other', async () => {
      const page = await fetch(`${house.house.url}/`);
      const script = /<script>([\s\S]*)<\/script>/.exec(await page.text())?.[1] ?? '';
      const hash = createHash('sha256').update(script).digest('base64');
      const policy = page.headers.get('content-security-policy');
      expect(policy).to.include(`script-src 'sha256-${hash}'`).and.include("default-src 'none'");
      const data = await fetch(`${house.base}/metadata`);
      expect(data.headers.get('content-security-policy')).to.include("default-src 'none'");
    });

    it('says nothing of what it is built with', async () => {
      const answer = await fetch(`${house.base}/metadata`);
      expect(answer.headers.get('x-powered-by')).to.equal(null);
      expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    });
  });

  it('ends a sender that stops in the middle of a compressed body', async () => {
    const socket = connect(house.house.port, '127.0.0.1');
    const head = [
      'POST /fhir/R4/Patient HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${house.token}`,
      'Content-Encoding: gzip',
      'Content-Length: 1000',
      '',
      '',
    ].join('\r\n');
    socket.write(head);
    socket.write(gzipSync('{}').subarray(0, 8));
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    expect((await fetch(`${house.house.url}/health/live`)).status).to.equal(200);
  });

  it('tells alive and ready, with the lag of events and jobs', async () => {
    const { url } = house.house;
    expect(await (await fetch(`${url}/health/live`)).json()).to.deep.equal({ status: 'pass' });
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).to.equal(200);
    expect(await ready.json()).to.include.keys(
      'status',
      'events_lag_seconds',
      'events_waiting',
      'jobs_lag_seconds',
      'jobs_waiting',
      'jobs_failed',
    );
  });
});
