/** The trail as FHIR: each write is an AuditEvent, and tampering shows over HTTP. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { seal } from '../../../src/audit/seal.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

describe('the trail as FHIR', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const sealAll = async (): Promise<void> => {
    for (let turn = 0; turn < 2; turn += 1) await runUnitOfWork(house.app, SYSTEM, {}, seal);
  };
  const verdict = async (): Promise<Record<string, unknown>> => {
    const answer = await house.fetch('AuditEvent/$verify');
    expect(answer.status, answer.text).to.equal(200);
    return Object.fromEntries(
      answer.json.parameter.map((each: Record<string, unknown>) => [
        each.name,
        each.valueBoolean ?? each.valueInteger ?? each.valueString,
      ]),
    );
  };

  it('says who wrote what, by the request that did it', async () => {
    const created = await house.fetch('Patient', {
      body: { resourceType: 'Patient', gender: 'female' },
      headers: { 'x-request-id': 'push-17' },
    });
    const name = `Patient/${created.json.id}`;
    const found = await house.fetch(`AuditEvent?entity-name=${name}&action=C`);
    expect(found.json.entry).to.have.length(1);
    const event = found.json.entry[0].resource;
    expect(event.entity[0].what.reference).to.equal(`${name}/_history/1`);
    expect(JSON.stringify(event.entity)).to.include('push-17');
    expect(event.agent[0].who.identifier.value).to.be.a('string');
  });

  it('is whole until somebody changes a sealed row', async () => {
    await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    await sealAll();
    expect(await verdict()).to.include({ whole: true, blocks: 1 });
    await house.database.pool.query("update audit_event set actor_id = 'nobody' where seq = 1");
    const broken = await verdict();
    expect(broken.whole).to.equal(false);
    expect(broken.fault).to.be.a('string');
  });

  it('is verified by those who may', async () => {
    const token = await house.tokenFor('registry-client');
    expect((await house.fetch('AuditEvent/$verify', { token })).status).to.equal(403);
    expect((await house.fetch('AuditEvent', { token })).status).to.equal(403);
  });
});
