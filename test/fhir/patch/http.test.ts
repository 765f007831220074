/** PATCH over HTTP, conditional and inside bundles. */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { sharedPath } from '../../support/shared.ts';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

const replaceGender = (gender: string): object => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Patient.gender' },
        { name: 'value', valueCode: gender },
      ],
    },
  ],
});

const binary = (operations: object[]): object => ({
  resourceType: 'Binary',
  contentType: 'application/json-patch+json',
  data: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

describe('PATCH over HTTP', () => {
  let house: TestHouse;
  let count = 0;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const register = async (more: object = {}): Promise<Json> => {
    count += 1;
    const body = {
      resourceType: 'Patient',
      identifier: [{ system: 'urn:patch', value: String(count) }],
      gender: 'male',
      ...more,
    };
    return (await house.fetch('Patient', { body })).json;
  };
  const patch = (path: string, body: unknown, headers: Record<string, string>): Promise<Answer> =>
    house.fetch(path, { method: 'PATCH', body, headers });
  const bundle = (type: string, ...entry: object[]): Promise<Answer> =>
    house.fetch('', { body: { resourceType: 'Bundle', type, entry } });

  it('makes a new version from a JSON Patch and from a FHIRPath Patch', async () => {
    const { id } = await register();
    const first = await patch(
      `Patient/${id}`,
      [{ op: 'replace', path: '/gender', value: 'female' }],
      JSON_PATCH,
    );
    expect(first.status, first.text).to.equal(200);
    expect(first.json).to.include({ gender: 'female', id });
    expect(first.headers.get('etag')).to.equal('W/"2"');
    expect(first.headers.get('location')).to.match(/_history\/2$/);
    const second = await patch(`Patient/${id}`, replaceGender('other'), {
      prefer: 'return=minimal',
    });
    expect(second.status).to.equal(200);
    expect(second.text).to.equal('');
    expect((await house.fetch(`Patient/${id}`)).json).to.deep.include({ gender: 'other' });
    expect(
      (await house.fetch(`Patient?gender=other&_id=${id}&_summary=count`)).json.total,
    ).to.equal(1);
  });

  it('tells the kinds apart by content type', async () => {
    const { id } = await register();
    const operations = [{ op: 'replace', path: '/gender', value: 'female' }];
    expect((await patch(`Patient/${id}`, operations, {})).status).to.equal(415);
    expect((await patch(`Patient/${id}`, replaceGender('female'), JSON_PATCH)).status).to.equal(
      400,
    );
    const xml = { 'content-type': 'application/xml-patch+xml' };
    expect((await patch(`Patient/${id}`, '<diff/>', xml)).status).to.equal(415);
  });

  it('changes nothing where a test fails, the result is not FHIR, or it is another resource', async () => {
    const { id, meta } = await register();
    const refused: [object[], number][] = [
      [[{ op: 'test', path: '/gender', value: 'female' }], 422],
      [[{ op: 'replace', path: '/gender', value: 'unheard-of' }], 422],
      [[{ op: 'replace', path: '/id', value: 'b' }], 422],
      [[{ op: 'replace', path: '/meta/versionId', value: '9' }], 422],
      [[{ op: 'remove', path: '/name' }], 422],
      [[{ op: 'explode', path: '/name' }], 400],
    ];
    for (const [operations, status] of refused) {
      const all = [{ op: 'add', path: '/active', value: true }, ...operations];
      const answer = await patch(`Patient/${id}`, all, JSON_PATCH);
      expect(answer.status, answer.text).to.equal(status);
      expect(answer.json.resourceType).to.equal('OperationOutcome');
    }
    expect((await house.fetch(`Patient/${id}`)).json.meta).to.deep.equal(meta);
  });

  it('asks that the version is the one that the caller knows', async () => {
    const { id } = await register();
    const match = (version: string, gender: string) =>
      patch(`Patient/${id}`, replaceGender(gender), { 'if-match': version });
    expect((await match('W/"1"', 'female')).status).to.equal(200);
    expect((await match('W/"1"', 'other')).status).to.equal(412);
    expect((await house.fetch(`Patient/${id}`)).json.gender).to.equal('female');
  });

  it('is answered 404 for what never was, 410 for what is deleted', async () => {
    expect((await patch('Patient/nobody', replaceGender('other'), {})).status).to.equal(404);
    const { id } = await register();
    await house.fetch(`Patient/${id}`, { method: 'DELETE' });
    expect((await patch(`Patient/${id}`, replaceGender('other'), {})).status).to.equal(410);
  });

  it('finds its resource by a condition that selects one', async () => {
    const { id, identifier } = await register();
    const by = (value: string) =>
      patch(`Patient?identifier=urn:patch|${value}`, replaceGender('other'), {});
    const found = await by(identifier[0].value);
    expect(found.status, found.text).to.equal(200);
    expect(found.json.id).to.equal(id);
    expect((await by('none-has-it')).status).to.equal(404);
    await register({ identifier });
    expect((await by(identifier[0].value)).status).to.equal(412);
    expect((await patch('Patient', replaceGender('other'), {})).status).to.equal(400);
  });

  it('lets every one of many patches of one resource take effect', async () => {
    const { id } = await register({ name: [{ family: 'Many' }] });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, at) =>
        patch(
          `Patient/${id}`,
          [{ op: 'add', path: '/name/-', value: { family: `F${at}` } }],
          JSON_PATCH,
        ),
      ),
    );
    expect(answers.map((each) => each.status)).to.deep.equal(Array(16).fill(200));
    expect((await house.fetch(`Patient/${id}`)).json.name).to.have.length(17);
  });

  it('stands in transactions, sees temporary names, and leaves nothing when it is refused', async () => {
    const { id, identifier } = await register();
    const other = await register();
    const linked = [
      {
        op: 'add',
        path: '/managingOrganization',
        value: { reference: 'urn:uuid:5f7a6d2e-0000-4000-8000-000000000001' },
      },
    ];
    const organization = {
      fullUrl: 'urn:uuid:5f7a6d2e-0000-4000-8000-000000000001',
      resource: { resourceType: 'Organization', name: 'Office' },
      request: { method: 'POST', url: 'Organization' },
    };
    const entries = [
      { resource: binary(linked), request: { method: 'PATCH', url: `Patient/${id}` } },
      {
        resource: replaceGender('other'),
        request: {
          method: 'PATCH',
          url: `Patient?identifier=urn:patch|${other.identifier[0].value}`,
          ifMatch: 'W/"1"',
        },
      },
      organization,
    ];
    const done = await bundle('transaction', ...entries);
    expect(done.status, done.text).to.equal(200);
    expect(done.json.entry.map((each: Json) => each.response.status)).to.deep.equal([
      '200',
      '200',
      '201',
    ]);
    const stored = (await house.fetch(`Patient/${id}`)).json;
    expect(stored.managingOrganization.reference).to.match(/^Organization\//);
    const late = await bundle('transaction', ...entries);
    expect(late.status).to.equal(412);
    expect(late.json.issue[0].expression).to.deep.equal(['Bundle.entry[1]']);
    expect((await house.fetch('Organization?name=Office&_summary=count')).json.total).to.equal(1);
    const twice = await bundle(
      'transaction',
      { resource: replaceGender('other'), request: { method: 'PATCH', url: `Patient/${id}` } },
      {
        resource: replaceGender('male'),
        request: { method: 'PATCH', url: `Patient?identifier=urn:patch|${identifier[0].value}` },
      },
    );
    expect(twice.status).to.equal(400);
  });

  it('names the entry and the operation that a transaction is refused for', async () => {
    const { id } = await register();
    const { status, json } = await bundle('transaction', {
      resource: binary([{ op: 'test', path: '/gender', value: 'other' }]),
      request: { method: 'PATCH', url: `Patient/${id}` },
    });
    expect(status).to.equal(422);
    expect(json.issue[0].expression[0]).to.match(/^Bundle\.entry\[0\]/);
  });

  it('takes the published batches of both kinds', async function () {
    for (const name of ['Bundle-BinaryPatch.json', 'Bundle-FhirPatch.json']) {
      const path = sharedPath(this, `data/fhir/microsoft-bundles/${name}`);
      const { status, json } = await house.fetch('', { body: readFileSync(path, 'utf8') });
      expect(status).to.equal(200);
      const statuses = json.entry.map((each: Json) => each.response.status);
      expect(statuses[1], JSON.stringify(json)).to.equal('200');
    }
    const patched = await house.fetch('Patient/9F746C86-48B4-424D-9F92-1E46215E35D5');
    expect(patched.json.gender).to.equal('female');
  });

  it('applies every published case whose input may be stored', async function () {
    const path = sharedPath(this, 'data/fhir/patch/fhir-patch-tests.json');
    let stored = 0;
    for (const each of JSON.parse(readFileSync(path, 'utf8')) as Json[]) {
      const made = await house.fetch('Patient', { body: each.input });
      if (made.status !== 201) continue;
      stored += 1;
      const answer = await patch(`Patient/${made.json.id}`, each.diff, {});
      // One leaves a contact of a gender alone, which rule pat-1 forbids.
      const valid = (await house.fetch('Patient', { body: each.output })).status === 201;
      expect(answer.status, `${each.name} ${answer.text}`).to.equal(valid ? 200 : 422);
      if (!valid) continue;
      const { id: _i, meta: _m, ...rest } = answer.json;
      const { id: _j, ...output } = each.output;
      expect(rest, each.name).to.deep.equal(output);
    }
    expect(stored).to.be.greaterThan(14);
  });
});
