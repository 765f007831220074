/**
 * Clients that are slow on purpose: headers and bodies that never end, and connections that say
 * nothing. They are ended, and others are served meanwhile.
 */

import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const IDLE_CONNECTIONS = 2000;

describe('slow clients', function () {
  this.timeout(60_000);
  let house: TestHouse;
  const open = new Set<Socket>();

  before(async () => {
    house = await startTestHouse({
      environment: { REQUEST_TIMEOUT_SECONDS: '2' },
    });
  });
  after(async () => {
    for (const socket of open) socket.destroy();
    await house?.stop();
  });

  const dial = async (): Promise<Socket> => {
    const socket = connect(house.house.port, '127.0.0.1');
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  };
  /** What is said on a connection until it is closed. */
  const heard = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.once('close', () => resolve(text));
    });
  /** Sends a byte again and again until the connection is closed. */
  const drip = (socket: Socket, byte: string): void => {
    const timer = setInterval(() => socket.write(byte), 100);
    socket.once('close', () => clearInterval(timer));
  };
  const head = (method: string, path: string, more = ''): string =>
    `${method} /fhir/R4/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${house.token}\r\n${more}`;

  it('ends headers that never end, in words', async () => {
    const socket = await dial();
    const started = performance.now();
    socket.write(head('GET', 'Patient', 'X-Slow: '));
    drip(socket, 'a');
    const said = await heard(socket);
    expect(said)
      .to.match(/^HTTP\/1.1 408 /)
      .and.include('request-timeout');
    expect(performance.now() - started).to.be.below(6000);
  });

  it('ends a body that never ends, and writes nothing of it', async () => {
    const socket = await dial();
    socket.write(head('POST', 'Patient', 'Content-Length: 100000\r\n\r\n'));
    socket.write('{"resourceType":"Patient","name":[{"family":"');
    drip(socket, 'a');
    expect(await heard(socket)).to.match(/^HTTP\/1.1 408 /);
    expect((await house.fetch('Patient?_summary=count')).json.total).to.equal(0);
  });

  it(`serves others beside ${IDLE_CONNECTIONS} connections that say nothing`, async () => {
    // Not all at once: what does not fit into the queue of the system is not connected at all.
    const sockets: Socket[] = [];
    while (sockets.length < IDLE_CONNECTIONS) {
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, dial))));
    }
    const started = performance.now();
    expect((await house.fetch('Patient?_count=1')).status).to.equal(200);
    expect(performance.now() - started).to.be.below(2000);
    // Nobody reads: what the server says at last would keep the connections open on our side.
    for (const socket of sockets) socket.resume();
    await Promise.all(
      sockets.map(
        (socket) => socket.destroyed || new Promise((done) => socket.once('close', done)),
      ),
    );
    expect(open.size).to.equal(0);
  });
});
