/** Transactions and batches, ours and those that others publish. */

import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedTexts } from '../support/shared.ts';

/**
 * What must come of a published transaction: the status, and the statuses of its entries or the
 * place of the fault. Two are refused by R4 although their publisher takes them: one sends an
 * empty identifier system, one the same resources twice.
 */
const PUBLISHED: Readonly<Record<string, [number, string?]>> = {
  'Bundle-TransactionForRollBack.json': [404, 'Bundle.entry[1]'],
  'Bundle-TransactionWithAllValidRoutes.json': [200],
  'Bundle-TransactionWithConditionalReferenceInResourceBody.json': [412, 'Bundle.entry[0]'],
  'Bundle-TransactionWithConditionalUpdateAndReference.json': [422, 'Bundle.entry[0]'],
  'Bundle-TransactionWithInvalidBundleEntry.json': [400],
  'Bundle-TransactionWithInvalidProcessingRoutes.json': [404, 'Bundle.entry[1]'],
  'Bundle-TransactionWithMetaHistory.json': [200],
  'Bundle-TransactionWithMultipleResourcesWithSameFullUrl.json': [400, 'Bundle.entry[1]'],
  'Bundle-TransactionWithReferenceInResourceBody.json': [200],
  'Bundle-TypeMissing.json': [400, 'Bundle.type'],
  'SmartPatientB.json': [200],
  'SmartPatientD.json': [400, 'Bundle.entry[9]'],
};

const entry = (method: string, url: string, more: object = {}): BundleEntry =>
  ({ request: { method, url }, ...more }) as BundleEntry;

const transaction = (...entries: BundleEntry[]): Bundle => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: entries,
});

