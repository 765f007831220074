/**
 * A profile that a caller has stored holds for the resources that declare it, from then on.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const URL = 'https://ministry.example/fhir/StructureDefinition/counted-person';

describe('a stored profile', () => {
  let house: TestHouse;

  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('refuses what breaks it, in a create and in a transaction, once it is stored', async () => {
    const person = { resourceType: 'Patient', meta: { profile: [URL] }, gender: 'female' };
    expect((await house.fetch('Patient', { body: person })).status).to.equal(201);
    const stored = await house.fetch('StructureDefinition/counted-person', {
      method: 'PUT',
      body: {
        resourceType: 'StructureDefinition',
        id: 'counted-person',
        url: URL,
        name: 'CountedPerson',
        status: 'active',
        kind: 'resource',
        abstract: false,
        type: 'Patient',
        baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
        derivation: 'constraint',
        differential: { element: [{ id: 'Patient.birthDate', path: 'Patient.birthDate', min: 1 }] },
      },
    });
    expect(stored.status, stored.text).to.equal(201);
    const refused = await house.fetch('Patient', { body: person });
    expect(refused.status).to.equal(422);
    expect(refused.json.issue[0].expression[0]).to.equal('Patient.birthDate');
    const bundle = await house.fetch('', {
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource: person, request: { method: 'POST', url: 'Patient' } }],
      },
    });
    expect(bundle.status).to.equal(422);
    expect(bundle.json.issue[0].expression[0]).to.include('Bundle.entry[0]');
    const whole = { ...person, birthDate: '1990-06-15' };
    expect((await house.fetch('Patient', { body: whole })).status).to.equal(201);
  });
});
