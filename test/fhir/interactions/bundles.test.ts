/** Rules of transactions that meet in one resource, name each other, or ask within. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const uuid = (number: number): string =>
  `urn:uuid:11111111-0000-4000-8000-${String(number).padStart(12, '0')}`;

const patient = (value: string, more: object = {}): object => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:tx', value }],
  ...more,
});

interface Entry {
  readonly request: Record<string, string>;
  readonly resource?: object;
  readonly fullUrl?: string;
}

const entry = (method: string, url: string, resource?: object, more: object = {}): Entry => ({
  request: { method, url, ...more },
  ...(resource && { resource }),
});

describe('the entries of a transaction', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const send = (...entries: Entry[]): Promise<Answer> =>
    house.fetch('', { body: { resourceType: 'Bundle', type: 'transaction', entry: entries } });
  const register = async (value: string): Promise<string> =>
    (await house.fetch('Patient', { body: patient(value) })).json.id;
  const statuses = (answer: Answer): string[] =>
    answer.json.entry.map((each: Json) => each.response.status);

  it('do not meet in one resource, whichever way they come to it', async () => {
    const id = await register('meet');
    const body = patient('meet', { id });
    const pairs: [Entry, Entry][] = [
      [entry('PUT', `Patient/${id}`, body), entry('DELETE', `Patient/${id}`)],
      [entry('PUT', `Patient/${id}`, body), entry('PUT', 'Patient?identifier=urn:tx|meet', body)],
      [entry('DELETE', 'Patient?identifier=urn:tx|meet'), entry('PUT', `Patient/${id}`, body)],
      [
        entry('DELETE', `Patient/${id}`),
        entry('POST', 'Patient', patient('meet'), { ifNoneExist: 'identifier=urn:tx|meet' }),
      ],
    ];
    for (const pair of pairs) {
      const { status, json } = await send(...pair);
      expect(status, JSON.stringify(pair)).to.equal(400);
      expect(json.issue[0].expression).to.deep.equal(['Bundle.entry[1]']);
    }
    expect((await house.fetch(`Patient/${id}`)).json.meta.versionId).to.equal('1');
  });

  it('obey If-Match, If-None-Match and If-Modified-Since', async () => {
    const id = await register('headers');
    const body = patient('headers', { id, gender: 'other' });
    const stale = { ifMatch: 'W/"4"' };
    expect((await send(entry('PUT', `Patient/${id}`, body, stale))).status).to.equal(412);
    expect((await send(entry('DELETE', `Patient/${id}`, undefined, stale))).status).to.equal(412);
    const fresh = { ifNoneMatch: '*' };
    expect((await send(entry('PUT', `Patient/${id}`, body, fresh))).status).to.equal(412);
    const read = await send(
      entry('GET', `Patient/${id}`, undefined, { ifNoneMatch: 'W/"1"' }),
      entry('GET', `Patient/${id}`, undefined, { ifModifiedSince: '2100-01-01T00:00:00Z' }),
      entry('GET', `Patient/${id}`, undefined, { ifModifiedSince: '2000-01-01T00:00:00Z' }),
      entry('HEAD', `Patient/${id}`),
    );
    expect(statuses(read)).to.deep.equal(['304', '304', '200', '200']);
    expect(read.json.entry.map((each: Json) => each.resource?.id)).to.deep.equal([
      undefined,
      undefined,
      id,
      undefined,
    ]);
  });

  it('may search and call operations, and see what the transaction writes', async () => {
    const answer = await send(
      entry('GET', 'Patient?identifier=urn:tx|seen'),
      entry('POST', 'Patient/$validate', patient('seen')),
      entry('POST', 'Patient', patient('seen')),
    );
    expect(statuses(answer), answer.text).to.deep.equal(['200', '200', '201']);
    expect(answer.json.entry[0].resource.entry).to.have.length(1);
    expect(answer.json.entry[1].resource.resourceType).to.equal('OperationOutcome');
  });

  it('are not changed where a part of a resource is sent back', async () => {
    const id = await register('part');
    const tag = [
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' },
    ];
    const { status } = await send(
      entry('PUT', `Patient/${id}`, patient('part', { id, meta: { tag } })),
    );
    expect(status).to.equal(422);
  });

  it('refuse a temporary name that stands for nothing', async () => {
    const { status, json } = await send(
      entry('POST', 'Patient', patient('lost', { managingOrganization: { reference: uuid(9) } })),
    );
    expect(status).to.equal(422);
    expect(json.issue[0].expression).to.deep.equal([
      'Bundle.entry[0].resource.managingOrganization.reference',
    ]);
    expect(
      (await house.fetch('Patient?identifier=urn:tx|lost&_summary=count')).json.total,
    ).to.equal(0);
  });

  it('name each other in uris, canonicals and narratives, but not in plain texts', async () => {
    const link = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(1)}">them</a></div>`;
    const { status, json } = await send(
      {
        ...entry('POST', 'Organization', { resourceType: 'Organization', name: 'One' }),
        fullUrl: uuid(1),
      },
      entry('POST', 'Basic', {
        resourceType: 'Basic',
        code: { text: uuid(1) },
        text: { status: 'generated', div: link },
        extension: [
          { url: 'http://x/canonical', valueCanonical: uuid(1) },
          { url: 'http://x/uri', valueUri: uuid(1) },
          { url: 'http://x/reference', valueReference: { reference: uuid(1) } },
          { url: 'http://x/string', valueString: uuid(1) },
        ],
      }),
    );
    expect(status, JSON.stringify(json)).to.equal(200);
    const [organization, basic] = json.entry.map((each: Json) =>
      each.response.location.replace(/^.*R4\/(.*)\/_history.*$/, '$1'),
    );
    const stored = (await house.fetch(basic)).json;
    expect(
      stored.extension.map(
        (each: Json) =>
          each.valueCanonical ?? each.valueUri ?? each.valueString ?? each.valueReference.reference,
      ),
    ).to.deep.equal([organization, organization, organization, uuid(1)]);
    expect(stored.text.div).to.include(`href="${organization}"`);
    expect(stored.code.text).to.equal(uuid(1));
  });

  it('share one creation under one condition, and both names lead to it', async () => {
    const once = { ifNoneExist: 'identifier=urn:tx|shared' };
    const note = (number: number): object => ({
      resourceType: 'Basic',
      code: { text: 'about' },
      subject: { reference: uuid(number) },
    });
    const { json } = await send(
      { ...entry('POST', 'Patient', patient('shared'), once), fullUrl: uuid(1) },
      { ...entry('POST', 'Patient', patient('shared'), once), fullUrl: uuid(2) },
      entry('POST', 'Basic', note(1)),
      entry('POST', 'Basic', note(2)),
    );
    expect(json.entry.map((each: Json) => each.response.status)).to.deep.equal([
      '201',
      '200',
      '201',
      '201',
    ]);
    const id = json.entry[0].fullUrl.split('/').at(-1);
    const about = await house.fetch(`Basic?subject=Patient/${id}&_summary=count`);
    expect(about.json.total).to.equal(2);
  });
});
