/** The house answers: metadata without sign-in, everything else with a token only. */

import type { Patient } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('the house over HTTP', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('shows metadata and health to anybody, and nothing else', async () => {
    const metadata = await fetch(`${house.base}/metadata`);
    expect(metadata.status).to.equal(200);
    expect(((await metadata.json()) as { fhirVersion: string }).fhirVersion).to.equal('4.0.1');
    expect((await fetch(`${house.house.url}/health/ready`)).status).to.equal(200);
    const refused = await fetch(`${house.base}/Patient`);
    expect(refused.status).to.equal(401);
    expect(refused.headers.get('www-authenticate')).to.include('Bearer');
  });

  it('keeps a patient and its history for a FHIR client', async () => {
    const created = (await house.client.create({
      resourceType: 'Patient',
      body: { resourceType: 'Patient', name: [{ family: 'Odhiambo', given: ['Amina'] }] },
    })) as Patient;
    expect(created.id).to.be.a('string');
    const read = await house.client.read({ resourceType: 'Patient', id: created.id! });
    expect(read).to.deep.equal(created);
    const changed = (await house.client.update({
      resourceType: 'Patient',
      id: created.id!,
      body: { ...created, gender: 'female' } as never,
    })) as Patient;
    expect(changed.meta?.versionId).to.equal('2');
    const found = await house.client.search({
      resourceType: 'Patient',
      searchParams: { name: 'odh', gender: 'female' },
    });
    expect(found.entry).to.have.length(1);
    const history = await house.fetch(`Patient/${created.id}/_history`);
    expect(
      history.json.entry.map(
        (each: { resource: { meta: { versionId: string } } }) => each.resource.meta.versionId,
      ),
    ).to.deep.equal(['2', '1']);
  });
});
