/**
 * A receiver of notifications that keeps its own books: what came, in which order, and whether it
 * took it. It can be slow, refuse, or drop the connection, and it verifies signatures by itself.
 */

import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A notification as it came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** HTTP status that it was answered with; 0: the connection was dropped. */
  readonly answered: number;
}

/** How the receiver answers. */
export type Mood = number | 'drop' | 'silent' | ((count: number) => number | 'drop' | 'silent');

export interface Receiver {
  readonly url: string;
  /** `host:port`, for SUBSCRIPTION_INSIDE_HOSTS. */
  readonly host: string;
  readonly got: Received[];
  /** What it has taken. */
  taken(): Received[];
  mood: Mood;
  /** Extra headers of its answers. */
  answers: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts a receiver on a free port of the loopback address. */
export async function startReceiver(): Promise<Receiver> {
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { mood } = receiver;
      const answer = typeof mood === 'function' ? mood(receiver.got.length) : mood;
      const answered = typeof answer === 'number' ? answer : 0;
      const { method = '', url = '', headers } = request;
      receiver.got.push({ method, path: url, headers, body, answered });
      if (answer === 'drop') request.socket.destroy();
      else if (answer !== 'silent') response.writeHead(answered, receiver.answers).end('thanks');
    });
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const receiver: Receiver = {
    url: `http://${host}/hook`,
    host,
    got: [],
    taken: () => receiver.got.filter((each) => each.answered >= 200 && each.answered < 300),
    mood: 200,
    answers: {},
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return receiver;
}

/** Says whether a notification is signed with a key (`whsec_…`) and not older than five minutes. */
export function isSigned(received: Received, secret: string, now: Date): boolean {
  const { headers, body } = received;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const id = String(headers['webhook-id']);
  const at = String(headers['webhook-timestamp']);
  if (Math.abs(now.getTime() / 1000 - Number(at)) > 300) return false;
  const wanted = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${wanted}`);
}