const uuid = (number: number): string =>
  `urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

describe('a transaction', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const send = (body: Bundle): Promise<Answer> => house.fetch('', { body });
  const count = async (query: string): Promise<number> =>
    (await house.fetch(`${query}${query.includes('?') ? '&' : '?'}_summary=count`)).json.total;

  it('gives every temporary name its real one, also in extensions and narratives', async () => {
    const { status, json } = await send(
      transaction(
        entry('POST', 'Patient', {
          fullUrl: uuid(1),
          resource: {
            resourceType: 'Patient',
            text: {
              status: 'generated',
              div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(2)}">her</a></div>`,
            },
            link: [{ other: { reference: uuid(2) }, type: 'seealso' }],
          },
        }),
        entry('POST', 'Patient', {
          fullUrl: uuid(2),
          resource: { resourceType: 'Patient', gender: 'female' },
        }),
      ),
    );
    expect(status, JSON.stringify(json)).to.equal(200);
    const [first, second] = json.entry.map((each: BundleEntry) =>
      each.response!.location!.replace(/^.*\/(Patient\/[^/]+).*$/, '$1'),
    );
    const stored = await house.fetch(first);
    expect(stored.json.link[0].other.reference).to.equal(second);
    expect(stored.json.text.div).to.include(`href="${second}"`);
    expect(stored.text).to.not.include('urn:uuid');
  });

  it('deletes, creates, updates and reads in that order, whatever the order of entries', async () => {
    await house.fetch('Basic/old', {
      method: 'PUT',
      body: { resourceType: 'Basic', id: 'old', code: { text: 'old' } },
    });
    const { status, json } = await send(
      transaction(
        entry('GET', 'Basic/kept'),
        entry('GET', 'Basic?_id=old'),
        entry('PUT', 'Basic/kept', {
          resource: { resourceType: 'Basic', id: 'kept', code: { text: 'kept' } },
        }),
        entry('DELETE', 'Basic/old'),
      ),
    );
    expect(status).to.equal(200);
    expect(json.entry.map((each: BundleEntry) => each.response!.status)).to.deep.equal([
      '200',
      '200',
      '201',
      '204',
    ]);
    expect(json.entry[0].resource.code.text).to.equal('kept');
    expect(json.entry[1].resource.entry).to.equal(undefined);
  });

  it('creates once under one condition, and refuses to change one resource twice', async () => {
    const once = { resource: { resourceType: 'Patient', identifier: [{ value: 'tx-once' }] } };
    const conditional = (number: number): BundleEntry =>
      ({
        ...once,
        fullUrl: uuid(number),
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=tx-once' },
      }) as BundleEntry;
    const made = await send(transaction(conditional(1), conditional(2)));
    expect(made.status).to.equal(200);
    expect(made.json.entry[0].fullUrl).to.equal(made.json.entry[1].fullUrl);
    expect(await count('Patient?identifier=tx-once')).to.equal(1);
    const id = made.json.entry[0].fullUrl.split('/').at(-1);
    const twice = await send(
      transaction(
        entry('PUT', `Patient/${id}`, { resource: { resourceType: 'Patient', id } }),
        entry('DELETE', 'Patient?identifier=tx-once'),
      ),
    );
    expect(twice.status).to.equal(400);
    expect(twice.json.issue[0].expression[0]).to.include('Bundle.entry[1]');
  });

  it('resolves a reference by condition, in the store or in the same bundle', async () => {
    const flag = (number: number, condition: string): BundleEntry =>
      entry('POST', 'Flag', {
        fullUrl: uuid(number),
        resource: {
          resourceType: 'Flag',
          status: 'active',
          code: { text: 'x' },
          subject: { reference: `Patient?identifier=${condition}` },
        },
      });
    const person = { resourceType: 'Patient', identifier: [{ value: 'in-bundle' }] };
    const { status, json } = await send(
      transaction(
        flag(1, 'in-bundle'),
        flag(2, 'tx-once'),
        entry('POST', 'Patient', { fullUrl: uuid(3), resource: person }),
      ),
    );
    expect(status, JSON.stringify(json)).to.equal(200);
    const path = json.entry[0].response.location.slice(house.base.length + 1);
    const stored = await house.fetch(path);
    expect(`${house.base}/${stored.json.subject.reference}`).to.equal(json.entry[2].fullUrl);
  });

  it('names entry 900 of a thousand when that one is wrong, and leaves nothing', async function () {
    this.timeout(60_000);
    const entries = Array.from({ length: 1000 }, (_, number) =>
      entry('POST', 'Patient', {
        fullUrl: uuid(number),
        resource: {
          resourceType: 'Patient',
          identifier: [{ system: 'urn:nine-hundred', value: String(number) }],
          gender: number === 900 ? 'girl' : 'female',
        },
      }),
    );
    const { status, json } = await send(transaction(...entries));
    expect(status).to.equal(422);
    expect(json.issue[0].expression).to.deep.equal(['Bundle.entry[900].resource.gender']);
    expect(await count('Patient?identifier=urn:nine-hundred|0')).to.equal(0);
    expect(await count('Patient?identifier=urn:nine-hundred|999')).to.equal(0);
  });

  it('takes each published history whole, with every reference rewritten', async function () {
    this.timeout(60_000);
    const texts = sharedTexts(this, 'data/fhir/synthea');
    expect(texts).to.have.length(4);
    const wanted = new Map<string, number>();
    const before = new Map<string, number>();
    for (const { text } of texts) {
      for (const { resource } of (JSON.parse(text) as Bundle).entry ?? []) {
        const type = resource!.resourceType;
        wanted.set(type, (wanted.get(type) ?? 0) + 1);
      }
    }
    for (const type of wanted.keys()) before.set(type, await count(type));
    for (const { name, text } of texts) {
      const answer = await house.fetch('', { body: text });
      expect(answer.status, `${name} ${answer.text.slice(0, 300)}`).to.equal(200);
      const sent = (JSON.parse(text) as Bundle).entry!;
      expect(answer.json.entry.map((each: BundleEntry) => each.response!.status)).to.deep.equal(
        sent.map(() => '201'),
      );
    }
    for (const [type, number] of wanted) {
      expect(await count(type), type).to.equal(before.get(type)! + number);
    }
    const { rows } = await house.database.pool.query(
      `select 1 from resource where content like '%"reference":"urn:uuid:%'`,
    );
    expect(rows).to.have.length(0);
  });

  it('comes out as published bundles should', async function () {
    this.timeout(60_000);
    // One of them refers to this person by condition.
    const identifier = [{ system: 'http:/example.org/fhir/ids', value: '234234' }];
    await house.fetch('Patient', { body: { resourceType: 'Patient', identifier } });
    for (const { name, text } of sharedTexts(this, 'data/fhir/microsoft-bundles')) {
      const expected = PUBLISHED[name];
      if (!expected) continue;
      const before = (await house.database.pool.query('select count(*) from resource')).rows[0];
      const answer = await house.fetch('', { body: text });
      expect(answer.status, `${name} ${answer.text.slice(0, 300)}`).to.equal(expected[0]);
      if (expected[0] === 200) continue;
      const after = (await house.database.pool.query('select count(*) from resource')).rows[0];
      expect(after, `${name} left something`).to.deep.equal(before);
      if (expected[1]) expect(answer.json.issue[0].expression[0]).to.include(expected[1]);
    }
  });

  it('changes hundreds of resources that all hold the same, and all of their index rows', async () => {
    const of = (patient: string, day: string): Bundle =>
      transaction(
        ...Array.from({ length: 500 }, (_, number) =>
          entry('PUT', `Observation/alike-${number}`, {
            resource: {
              resourceType: 'Observation',
              id: `alike-${number}`,
              status: 'final',
              code: { text: `weight in ${day}` },
              subject: { reference: `Patient/${patient}` },
              effectiveDateTime: day,
              valueQuantity: { value: 90_000 + Number(day.slice(-2)), unit: 'g' },
              component: [{ code: { text: 'arm' }, valueQuantity: { value: 3, unit: day } }],
            },
          }),
        ),
      );
    for (const id of ['alike', 'other']) {
      await house.fetch(`Patient/${id}`, { method: 'PUT', body: { resourceType: 'Patient', id } });
    }
    expect((await house.fetch('', { body: of('alike', '2026-01-01') })).status).to.equal(200);
    expect((await house.fetch('', { body: of('other', '2026-01-02') })).status).to.equal(200);
    const total = async (query: string): Promise<number> =>
      (await house.fetch(`Observation?_count=0&_total=accurate&${query}`)).json.total;
    for (const [query, found] of [
      ['patient=alike', 0],
      ['patient=other', 500],
      ['date=2026-01-01', 0],
      ['date=2026-01-02&patient=other', 500],
      ['value-quantity=90001', 0],
      ['value-quantity=90002', 500],
      ['code:text=weight%20in%202026-01-01', 0],
    ] as const) {
      expect(await total(query), query).to.equal(found);
    }
  });

  it('is held by its references by condition until their target exists', async function () {
    const [bundle] = sharedTexts(this, 'data/fhir/microsoft-bundles').filter((each) =>
      each.name.includes('ConditionalReferenceInResourceBody'),
    );
    expect((await house.fetch('', { body: bundle!.text })).status).to.equal(412);
    const made = await house.fetch('Patient', {
      body: { resourceType: 'Patient', identifier: [{ value: '12345' }] },
    });
    expect(made.status).to.equal(201);
    const answer = await house.fetch('', { body: bundle!.text });
    expect(answer.status, answer.text).to.equal(200);
    const { json } = await house.fetch(`Observation?subject=Patient/${made.json.id}`);
    expect(json.entry.length).to.be.greaterThan(0);
  });
});

