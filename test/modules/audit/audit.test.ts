/** The trail as FHIR: each write is an AuditEvent, and tampering shows over HTTP. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { seal } from '../../../src/audit/seal.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('the trail as FHIR', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const sealAll = async (): Promise<void> => {
    const waiting =
      'select 1 from audit_event where seq > (select coalesce(max(to_seq), 0) from audit_block)';
    // Reads are noted a moment later, and would make a block of their own.
    await house.app.reads.flush();
    do await runUnitOfWork(house.app, SYSTEM, {}, seal);
    while ((await house.database.pool.query(waiting)).rowCount);
  };
  const verdict = async (): Promise<Record<string, unknown>> => {
    const answer = await house.fetch('AuditEvent/$verify');
    expect(answer.status, answer.text).to.equal(200);
    return valuesOf(answer.json.parameter);
  };
  const valuesOf = (parameters: Json[]): Record<string, unknown> =>
    Object.fromEntries(
      parameters.map(({ name, part, ...value }) => [
        name,
        part ? valuesOf(part) : Object.values(value)[0],
      ]),
    );

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

  it('is found by whom and what it names, whole or by the beginning', async () => {
    for (const id of ['p-1', 'p-10', '0197f95d-3ac0-7100-8000-0000000000aa']) {
      const body = { resourceType: 'Basic', id, code: { text: 'x' } };
      expect((await house.fetch(`Basic/${id}`, { method: 'PUT', body })).status).to.equal(201);
    }
    const finds: Record<string, number> = {
      'entity-name=Basic/p-1': 2,
      'entity-name=basic/P-1': 2,
      'entity-name:exact=Basic/p-1': 1,
      'entity-name:exact=Basic/p': 0,
      'entity-name:exact=Basic': 0,
      'entity-name=Bas': 3,
      'entity-name=Basic/': 3,
      'entity-name=Basic/0197f95d-3ac0-7100-8000-0000000000aa': 1,
      'entity-name=Basic/0197F95D-3ac0': 1,
      'entity-name=Basic/0197f95d3ac0': 0,
      'entity-name=Patient/0197f95d-3ac0-7100-8000-0000000000aa': 0,
      'entity-name:contains=sic/p-1': 2,
      'entity-name:contains=3ac0-7100': 1,
      'entity-name=Basic/p-1,Basic/0197f95d-3ac0-7100-8000-0000000000aa&_sort=-date': 3,
      'entity-name=Basic/p%25': 0,
      'subtype=delete': 0,
      'agent-name=nobody': 0,
    };
    const [first] = (await house.fetch('AuditEvent?entity-name=Basic/p-1')).json.entry;
    const actor = first.resource.agent[0].who.identifier.value as string;
    for (const asked of [actor, actor.slice(0, 13).toUpperCase(), `${actor},nobody`]) {
      finds[`agent-name=${asked}&entity-name=Basic`] = 3;
    }
    for (const [query, count] of Object.entries(finds)) {
      const { status, json, text } = await house.fetch(`AuditEvent?${query}`);
      expect(status, text).to.equal(200);
      expect((json.entry ?? []).length, query).to.equal(count);
    }
  });

  it('is whole until somebody changes a sealed row', async () => {
    await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    await sealAll();
    expect(await verdict()).to.include({ whole: true, blocks: 1 });
    await house.database.pool.query("update audit_event set actor_id = 'nobody' where seq = 1");
    const broken = await verdict();
    expect(broken.whole).to.equal(false);
    expect(broken.fault).to.match(
      /^row 1 of block 1 \(rows 1–\d+\) was changed; recorded 2026-01-15/,
    );
    expect(broken['broken-row']).to.deep.include({ id: '1', block: 1 });
    const event = await house.fetch(`AuditEvent/1`);
    expect((broken['broken-row'] as Json).recorded).to.equal(event.json.recorded);
  });

  it('is verified by those who may', async () => {
    const token = await house.tokenFor('registry-client');
    expect((await house.fetch('AuditEvent/$verify', { token })).status).to.equal(403);
    expect((await house.fetch('AuditEvent', { token })).status).to.equal(403);
  });
});
