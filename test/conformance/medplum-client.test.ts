/**
 * Medplum's client, written for another server, works against this one.
 */

import { MedplumClient, OperationOutcomeError } from '@medplum/core';
import type { Bundle, Organization, Patient } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('MedplumClient', () => {
  let house: TestHouse;
  let client: MedplumClient;

  before(async () => {
    house = await startTestHouse();
    client = new MedplumClient({
      baseUrl: `${house.house.url}/`,
      fhirUrlPath: 'fhir/R4',
      accessToken: house.token,
      cacheTime: 0,
      autoBatchTime: 0,
    });
  });
  after(() => house?.stop());

  const amina = (): Patient => ({
    resourceType: 'Patient',
    identifier: [{ system: 'urn:test', value: 'amina' }],
    name: [{ family: 'Achieng', given: ['Amina'] }],
    gender: 'female',
    birthDate: '1990-06-15',
  });

  it('creates, reads, updates, patches and deletes', async () => {
    const made = await client.createResource<Patient>(amina());
    expect(made.meta?.versionId).to.equal('1');
    const read = await client.readResource('Patient', made.id!);
    expect(read).to.deep.equal(made);
    const updated = await client.updateResource<Patient>({ ...read, active: true });
    expect(updated.meta?.versionId).to.equal('2');
    const patched = await client.patchResource('Patient', made.id!, [
      { op: 'replace', path: '/birthDate', value: '1991-06-15' },
    ]);
    expect(patched).to.include({ birthDate: '1991-06-15', active: true });
    const history = await client.readHistory('Patient', made.id!);
    expect(history.entry?.map((each) => each.resource?.meta?.versionId)).to.deep.equal([
      '3',
      '2',
      '1',
    ]);
    const first = await client.readVersion('Patient', made.id!, '1');
    expect(first.active).to.equal(undefined);
    await client.deleteResource('Patient', made.id!);
    const gone = await client.readResource('Patient', made.id!).catch((error: unknown) => error);
    expect(gone).to.be.instanceOf(OperationOutcomeError);
  });

  it('creates once what is there already, and finds it by any of its search calls', async () => {
    const one = await client.createResourceIfNoneExist<Patient>(
      amina(),
      'identifier=urn:test|amina',
    );
    const two = await client.createResourceIfNoneExist<Patient>(
      amina(),
      'identifier=urn:test|amina',
    );
    expect(two.id).to.equal(one.id);
    const found = await client.searchOne('Patient', { name: 'ami', birthdate: '1990-06' });
    expect(found?.id).to.equal(one.id);
    const all = await client.searchResources('Patient', 'gender=female&_sort=-_lastUpdated');
    expect(all.map((each) => each.id)).to.include(one.id);
    const upserted = await client.upsertResource<Patient>(
      { ...amina(), active: false },
      'identifier=urn:test|amina',
    );
    expect(upserted).to.include({ id: one.id, active: false });
  });

  it('pages through everything once', async () => {
    for (let n = 0; n < 25; n += 1) {
      await client.createResource<Organization>({
        resourceType: 'Organization',
        name: `Page ${n}`,
      });
    }
    const seen: (string | undefined)[] = [];
    for await (const page of client.searchResourcePages('Organization', 'name=Page&_count=10')) {
      seen.push(...page.map((each) => each.name));
    }
    expect(seen).to.have.length(25);
    expect(new Set(seen).size).to.equal(25);
  });

  it('sends batches, calls operations and is told what is wrong', async () => {
    const patient = await client.createResource<Patient>({ resourceType: 'Patient' });
    const batch = await client.executeBatch({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: `Patient/${patient.id}` } },
        { request: { method: 'GET', url: 'Patient/none' } },
      ],
    });
    expect(batch.entry?.map((each) => each.response?.status.slice(0, 3))).to.deep.equal([
      '200',
      '404',
    ]);
    const everything = await client.readPatientEverything(patient.id!);
    expect((everything as Bundle).entry?.[0]?.resource?.id).to.equal(patient.id);
    const wrong = await client
      .createResource({ resourceType: 'Patient', gender: 'unheard-of' } as unknown as Patient)
      .catch((error: unknown) => error);
    expect(wrong).to.be.instanceOf(OperationOutcomeError);
    expect((wrong as OperationOutcomeError).outcome.issue[0]?.expression?.[0]).to.equal(
      'Patient.gender',
    );
  });
});
