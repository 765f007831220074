/** The operations of the house itself: `$validate` writes nothing, `$everything` leaves nothing out. */

import type { Bundle, BundleEntry } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedTexts } from '../support/shared.ts';

describe('an operation of the house', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const severities = ({ json }: Answer): string[] =>
    json.issue.map((each: { severity: string }) => each.severity);

  it('validates a bare resource and one among Parameters, and writes nothing', async () => {
    const good = { resourceType: 'Patient', gender: 'female' };
    const bare = await house.fetch('Patient/$validate', { body: good });
    expect(bare.status, bare.text).to.equal(200);
    expect(severities(bare)).to.deep.equal(['information']);
    const wrong = await house.fetch('Patient/$validate', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'resource', resource: { resourceType: 'Patient', gender: 'girl' } },
          { name: 'mode', valueCode: 'create' },
        ],
      },
    });
    expect(wrong.status, wrong.text).to.equal(200);
    expect(severities(wrong)).to.include('error');
    expect(wrong.json.issue[0].expression).to.deep.equal(['Patient.gender']);
    expect((await house.fetch('Patient?_summary=count')).json.total).to.equal(0);
  });

  it('refuses a parameter whose value is not what its type says, naming the place', async () => {
    const resource = { resourceType: 'Patient', gender: 'female' };
    for (const [name, value] of [
      ['mode', { valueCode: 7 }],
      ['mode', { valueBoolean: true }],
      ['mode', {}],
      ['mode', { valueCode: 'create', valueString: 'create' }],
      ['profile', { valueUri: { a: 1 } }],
      ['profile', { valueUri: 'urn:x', part: [null] }],
    ] as const) {
      const parameter = [
        { name: 'resource', resource },
        { name, ...value },
      ];
      const body = { resourceType: 'Parameters', parameter };
      const answer = await house.fetch('Patient/$validate', { body });
      expect(answer.status, answer.text).to.equal(400);
      expect(answer.json.issue[0].expression[0]).to.match(/^Parameters\.parameter\[1\]/);
    }
  });

  it('refuses in a URL what only a body can carry', async () => {
    for (const url of [
      'Group/$match?resource=Group/x',
      'ValueSet/$validate-code?url=urn:x&coding=x',
      'Patient/$validate?resource=x',
    ]) {
      const answer = await house.fetch(url);
      expect(answer.status, answer.text).to.equal(400);
      expect(answer.json.issue[0].diagnostics).to.include('no URL can carry');
    }
  });

  it('takes a misspelt parameter of the URL for none only where it is told to', async () => {
    const { json } = await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    const path = `Patient/${json.id}/$everything?_snce=2026-01-01`;
    const refused = await house.fetch(path);
    expect(refused.status, refused.text).to.equal(400);
    expect(refused.json.issue[0].diagnostics).to.include('_since');
    const lenient = await house.fetch(path, { headers: { prefer: 'handling=lenient' } });
    expect(lenient.status, lenient.text).to.equal(200);
    expect((await house.fetch(`${path.split('?')[0]}?_format=json&_pretty=true`)).status).to.equal(
      200,
    );
    await house.fetch(`Patient/${json.id}`, { method: 'DELETE' });
  });

  it('refuses a resource of another shape than its type has, naming the place', async () => {
    const twisted = { resourceType: 'ValueSet', status: 'active', compose: 'x', extension: 'x' };
    const parameter = [
      { name: 'url', valueUri: 'urn:x' },
      { name: 'valueSet', resource: twisted },
    ];
    const answer = await house.fetch('ValueSet/$expand', {
      body: { resourceType: 'Parameters', parameter },
    });
    expect(answer.status, answer.text).to.be.oneOf([400, 422]);
    expect(answer.json.issue.map((each: Json) => each.expression[0])).to.include.members([
      'Parameters.parameter[1].resource.compose',
      'Parameters.parameter[1].resource.extension',
    ]);
    const named = { name: 'url', resource: { resourceType: 'uri' } };
    const notOne = await house.fetch('ValueSet/$expand', {
      body: { resourceType: 'Parameters', parameter: [named] },
    });
    expect(notOne.status, notOne.text).to.equal(400);
  });

  it('takes one kind of text for another, as clients send it', async () => {
    const parameter = [
      { name: 'resource', resource: { resourceType: 'Patient', gender: 'female' } },
      { name: 'mode', valueString: 'create' },
      { name: 'profile', valueString: 'http://hl7.org/fhir/StructureDefinition/Patient' },
    ];
    const body = { resourceType: 'Parameters', parameter };
    const answer = await house.fetch('Patient/$validate', { body });
    expect(answer.status, answer.text).to.equal(200);
    expect(severities(answer)).to.deep.equal(['information']);
  });

  it('validates against a profile, and what is stored', async () => {
    const vitals = 'http://hl7.org/fhir/StructureDefinition/vitalsigns';
    const body = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
    expect(severities(await house.fetch('Observation/$validate', { body }))).to.not.include(
      'error',
    );
    const held = await house.fetch(`Observation/$validate?profile=${vitals}`, { body });
    expect(severities(held)).to.include('error');
    const unknown = await house.fetch('Observation/$validate?profile=urn:none', { body });
    expect(severities(unknown)).to.include('error');
    const { json } = await house.fetch('Observation', { body });
    const stored = await house.fetch(`Observation/${json.id}/$validate?profile=${vitals}`);
    expect(severities(stored), stored.text).to.include('error');
    const other = { ...body, id: 'other' };
    const moved = await house.fetch(`Observation/${json.id}/$validate?mode=update`, {
      body: other,
    });
    expect(moved.json.issue[0].expression).to.deep.equal(['Observation.id']);
  });

  it('gives the verdict of the interaction that a mode names', async () => {
    // right by its profile, but the room of areas refuses the identifier
    const area = {
      resourceType: 'Location',
      meta: { profile: ['https://amana.example/fhir/StructureDefinition/area'] },
      identifier: [{ system: 'https://amana.example/id/dhis2-uid', value: '1' }],
      name: 'North',
      type: [{ text: 'area' }],
    };
    const at = (path: string, body?: object) => house.fetch(path, { method: 'POST', body });
    const plain = await at('Location/$validate', area);
    expect(severities(plain), plain.text).to.deep.equal(['information']);
    const creating = await at('Location/$validate?mode=create', area);
    expect(creating.status, creating.text).to.equal(200);
    expect(creating.json.issue[0].details.coding[0].code).to.equal('dhis2-uid-malformed');
    const missing = await at('Patient/$validate?mode=update', { resourceType: 'Patient' });
    expect(missing.json.issue[0].expression).to.deep.equal(['Patient.id']);
    const { json } = await house.fetch('Organization', {
      body: { resourceType: 'Organization', name: 'Clinic' },
    });
    const free = await at(`Organization/${json.id}/$validate?mode=delete`, {
      resourceType: 'Parameters',
    });
    expect(severities(free), free.text).to.deep.equal(['information']);
    expect((await house.fetch(`Organization/${json.id}`)).status).to.equal(200);
    const before = (await house.fetch('Patient?_summary=count')).json.total;
    const good = await at('Patient/$validate?mode=create', { resourceType: 'Patient' });
    expect(severities(good), good.text).to.deep.equal(['information']);
    expect((await house.fetch('Patient?_summary=count')).json.total).to.equal(before);
  });

  it('can be read as it is defined, with the profiles and value sets beside it', async () => {
    const { json: statement } = await house.fetch('metadata');
    const named: string[] = [
      ...statement.rest[0].resource.flatMap((each: { operation?: { definition: string }[] }) =>
        (each.operation ?? []).map(({ definition }) => definition),
      ),
      ...statement.rest[0].resource.flatMap(
        (each: { supportedProfile?: string[] }) => each.supportedProfile ?? [],
      ),
    ];
    const ours = named.filter((each) => each.startsWith('https://amana.example/fhir/'));
    expect(ours.length).to.be.greaterThan(30);
    for (const url of new Set(ours)) {
      const found = await house.fetch(url.slice('https://amana.example/fhir/'.length));
      expect(found.status, url).to.equal(200);
      expect(found.json.url).to.equal(url);
    }
    const set = await house.fetch('ValueSet/member-role');
    expect(set.json).to.include({ resourceType: 'ValueSet', id: 'member-role' });
    expect((await house.fetch('ValueSet/none')).status).to.equal(404);
  });

  it('validates by profiles, value sets and forms that are stored here', async () => {
    const base = { status: 'active', kind: 'resource', abstract: false, derivation: 'constraint' };
    const store = async (body: object) => {
      const answer = await house.fetch((body as { resourceType: string }).resourceType, { body });
      expect(answer.status, answer.text).to.equal(201);
    };
    await store({
      resourceType: 'ValueSet',
      url: 'http://x/vs',
      status: 'active',
      compose: { include: [{ system: 'http://x/cs', concept: [{ code: 'a' }] }] },
    });
    await store({
      resourceType: 'StructureDefinition',
      url: 'http://x/coded',
      name: 'Coded',
      ...base,
      type: 'Patient',
      baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
      differential: {
        element: [
          { id: 'Patient.name', path: 'Patient.name', min: 1 },
          {
            id: 'Patient.maritalStatus',
            path: 'Patient.maritalStatus',
            binding: { strength: 'required', valueSet: 'http://x/vs' },
          },
        ],
      },
    });
    const status = (code: string) => ({ coding: [{ system: 'http://x/cs', code }] });
    const named = { resourceType: 'Patient', name: [{ text: 'A' }] };
    const held = (body: object) =>
      house.fetch('Patient/$validate?profile=http://x/coded', { body });
    const expressions = ({ json }: Answer) =>
      json.issue.flatMap((each: { expression?: string[] }) => each.expression ?? []);
    expect(expressions(await held({ ...named, maritalStatus: status('a') }))).to.deep.equal([]);
    expect(
      expressions(await held({ resourceType: 'Patient', maritalStatus: status('b') })),
    ).to.have.members(['Patient.name', 'Patient.maritalStatus']);
    const declared = { ...named, name: undefined, meta: { profile: ['http://x/coded'] } };
    const body = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: declared }] };
    expect(expressions(await house.fetch('Bundle/$validate', { body }))).to.deep.equal([
      'Bundle.entry[0].resource.name',
    ]);
    await store({
      resourceType: 'Questionnaire',
      url: 'http://x/form',
      status: 'active',
      item: [{ linkId: 'rooms', type: 'integer', required: true }],
    });
    const answers = {
      resourceType: 'QuestionnaireResponse',
      questionnaire: 'http://x/form',
      status: 'completed',
      item: [{ linkId: 'rooms', answer: [{ valueString: 'two' }] }],
    };
    expect(
      expressions(await house.fetch('QuestionnaireResponse/$validate', { body: answers })),
    ).to.deep.equal(['QuestionnaireResponse.item[0].answer[0].value']);
  });

  it('gives everything of a person, as it was sent', async function () {
    const [history] = sharedTexts(this, 'data/fhir/synthea');
    const sent = await house.fetch('', { body: history!.text });
    const locations = sent.json.entry.map((each: BundleEntry) => each.response!.location!);
    const names = locations.map((each: string) => each.split('/').slice(-4, -2).join('/'));
    const patient = names.find((each: string) => each.startsWith('Patient/'));
    const all = await house.fetch(`${patient}/$everything`);
    expect(all.status, all.text.slice(0, 300)).to.equal(200);
    const found = (all.json as Bundle).entry!.map(
      ({ resource }) => `${resource!.resourceType}/${resource!.id}`,
    );
    expect(new Set(found).size).to.equal(found.length);
    expect(found).to.have.members(names);
    const some = await house.fetch(`${patient}/$everything?_type=Encounter,Condition`);
    const types = (some.json as Bundle).entry!.map(({ resource }) => resource!.resourceType);
    expect([...new Set(types)].sort()).to.deep.equal(['Condition', 'Encounter']);
  });

  it('gives everything of a household, and nothing to who may not read', async () => {
    await house.fetch('Patient/kofi', {
      method: 'PUT',
      body: { resourceType: 'Patient', id: 'kofi' },
    });
    await house.fetch('Group/kin', {
      method: 'PUT',
      body: {
        resourceType: 'Group',
        id: 'kin',
        type: 'person',
        actual: true,
        member: [{ entity: { reference: 'Patient/kofi' } }],
      },
    });
    await house.fetch('Flag', {
      body: {
        resourceType: 'Flag',
        status: 'active',
        code: { text: 'x' },
        subject: { reference: 'Patient/kofi' },
      },
    });
    const { json } = await house.fetch('Group/kin/$everything');
    const types = json.entry.map((each: BundleEntry) => each.resource!.resourceType);
    expect(types.sort()).to.deep.equal(['Flag', 'Group', 'Patient']);
    const token = await house.tokenFor();
    expect((await house.fetch('Group/kin/$everything', { token })).status).to.equal(403);
    expect((await house.fetch('Group/nobody/$everything')).status).to.equal(404);
  });
});
