/**
 * When something is wrong on our side: the caller gets an id and no insides, nothing is changed, and
 * a stop in the middle of a request lets it end.
 */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Module, permission } from '../../src/sdk/index.ts';
import { freshDatabase } from '../support/database.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const CALL = permission('trouble.call', 'calls what breaks');
let entered = (): void => {};
let release: Promise<void> = Promise.resolve();

const trouble: Module = {
  name: 'trouble',
  title: 'Trouble',
  permissions: [CALL],
  routes: [
    {
      method: 'POST',
      path: '/trouble/break',
      does: 'writes and breaks',
      access: CALL,
      async run(ctx) {
        await ctx.fhir.create({ resourceType: 'Patient', name: [{ family: 'Lost' }] });
        throw new Error('secret insides: hunter2');
      },
    },
    {
      method: 'POST',
      path: '/trouble/slow',
      does: 'writes and takes its time',
      access: CALL,
      async run(ctx) {
        await ctx.fhir.create({ resourceType: 'Patient', name: [{ family: 'Kept' }] });
        entered();
        await release;
        return { status: 200, body: 'done' };
      },
    },
  ],
};

describe('a bug', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ modules: [trouble] });
  });
  after(() => house?.stop());

  it('is answered with an id only, and changes nothing', async () => {
    const answer = await house.fetch(`${house.house.url}/trouble/break`, {
      method: 'POST',
      headers: { 'x-request-id': 'incident-1' },
    });
    expect(answer.status).to.equal(500);
    expect(answer.json.issue[0].code).to.equal('exception');
    expect(answer.json.issue[0].diagnostics).to.include('incident-1');
    expect(answer.text).not.to.match(/hunter2|insides|trouble\.ts|at /);
    expect((await house.fetch('Patient?family=lost&_summary=count')).json.total).to.equal(0);
  });

  it('is not reached without a token or the permission', async () => {
    const url = `${house.house.url}/trouble/break`;
    expect((await fetch(url, { method: 'POST' })).status).to.equal(401);
    const token = await house.tokenFor('registrar');
    expect((await house.fetch(url, { method: 'POST', token })).status).to.equal(403);
  });
});

/** A wire to the database that can be cut. */
async function wireTo(target: URL) {
  const sockets = new Set<Socket>();
  let cut = false;
  const server = createServer((near) => {
    if (cut) return void near.destroy();
    const far = connect(Number(target.port || 5432), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: String((server.address() as AddressInfo).port),
    cut: () => {
      cut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => {
      cut = false;
    },
    close: () => server.close(),
  };
}

describe('a database that goes away', () => {
  it('is told as busy, and the house recovers by itself', async () => {
    const database = await freshDatabase();
    const url = new URL(database.url);
    const wire = await wireTo(new URL(database.url));
    url.hostname = '127.0.0.1';
    url.port = wire.port;
    const house = await startTestHouse({ modules: [], environment: { DATABASE_URL: url.href } });
    expect((await house.fetch('Patient?_summary=count')).status).to.equal(200);
    wire.cut();
    const answer = await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    expect(answer.status).to.equal(503);
    expect(answer.headers.get('retry-after')).to.equal('1');
    expect((await fetch(`${house.house.url}/health/ready`)).status).to.equal(503);
    expect((await fetch(`${house.house.url}/health/live`)).status).to.equal(200);
    wire.mend();
    const again = await house.fetch('Patient', { body: { resourceType: 'Patient' } });
    expect(again.status).to.equal(201);
    await house.stop();
    wire.close();
    await database.drop();
  });
});

describe('a stop in the middle of a request', () => {
  it('lets the request end, takes no other, and then lets go of the database', async () => {
    const house = await startTestHouse({ modules: [trouble] });
    let open = (): void => {};
    release = new Promise((resolve) => {
      open = resolve;
    });
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const slow = house.fetch(`${house.house.url}/trouble/slow`, { method: 'POST' });
    await inside;
    const stopped = house.house.stop();
    const late = await fetch(`${house.house.url}/health/live`).catch(() => 'refused');
    expect(late === 'refused' || (late as Response).status === 200).to.equal(true);
    open();
    expect((await slow).text).to.equal('done');
    await stopped;
    const { rows } = await house.database.pool.query(`select count(*)::int as n from resource`);
    expect(rows[0].n).to.be.above(0);
    expect(await fetch(`${house.house.url}/health/live`).catch(() => 'refused')).to.equal(
      'refused',
    );
    await house.database.drop();
  });
});
