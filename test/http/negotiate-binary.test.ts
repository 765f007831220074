/** Bytes in, the same bytes out; and no page that a stranger posts runs under our name. */

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { parseXml } from '../../src/fhir/formats/xml.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('a Binary', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  /** A request with bytes; the answer with bytes. */
  async function call(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Uint8Array | string,
    token = house.token,
  ) {
    const answer = await fetch(`${house.base}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { body: body as string }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() };
  }

  async function post(type: string, body: Uint8Array | string, headers = {}): Promise<string> {
    const made = await call('POST', 'Binary', { 'content-type': type, ...headers }, body);
    expect(made.status, made.text).to.equal(201);
    return `Binary/${JSON.parse(made.text).id}`;
  }

  it('comes back as the bytes that were posted, with their type', async () => {
    const bytes = randomBytes(100_000);
    for (const type of ['image/png', 'application/pdf', 'x-own/type+thing; version="1 2"']) {
      const path = await post(type, bytes);
      const back = await call('GET', path);
      expect(back.status).to.equal(200);
      expect(back.headers.get('content-type')).to.equal(type);
      expect(back.headers.get('etag')).to.equal('W/"1"');
      expect(back.bytes.equals(bytes)).to.equal(true);
      const version = await call('GET', `${path}/_history/1`, { accept: 'image/*, */*;q=0.1' });
      expect(version.bytes.equals(bytes)).to.equal(true);
      const head = await call('HEAD', path);
      expect(head.headers.get('content-length')).to.equal('100000');
      expect(head.headers.get('content-type')).to.equal(type);
      expect(head.bytes).to.have.length(0);
    }
  });

  it('comes back as a resource where FHIR is asked for', async () => {
    const path = await post('text/csv', 'a,b\n1,2\n');
    const data = Buffer.from('a,b\n1,2\n').toString('base64');
    const asked: [string, string][] = [
      ['application/fhir+json', ''],
      ['application/fhir+json, */*', ''],
      ['application/json', ''],
      ['text/csv', '?_format=json'],
    ];
    for (const [accept, query] of asked) {
      const json = await call('GET', path + query, { accept });
      expect(json.headers.get('content-type'), accept).to.match(/^application\/fhir\+json/);
      expect(JSON.parse(json.text)).to.include({ contentType: 'text/csv', data });
    }
    const xml = await call('GET', path, { accept: 'application/fhir+xml' });
    expect(parseXml(house.app.fhir.definitions, xml.text)).to.include({ data });
    const native = ['text/csv', '*/*', 'text/*', 'text/csv, application/fhir+json;q=0.5', ''];
    for (const accept of native) {
      const back = await call('GET', path, accept ? { accept } : {});
      expect(back.text, accept).to.equal('a,b\n1,2\n');
    }
    expect((await call('GET', `${path}?_format=text/csv`)).text).to.equal('a,b\n1,2\n');
    expect((await call('GET', path, { accept: 'image/png' })).status).to.equal(406);
    expect((await call('GET', `${path}?_format=png`)).status).to.equal(406);
  });

  it('is replaced by bytes, and kept when nothing has changed', async () => {
    const path = 'Binary/own-id';
    const put = await call('PUT', path, { 'content-type': 'text/plain' }, 'one');
    expect(put.status, put.text).to.equal(201);
    const again = await call('PUT', path, { 'content-type': 'text/plain;charset=utf-8' }, 'two');
    expect(again.status).to.equal(200);
    expect((await call('GET', path)).text).to.equal('two');
    expect((await call('GET', `${path}/_history/1`)).text).to.equal('one');
    const same = await call('GET', path, { 'if-none-match': 'W/"2"' });
    expect(same.status).to.equal(304);
    const stale = await call(
      'PUT',
      path,
      { 'content-type': 'text/plain', 'if-match': 'W/"1"' },
      'x',
    );
    expect(stale.status).to.equal(412);
  });

  it('may be posted as a resource, in FHIR JSON and XML', async () => {
    const resource = { resourceType: 'Binary', contentType: 'text/plain', data: 'aGk=' };
    for (const type of ['application/fhir+json', 'application/json']) {
      const path = await post(type, JSON.stringify(resource));
      const back = await call('GET', path);
      expect([back.headers.get('content-type'), back.text]).to.deep.equal(['text/plain', 'hi']);
    }
    const xml =
      '<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="aGk="/></Binary>';
    for (const type of ['application/fhir+xml', 'text/xml']) {
      expect((await call('GET', await post(type, xml))).text).to.equal('hi');
    }
  });

  it('may hold JSON, XML and forms that are not its resource, byte for byte', async () => {
    for (const [type, body] of [
      ['application/json', '{ "a" : 1.00 }'],
      ['application/json', '{"resourceType":"Patient"}'],
      ['text/xml', '<a>&#1;<a>'],
      ['application/x-www-form-urlencoded', 'a=1&b=2'],
      ['application/json', '{ broken'],
      ['application/json; charset=utf-16', '{}'],
    ] as const) {
      const back = await call('GET', await post(type, body));
      expect([back.headers.get('content-type'), back.text]).to.deep.equal([type, body]);
    }
    expect(
      (await call('POST', 'Binary', { 'content-type': 'application/fhir+json' }, '{}')).status,
    ).to.equal(400);
  });

  it('runs nothing in a browser, whatever is in it', async () => {
    const page = '<script>fetch("/fhir/R4/Patient")</script>';
    for (const type of [
      'text/html',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/xml',
      'application/pdf',
      'text/javascript',
    ]) {
      const { headers, text } = await call('GET', await post(type, page));
      expect(text).to.equal(page);
      expect(headers.get('content-type')).to.equal(type);
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('content-disposition'), type).to.equal('attachment');
      expect(headers.get('content-security-policy'))
        .to.include('sandbox')
        .and.include("default-src 'none'");
    }
    const picture = await call('GET', await post('image/png', page));
    expect(picture.headers.get('content-disposition')).to.equal(null);
    expect(picture.headers.get('x-content-type-options')).to.equal('nosniff');
  });

  it('sends no header that somebody has smuggled in', async () => {
    for (const contentType of ['text/html\u00a0x', 'Ünsinn/ä', 'a', 'text/plain; x=\u2028']) {
      const made = await house.fetch('Binary', {
        body: { resourceType: 'Binary', contentType, data: 'aGk=' },
      });
      if (made.status !== 201) continue;
      const back = await call('GET', `Binary/${made.json.id}`);
      expect([back.status, back.headers.get('content-type')]).to.deep.equal([
        200,
        'application/octet-stream',
      ]);
    }
  });

  it('is no larger than a body may be, and may be empty', async () => {
    const small = await startTestHouse({ environment: { BODY_MAX_BYTES: '2000' } });
    try {
      const send = (bytes: Uint8Array) =>
        fetch(`${small.base}/Binary`, {
          method: 'POST',
          headers: { authorization: `Bearer ${small.token}`, 'content-type': 'image/png' },
          body: bytes as unknown as string,
        });
      expect((await send(randomBytes(2001))).status).to.equal(413);
      expect((await send(randomBytes(1000))).status).to.equal(201);
      const empty = await send(Buffer.alloc(0));
      const { id } = (await empty.json()) as { id: string };
      const back = await small.fetch(`Binary/${id}`);
      expect([back.status, back.text]).to.deep.equal([200, '']);
    } finally {
      await small.stop();
    }
  });

  it('keeps its security context through bytes, and names it', async () => {
    await house.fetch('Patient/own', {
      method: 'PUT',
      body: { resourceType: 'Patient', id: 'own' },
    });
    const path = 'Binary/secret';
    const context = { 'x-security-context': 'Patient/own' };
    await call('PUT', path, { 'content-type': 'text/plain', ...context }, 'one');
    await call('PUT', path, { 'content-type': 'text/plain' }, 'two');
    const back = await call('GET', path);
    expect([back.text, back.headers.get('x-security-context')]).to.deep.equal([
      'two',
      'Patient/own',
    ]);
    const resource = await house.fetch(path, { headers: { accept: 'application/fhir+json' } });
    expect(resource.json.securityContext).to.deep.equal({ reference: 'Patient/own' });
  });
});
