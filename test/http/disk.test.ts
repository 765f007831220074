/**
 * Bulk files cannot fill the disk: what is known to be too large is refused before it is taken, and
 * one caller keeps so many finished jobs at most.
 */

import { connect } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('the disk of bulk files', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('is not filled by an import that is larger than it', async () => {
    const socket = connect(house.house.port, '127.0.0.1');
    socket.write(
      [
        'POST /fhir/R4/$import HTTP/1.1',
        'Host: x',
        `Authorization: Bearer ${house.token}`,
        'Content-Type: application/fhir+ndjson',
        'Content-Length: 900000000000000',
        '',
        '{"resourceType":"Patient"}\n',
      ].join('\r\n'),
    );
    const said = await new Promise<string>((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString()));
    });
    socket.destroy();
    expect(said).to.match(/^HTTP\/1\.1 503 /);
    expect(said)
      .to.include('disk-full')
      .and.match(/retry-after: 600/i);
  });

  it('keeps fifty finished jobs of one caller', async () => {
    const begin = () =>
      house.fetch('$export?_type=Patient', { headers: { prefer: 'respond-async' } });
    expect((await begin()).status).to.equal(202);
    await house.settle();
    await house.database.pool.query(
      `insert into bulk_job (id, kind, actor_id, actor, request, task, created_at, state, finished_at,
                             expires_at)
       select gen_random_uuid(), kind, actor_id, actor, request, task, created_at, state, finished_at,
              expires_at
       from bulk_job, generate_series(1, 49)`,
    );
    const refused = await begin();
    expect(refused.status, refused.text).to.equal(429);
    expect(refused.headers.get('retry-after')).to.equal('600');
    const { rows } = await house.database.pool.query<{ id: string }>(
      'select id from bulk_job limit 1',
    );
    const ended = await house.fetch(`bulk-status/${rows[0]!.id}`, { method: 'DELETE' });
    expect(ended.status).to.equal(202);
    expect((await begin()).status).to.equal(202);
  });
});