describe('a batch', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('answers entry by entry, the good beside the bad', async () => {
    const { status, json } = await house.fetch('', {
      body: {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [
          entry('POST', 'Patient', { resource: { resourceType: 'Patient', gender: 'girl' } }),
          entry('POST', 'Patient', { resource: { resourceType: 'Patient', gender: 'female' } }),
          entry('GET', 'Patient/nobody'),
          entry('GET', 'Patient?gender=female'),
          entry('HAD', 'Patient/nobody'),
        ],
      },
    });
    expect(status).to.equal(200);
    expect(json.entry.map((each: BundleEntry) => each.response!.status)).to.deep.equal([
      '422',
      '201',
      '404',
      '200',
      '422',
    ]);
    expect(json.entry[0].response.outcome.issue[0].expression).to.deep.equal(['Patient.gender']);
    expect(json.entry[3].resource.entry).to.have.length(1);
  });

  it('answers every entry of published batches', async function () {
    for (const { name, text } of sharedTexts(this, 'data/fhir/microsoft-bundles')) {
      if (name.includes('Transaction') || name.includes('TypeMissing')) continue;
      const sent = JSON.parse(text) as Bundle;
      if (sent.type !== 'batch') continue;
      const { status, json } = await house.fetch('', { body: text });
      expect(status, name).to.equal(200);
      expect(json.entry, name).to.have.length(sent.entry!.length);
      const faults = json.entry.filter((each: BundleEntry) => each.response!.status >= '500');
      expect(faults, name).to.deep.equal([]);
    }
  });
});
