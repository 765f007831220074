/**
 * Callers who go away, and statements that take too long: what runs for them in PostgreSQL ends, a
 * unit of work is rolled back, and the server answers the others.
 */

import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Module, type Operation, permission } from '../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const SLOW = permission('slow.call', 'calls what is slow');

function slow(code: string, affectsState: boolean, run: Operation['run']): Operation {
  const definition: OperationDefinition = {
    ...{ resourceType: 'OperationDefinition', status: 'active', kind: 'operation', code },
    ...{ name: code, system: true, type: false, instance: false, affectsState },
  };
  return { definition, permission: SLOW, run };
}

const slowness: Module = {
  name: 'slowness',
  title: 'Slowness',
  permissions: [SLOW],
  operations: [
    slow('slow-read', false, async (ctx) => {
      await ctx.db.query('select pg_sleep(30)');
      return { resourceType: 'Parameters' };
    }),
    slow('slow-write', true, async (ctx) => {
      await ctx.fhir.create({ resourceType: 'Patient', name: [{ family: 'Half' }] });
      await ctx.db.query('select pg_sleep(30)');
      return { resourceType: 'Parameters' };
    }),
  ],
};

describe('callers and the database', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({
      modules: [slowness],
      environment: { READ_TIMEOUT_SECONDS: '2', POOL_MAX: '3' },
    });
  });
  after(() => house?.stop());

  /** Statements that sleep now. */
  const sleeping = async (): Promise<number> => {
    const { rows } = await house.database.queuePool.query(
      `select from pg_stat_activity
       where datname = current_database() and state = 'active' and query like 'select pg_sleep%'`,
    );
    return rows.length;
  };
  const until = async (wanted: number, milliseconds: number): Promise<void> => {
    const end = performance.now() + milliseconds;
    while ((await sleeping()) !== wanted) {
      if (performance.now() > end) throw new Error(`${await sleeping()} sleep, not ${wanted}`);
      await pause(20);
    }
  };
  const call = (operation: string) => {
    const socket = connect(house.house.port, '127.0.0.1');
    socket.on('error', () => {});
    const head = `POST /fhir/R4/${operation} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n`;
    socket.write(`${head}Authorization: Bearer ${house.token}\r\n\r\n`);
    return socket;
  };

  for (const operation of ['$slow-read', '$slow-write']) {
    it(`frees what ${operation} holds within a second of its caller's going`, async () => {
      // More than there are connections: those who wait for one are not served after they have gone.
      const sockets = Array.from({ length: 5 }, () => call(operation));
      await until(3, 10_000);
      for (const socket of sockets) socket.destroy();
      await until(0, 1000);
      await pause(200);
      expect(await sleeping()).to.equal(0);
      const found = await house.fetch('Patient?family=Half&_summary=count');
      expect(found.json.total).to.equal(0);
      const written = await house.fetch('Patient', { body: { resourceType: 'Patient' } });
      expect(written.status).to.equal(201);
    });
  }

  it('stops a statement of a reader that takes too long, and says so', async () => {
    const answer = await house.fetch('$slow-read', { method: 'POST' });
    expect(answer.status).to.equal(504);
    expect(answer.json.issue[0]).to.deep.include({ severity: 'error', code: 'timeout' });
    expect(answer.json.issue[0].details.coding[0].code).to.equal('statement-timeout');
    expect((await house.fetch('Patient?_count=1')).status).to.equal(200);
  });
});
