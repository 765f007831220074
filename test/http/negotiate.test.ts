/** JSON or XML, as the client asks; what cannot be given or taken is refused, never exchanged. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { parseXml } from '../../src/fhir/formats/xml.ts';
import { type FetchOptions, startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedTexts } from '../support/shared.ts';

const JSON_TYPE = 'application/fhir+json; charset=utf-8';
const XML_TYPE = 'application/fhir+xml; charset=utf-8';
const NS = 'xmlns="http://hl7.org/fhir"';

describe('the form of an answer', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    await house.fetch('Basic/one', {
      method: 'PUT',
      body: { resourceType: 'Basic', id: 'one', code: { text: 'a' } },
    });
  });
  after(() => house?.stop());

  const get = (path: string, accept?: string, options: FetchOptions = {}) =>
    house.fetch(path, { ...options, headers: { ...(accept && { accept }), ...options.headers } });
  const read = (xml: string) =>
    JSON.parse(JSON.stringify(parseXml(house.app.fhir.definitions, xml)));

  it('is what Accept likes best, and JSON where it does not care', async () => {
    const cases: [string | undefined, string | number][] = [
      [undefined, JSON_TYPE],
      ['*/*', JSON_TYPE],
      ['application/*', JSON_TYPE],
      ['application/fhir+json', JSON_TYPE],
      ['application/json', JSON_TYPE],
      ['text/json', JSON_TYPE],
      ['application/fhir+xml', XML_TYPE],
      ['application/xml', XML_TYPE],
      ['text/xml', XML_TYPE],
      ['APPLICATION/FHIR+XML', XML_TYPE],
      ['application/fhir+xml, application/fhir+json;q=0.9', XML_TYPE],
      ['application/fhir+xml;q=0.5, application/fhir+json', JSON_TYPE],
      ['application/fhir+xml, application/fhir+json', JSON_TYPE],
      ['application/fhir+xml;q=1.0, */*;q=0.1', XML_TYPE],
      ['application/fhir+json;q=0, */*', XML_TYPE],
      ['image/png, application/fhir+xml;q=0.2', XML_TYPE],
      ['application/fhir+xml; fhirVersion=4.0', `${XML_TYPE}; fhirVersion=4.0`],
      ['application/fhir+json; fhirVersion=4.0', `${JSON_TYPE}; fhirVersion=4.0`],
      ['application/fhir+json; fhirVersion=5.0', 406],
      ['application/fhir+json; fhirVersion=5.0, application/fhir+xml', XML_TYPE],
      ['application/fhir+xml;q=0', 406],
      ['application/fhir+json;q=0', 406],
      ['text/html', 406],
      ['application/fhir+turtle', 406],
      ['nonsense', 406],
    ];
    for (const [accept, wanted] of cases) {
      const answer = await get('Basic/one', accept);
      if (typeof wanted === 'number') expect(answer.status, accept).to.equal(wanted);
      else expect(answer.headers.get('content-type'), accept).to.equal(wanted);
    }
  });

  it('follows _format before Accept', async () => {
    const cases: [string, string | number][] = [
      ['json', JSON_TYPE],
      ['xml', XML_TYPE],
      ['application/fhir%2Bxml', XML_TYPE],
      ['application/fhir+xml', XML_TYPE],
      ['application/fhir+json', JSON_TYPE],
      ['text/xml', XML_TYPE],
      ['application/xml', XML_TYPE],
      ['application/fhir+xml;%20fhirVersion=4.0', `${XML_TYPE}; fhirVersion=4.0`],
      ['ttl', 406],
      ['', 406],
    ];
    for (const [format, wanted] of cases) {
      for (const accept of ['application/fhir+json', 'application/fhir+xml', 'text/html']) {
        const answer = await get(`Basic/one?_format=${format}`, accept);
        if (typeof wanted === 'number') expect(answer.status, format).to.equal(wanted);
        else expect(answer.headers.get('content-type'), format).to.equal(wanted);
      }
    }
  });

  it('is indented for people, and the same', async () => {
    const plain = await get('Basic/one');
    const pretty = await get('Basic/one?_pretty=true');
    expect(pretty.text).to.include('\n  "code": {');
    expect(pretty.json).to.deep.equal(plain.json);
    expect((await get('Basic/one?_pretty=false')).text).to.equal(plain.text);
    const xml = await get('Basic/one?_pretty=true&_format=xml');
    expect(xml.text).to.include('\n  <code>\n    <text value="a"/>');
    expect(read(xml.text)).to.deep.equal(plain.json);
  });

  it('is XML for searches, history, metadata and problems, refused sign-ins too', async () => {
    const paths = ['Basic?_id=one', 'Basic/one/_history', 'metadata', 'Basic/none', 'Thing/1'];
    for (const path of [...paths, 'Basic?colour=red']) {
      const json = await get(path, 'application/fhir+json');
      const xml = await get(path, 'application/fhir+xml');
      expect(xml.status, path).to.equal(json.status);
      expect(xml.headers.get('content-type'), path).to.equal(XML_TYPE);
      expect(read(xml.text), path).to.deep.equal(json.json);
    }
    const stranger = await get('Basic/one', 'application/fhir+xml', { token: 'no' });
    expect(stranger.status).to.equal(401);
    expect(read(stranger.text).resourceType).to.equal('OperationOutcome');
    const statement = (await get('metadata')).json;
    const given: string[] = [];
    for (const format of statement.format) {
      const answer = await get(`Basic/one?_format=${encodeURIComponent(format)}`);
      given.push(`${answer.status} ${answer.headers.get('content-type')}`);
    }
    expect(new Set(given)).to.deep.equal(new Set([`200 ${JSON_TYPE}`, `200 ${XML_TYPE}`]));
  });

  it('of a search by POST may be named in its form', async () => {
    const answer = await get('Basic/_search', undefined, {
      method: 'POST',
      body: '_id=one&_format=xml',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.headers.get('content-type')).to.equal(XML_TYPE);
    expect(read(answer.text).entry).to.have.length(1);
  });

  it('stays on the pages of a search, and may be changed on the way', async () => {
    for (const id of ['p1', 'p2', 'p3']) {
      const body = { resourceType: 'Basic', id, code: { text: 'page' } };
      await house.fetch(`Basic/${id}`, { method: 'PUT', body });
    }
    const first = read((await get('Basic?_id=p1,p2,p3&_count=1&_format=xml')).text);
    const { url } = first.link.find((each: { relation: string }) => each.relation === 'next');
    const second = await get(url);
    expect(second.headers.get('content-type')).to.equal(XML_TYPE);
    expect(read(second.text).entry).to.have.length(1);
    const json = await get(url.replace('_format=xml', '_format=json'));
    expect(json.json.entry).to.deep.equal(read(second.text).entry);
  });

  it('has the headers of its GET for a HEAD', async () => {
    const got = await get('Basic/one', 'application/fhir+xml');
    const head = await get('Basic/one', 'application/fhir+xml', { method: 'HEAD' });
    expect(head.text).to.equal('');
    expect(head.headers.get('content-length')).to.equal(String(Buffer.byteLength(got.text)));
    expect(head.headers.get('etag')).to.equal(got.headers.get('etag'));
  });

  it('keeps a resource exact that comes as XML and goes as JSON', async () => {
    const xml = `<Observation ${NS}><status value="final"/><code><text value="x"/></code>
      <valueQuantity><value value="1.00"/></valueQuantity></Observation>`;
    const made = await house.fetch('Observation', {
      body: xml,
      headers: { 'content-type': 'application/fhir+xml', accept: 'application/fhir+json' },
    });
    expect(made.status, made.text).to.equal(201);
    expect(made.text).to.include('"value":1.00}');
    const back = await get(`Observation/${made.json.id}`, 'application/fhir+xml');
    expect(back.text).to.include('<value value="1.00"/>');
  });

  it('takes a transaction in XML, and answers it in XML', async () => {
    const body = `<Bundle ${NS}><type value="transaction"/>
      <entry><fullUrl value="urn:uuid:8d2b4e3e-3a73-4d4c-9a3e-0d0e0b0e7c11"/>
        <resource><Basic><code><text value="b"/></code></Basic></resource>
        <request><method value="POST"/><url value="Basic"/></request></entry></Bundle>`;
    for (const type of ['transaction', 'batch']) {
      const answer = await house.fetch('', {
        body: body.replace('transaction', type),
        headers: { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' },
      });
      expect(answer.status, answer.text).to.equal(200);
      const { type: answered, entry } = read(answer.text);
      expect(answered).to.equal(`${type}-response`);
      expect(entry[0].response.status).to.match(/^201/);
    }
  });

  it('names place, line and remedy of wrong XML, in the form asked for', async () => {
    const bad = await house.fetch('Basic', {
      body: `<Basic ${NS}>\n<coed><text value="b"/></coed></Basic>`,
      headers: { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' },
    });
    expect(bad.status).to.equal(400);
    const [issue] = read(bad.text).issue;
    expect(issue.expression).to.deep.equal(['Basic']);
    expect(issue.diagnostics).to.include('<code>').and.to.include('line 2');
    const evil = '<!DOCTYPE Basic [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
    const refused = await house.fetch('Basic', {
      body: `${evil}<Basic ${NS}><code><text value="&x;"/></code></Basic>`,
      headers: { 'content-type': 'application/fhir+xml' },
    });
    expect(refused.status).to.equal(400);
    expect(refused.json.issue[0].details.coding[0].code).to.equal('document-type');
  });

  it('takes no other content types, charsets or versions', async () => {
    const body = '{"resourceType":"Basic","code":{"text":"c"}}';
    const types = [
      'text/plain',
      'application/vnd.other+json',
      'application/fhir+turtle',
      'application/fhir+json; charset=iso-8859-1',
      'application/fhir+json; fhirVersion=3.0',
      '*/*',
    ];
    for (const type of types) {
      const answer = await house.fetch('Basic', { body, headers: { 'content-type': type } });
      expect(answer.status, type).to.equal(415);
      expect(answer.json.resourceType).to.equal('OperationOutcome');
    }
    for (const type of [
      'application/fhir+json; fhirVersion=4.0',
      'application/json;charset="UTF-8"',
    ]) {
      const answer = await house.fetch('Basic', { body, headers: { 'content-type': type } });
      expect(answer.status, type).to.equal(201);
    }
  });

  it('loses nothing of what HL7 published, in by XML and out by JSON, and the reverse', async function () {
    this.timeout(20_000);
    const { definitions } = house.app.fhir;
    let kept = 0;
    for (const { name, text } of sharedTexts(this, 'data/fhir/hl7-examples')) {
      const { resourceType, id } = JSON.parse(text);
      const path = `${resourceType}/${id}`;
      const put = await house.fetch(path, { method: 'PUT', body: text });
      if (put.status !== 201) continue;
      const json = await get(path);
      const xml = await get(path, 'application/fhir+xml');
      expect(exactly(definitions, xml.text), name).to.equal(canonical(json.text));
      const again = await house.fetch(path, {
        method: 'PUT',
        body: xml.text,
        headers: { 'content-type': 'application/fhir+xml' },
      });
      expect(again.status, `${name} ${again.text.slice(0, 300)}`).to.equal(200);
      expect(bare((await get(path)).text), name).to.equal(bare(json.text));
      kept += 1;
    }
    expect(kept).to.equal(34);
  });
});

/** JSON in one order of keys, numbers as they are written. */
function canonical(text: string): string {
  return JSON.stringify(
    JSON.parse(text, (_key, value, context?: { source?: string }) => {
      if (typeof value === 'number') return `number ${context?.source}`;
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    }),
  );
}

function exactly(definitions: TestHouse['app']['fhir']['definitions'], xml: string): string {
  return canonical(JSON.stringify(parseXml(definitions, xml)));
}

function bare(text: string): string {
  return canonical(text).replace(/"(lastUpdated|versionId)":"[^"]*",?/g, '');
}
