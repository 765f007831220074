/**
 * Answers that would not fit into memory, and readers who do not read: each is refused or ended, and
 * what they held is free again.
 */

import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { type HouseProcess, startProcess } from '../support/process.ts';

describe('answers that are larger than their readers', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let house: HouseProcess;

  before(async () => {
    database = await freshDatabase();
    house = await startProcess(database.url, { CONNECTION_IDLE_SECONDS: '8', POOL_MAX: '5' }, 600);
    const bytes = Buffer.alloc(6_000_000, 'x').toString('base64');
    for (let at = 0; at < 12; at += 1) {
      const body = { resourceType: 'Binary', contentType: 'image/png', data: bytes };
      const { status } = await call('POST', 'Binary', body);
      expect(status).to.equal(201);
    }
  });
  after(async () => {
    await house?.kill();
    await database.drop();
  });

  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${house.url}/fhir/R4${path && `/${path}`}`, {
      method,
      headers: {
        authorization: `Bearer ${house.token}`,
        'content-type': 'application/fhir+json',
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  };

  it('are refused when a page is too large to be held, and given in smaller pages', async () => {
    const page = await call('GET', 'Binary?_count=1000');
    expect(page.status, page.text.slice(0, 300)).to.equal(403);
    expect(page.text).to.include('answer-too-large').and.include('_count');
    expect((await call('GET', 'Binary?_count=2')).status).to.equal(200);
  });

  it('end a batch early, entry by entry', async () => {
    const entry = Array.from({ length: 100 }, () => ({
      request: { method: 'GET', url: 'Binary?_count=3' },
    }));
    const batch = await call('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    expect(batch.status).to.equal(200);
    const { entry: answers } = JSON.parse(batch.text) as {
      entry: { response: { status: string } }[];
    };
    expect(answers).to.have.length(100);
    expect(answers[0]!.response.status).to.equal('200');
    expect(answers[99]!.response.status).to.equal('403');
    expect(house.child.exitCode, house.said()).to.equal(null);
  });

  it('hold nothing when they are not read', async () => {
    const sockets: Socket[] = [];
    for (let at = 0; at < 8; at += 1) {
      const socket = connect(house.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.pause();
      socket.write(
        `GET /fhir/R4/Binary?_count=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${house.token}\r\n\r\n`,
      );
      sockets.push(socket);
    }
    await pause(1000);
    expect((await call('GET', 'Patient?_summary=count')).status).to.equal(200);
    await pause(9000);
    const { status } = await call('GET', 'Patient?_summary=count');
    expect(status).to.equal(200);
    const { rows } = await database.pool.query<{ busy: number }>(
      `select count(*)::int as busy from pg_stat_activity
       where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`,
    );
    expect(rows[0]!.busy).to.equal(0);
    for (const socket of sockets) socket.destroy();
    expect((await call('GET', 'Binary?_count=2')).status).to.equal(200);
    expect(house.child.exitCode, house.said()).to.equal(null);
  });
});
